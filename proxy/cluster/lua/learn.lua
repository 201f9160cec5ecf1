-- Returns the names of the highest counts of failed logins, and after each its failures. KEYS: failures. ARGV: 1 ms that
-- forgive a failure; 2 how many counts at most.
local counts = redis.call('ZREVRANGE', KEYS[1], 0, ARGV[2] - 1)
local all = {}
for _, count in ipairs(counts) do
	table.insert(all, count)
	table.insert(all, text(failures(KEYS[1], count, tonumber(ARGV[1]))))
end
return all
