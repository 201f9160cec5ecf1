-- Tells of what was used that Redis may have lost, or was not told of. KEYS: the budget. ARGV: for each quarter its number,
-- the messages and bytes that all gateways have known of, and those since then. Returns 1.
-- The numbers that gateways have known of may differ: "base" has the highest until something is spent again.
local quarters = used(KEYS[1])
for i = 1, #ARGV, 5 do
	if tonumber(ARGV[i]) >= quarter - 96 then
		local had = quarters[ARGV[i]] or {0, 0}
		local m, b = string.match(redis.call('HGET', KEYS[1], 'base ' .. ARGV[i]) or '', '^(%d+) (%d+)$')
		if not m then m, b = had[1], had[2] end
		local messages, bytes = math.max(m, ARGV[i + 1]), math.max(b, ARGV[i + 2])
		put(KEYS[1], ARGV[i], had[1] + messages - m + ARGV[i + 3], had[2] + bytes - b + ARGV[i + 4])
		redis.call('HSET', KEYS[1], 'base ' .. ARGV[i], string.format('%.0f %.0f', messages, bytes))
	end
end
return 1
