-- window-average.lua: the mean of each two numbers of a key; with a ValueState.
--
-- Flink's CountWindowAverage.  The state is a count and a running sum; when the
-- count reaches 2 the average is emitted and the state cleared, so that the key
-- starts over.  Integer division drops the fraction, toward zero.
local sum

local function quotient(a, b)
	local q = a // b
	return (q < 0 and q * b ~= a) and q + 1 or q
end

return {
	open = function()
		-- the name, and the value where nothing was set
		sum = value_state("average", { 0, 0 })
	end,

	process = function(key, rec)
		local current = sum:value()
		current[1] = current[1] + 1
		current[2] = current[2] + math.tointeger(field(rec, 2))
		sum:update(current)
		if current[1] >= 2 then
			emit(key .. "," .. quotient(current[2], current[1]))
			sum:clear()
		end
	end,
}
