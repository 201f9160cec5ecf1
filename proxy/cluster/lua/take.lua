-- Takes n tokens from a pace of an account and from that of all accounts of its upstream. A negative n gives them back.
-- KEYS: account, upstream, gateways, born.
-- ARGV: 1 ms after which a gateway is silent; 2 name of the pace; 3 n; 4 number of those that have passed already;
-- 5 rate of the account, per second (0: no limit); 6 rate of the upstream; 7 and 8 whether these two begin empty (1);
-- 9 whether a throttle before counts no more (1); 10 the part of the rate of the account that applies at most; 11 the part
-- that a minute without a throttle restores; 12 seconds that those that have passed delay the next ones at most; 13 the channel for news; 14 the news that the pace is slower.
-- Returns the ms until n may pass, the ms of the back-off that is left, and the part of the account's rate that applies.
local pace, n, passed, regains, debt = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[11], tonumber(ARGV[12])

if ARGV[9] == '1' then redis.call('HDEL', KEYS[1], pace .. '.factor', pace .. '.since') end

-- A gateway that is silent may be alive and go on with its share.
local all = redis.call('ZCARD', KEYS[3])
local alive = redis.call('ZCOUNT', KEYS[3], text(now - ARGV[1]), '+inf')
local share = 1
if alive > 0 then share = alive / all end

local function take(key, rate, part, empty)
	if rate <= 0 then return 0 end
	local burst = math.max(1, math.ceil(rate))
	local speed = rate * part * share
	local kept = redis.call('HMGET', key, pace .. '.tokens', pace .. '.at')
	-- A bucket that is not there has filled since Redis has had no data.
	local tokens, at = tonumber(kept[1] or 0), tonumber(kept[2] or redis.call('GET', KEYS[4]) or now)
	tokens = math.min(burst, tokens + math.max(0, now - at) / 1000 * speed)
	if empty == '1' then tokens = math.min(tokens, 0) end
	if passed > 0 then tokens = tokens - math.max(0, math.min(passed, math.ceil(tokens + debt * speed))) end
	tokens = math.min(burst, tokens - n)
	redis.call('HSET', key, pace .. '.tokens', text(tokens), pace .. '.at', text(now))
	keep(key, (burst - tokens) / speed * 1000 + 1000)
	return math.max(0, -tokens / speed * 1000)
end

local slowed = part(KEYS[1], pace, regains)
if tonumber(ARGV[10]) < slowed then
	slowed = tonumber(ARGV[10])
	redis.call('HSET', KEYS[1], pace .. '.factor', text(slowed), pace .. '.since', text(now))
	keep(KEYS[1], (1 - slowed) / regains * 60000)
	redis.call('PUBLISH', ARGV[13], ARGV[14])
end
local wait = math.max(take(KEYS[1], tonumber(ARGV[5]), slowed, ARGV[7]), take(KEYS[2], tonumber(ARGV[6]), 1, ARGV[8]))
local throttled = math.max(0, (redis.call('HGET', KEYS[1], 'throttled') or 0) - now)
return {text(wait), text(throttled), text(slowed)}
