-- Gives an attempt back, or ends it. KEYS: attempts of the message. ARGV: 1 the id of the attempt; for an end also 2 the
-- channel for news, and 3 the news of it. Returns 1.
redis.call('HDEL', KEYS[1], 'taken ' .. ARGV[1])
if ARGV[2] then
	redis.call('HDEL', KEYS[1], ARGV[1])
	redis.call('PUBLISH', ARGV[2], ARGV[3])
end
return 1
