-- What all scripts share. Times are milliseconds of Redis's clock, so that the clocks of the gateways do not matter.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + clock[2] / 1000

local function text(number) return string.format('%.4f', number) end

-- keep has a key live for ms more at least, but not for more than 30 years. What is idle vanishes by itself.
local function keep(key, ms)
	ms = math.min(ms, 1e12)
	if redis.call('PTTL', key) < ms then redis.call('PEXPIRE', key, math.ceil(ms)) end
end

-- part returns the part of a pace that applies since the last throttle, of which regains comes back each minute.
local function part(key, pace, regains)
	local slowed = redis.call('HMGET', key, pace .. '.factor', pace .. '.since')
	if not slowed[1] then return 1 end
	return math.min(1, slowed[1] + regains * (now - slowed[2]) / 60000)
end
