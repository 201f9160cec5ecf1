-- A gateway lives. KEYS: gateways, born. ARGV: ms after which a gateway is silent, ms after which it is dead, its id,
-- the ids that it knows. Returns the number of gateways that are not dead, and their ids.
if redis.call('SET', KEYS[2], text(now), 'NX') then
	-- Redis has lost its data. The others may go on without Redis until they are back.
	for i = 4, #ARGV do redis.call('ZADD', KEYS[1], text(now - ARGV[1] - 1), ARGV[i]) end
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', text(now - ARGV[2]))
redis.call('ZADD', KEYS[1], text(now), ARGV[3])
return redis.call('ZRANGE', KEYS[1], 0, -1)
