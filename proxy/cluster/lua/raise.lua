-- Holds back an account. KEYS: account. ARGV: 1 ms; 2 ms by which it must outlast an earlier back-off; 3 the channel for
-- news; 4 what all gateways are told. Returns 1 if no back-off was active.
local before = tonumber(redis.call('HGET', KEYS[1], 'throttled') or 0)
if before <= now or now + ARGV[1] > before + ARGV[2] then
	redis.call('HSET', KEYS[1], 'throttled', text(now + ARGV[1]))
	keep(KEYS[1], tonumber(ARGV[1]))
	redis.call('PUBLISH', ARGV[3], ARGV[4])
end
return before <= now and 1 or 0
