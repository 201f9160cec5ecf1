-- Puts messages on the list of those that are never sent again. KEYS: the list. ARGV: 1 ms after which they are forgotten;
-- 2 how many are kept; 3 the channel for news; then for each its name, its age in ms, and the news of it. Returns 1.
for i = 4, #ARGV, 3 do
	local at, before = now - ARGV[i + 1], redis.call('ZSCORE', KEYS[1], ARGV[i])
	if not before or tonumber(before) < at then redis.call('ZADD', KEYS[1], text(at), ARGV[i]) end
	if not before then redis.call('PUBLISH', ARGV[3], ARGV[i + 2]) end
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', text(now - ARGV[1]))
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -ARGV[2] - 1)
keep(KEYS[1], tonumber(ARGV[1]))
return 1
