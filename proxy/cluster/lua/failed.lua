-- Tells of failures that Redis may have lost, or was not told of. KEYS: failures. ARGV: 1 ms that forgive a failure; 2 the
-- most counts; 3 the channel for news; then for each count its name, the failures that all gateways have known of, those
-- since then, and the news of these.
local forgive = tonumber(ARGV[1])
for i = 4, #ARGV, 4 do
	local untold = tonumber(ARGV[i + 2])
	local n = math.max(failures(KEYS[1], ARGV[i], forgive), ARGV[i + 1]) + untold
	fail(KEYS[1], ARGV[i], n, forgive, tonumber(ARGV[2]))
	if untold > 0 then redis.call('PUBLISH', ARGV[3], ARGV[i + 3]) end
end
return 1
