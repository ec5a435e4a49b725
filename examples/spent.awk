# spent.awk: what a customer has spent so far; asked and answering by lines.
#
# Asked: KEY TAB STATE TAB RECORD.  The state is the sum so far, in cents, and is
# weir's: this program keeps nothing, so that it may die at any moment.
BEGIN {
	FS = "\t"
}

{
	cents = substr($2, 2) + 0
	before = int(cents / 10000)
	cents += int($NF * 100 + 0.5)
	if (int(cents / 10000) > before)
		print ">" $1 "\t" int(cents / 10000) * 100 "\t" $3
	print "=" cents
	fflush()
}
