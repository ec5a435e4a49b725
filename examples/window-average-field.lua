-- window-average-field.lua: the mean of each two numbers; with a field.
--
-- Flink's CountWindowAverage that implements Checkpointed: the sum is a variable of
-- the program, one for all keys of a subtask.  So with several keys it is another
-- function than window-average.lua.
local sum

local function quotient(a, b)
	local q = a // b
	return (q < 0 and q * b ~= a) and q + 1 or q
end

return {
	open = function()
		-- restore() comes before: then it is set already
		sum = sum or { 0, 0 }
	end,

	process = function(key, rec)
		sum[1] = sum[1] + 1
		sum[2] = sum[2] + math.tointeger(field(rec, 2))
		if sum[1] >= 2 then
			emit(key .. "," .. quotient(sum[2], sum[1]))
			sum = { 0, 0 }
		end
	end,

	snapshot = function(checkpoint, timestamp)
		return sum
	end,

	restore = function(state)
		sum = state
	end,
}
