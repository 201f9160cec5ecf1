-- Slows a pace of an account after a throttle. KEYS: account. ARGV: 1 name of the pace; 2 the part of the pace that is
-- left; 3 the least part; 4 the part that a minute restores; 5 the channel for news; 6 the news that the pace is slower.
-- Returns the part that applies now.
local factor = math.max(part(KEYS[1], ARGV[1], ARGV[4]) * ARGV[2], tonumber(ARGV[3]))
redis.call('HSET', KEYS[1], ARGV[1] .. '.factor', text(factor), ARGV[1] .. '.since', text(now))
keep(KEYS[1], (1 - factor) / ARGV[4] * 60000)
redis.call('PUBLISH', ARGV[5], ARGV[6])
return text(factor)
