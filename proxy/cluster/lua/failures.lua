-- What the scripts of failed logins share. The sorted set has, for each count, when it is forgiven: each failure moves
-- that by forgive ms.
local function failures(set, count, forgive)
	return math.max(0, ((redis.call('ZSCORE', set, count) or 0) - now) / forgive)
end

local function fail(set, count, n, forgive, most)
	redis.call('ZADD', set, text(now + n * forgive), count)
	redis.call('ZREMRANGEBYSCORE', set, '-inf', text(now))
	redis.call('ZREMRANGEBYRANK', set, 0, -most - 1)
	keep(set, n * forgive + 1000)
end
