-- Takes an attempt to store a message whose client may not have the answer: of the session that has the oldest one, the
-- last. See attempts.take of package ledger. KEYS: attempts of the message;
-- gateways. ARGV: 1 the id of the gateway; 2 ms after which a gateway is silent; 3 ms for which attempts are known; 4 ms
-- for which this one is taken; 5 the time of the first look, 0 if this is it; 6 and on: sessions whose attempts are not
-- taken.
-- Returns the time, and then 1 if a gateway with an open attempt may have ended, 0 if another gateway looks, or the id of
-- the attempt, UIDVALIDITY, UIDNEXT, UID, stage and age in ms.
local first = tonumber(ARGV[5])
if first == 0 then first = now end
local without = {}
for i = 6, #ARGV do without[ARGV[i]] = true end
-- The id of an attempt has its session, and the time when it began in base 36.
local function session(id) return string.match(id, '^(.*)%-') end
local function began(id) return tonumber(string.match(id, '%-(%w+)$') or '', 36) or 0 end

local fields, attempts, taken, waits = redis.call('HGETALL', KEYS[1]), {}, false, false
for i = 1, #fields, 2 do
	local gateway, left, validity, next, uid, stage, at =
		string.match(fields[i + 1], '^(%S+) (%d) (%d+) (%d+) (%d+) (%d+) (%S+)$')
	if gateway and without[session(fields[i])] then gateway = nil end
	if gateway and now - at >= tonumber(ARGV[3]) then
		redis.call('HDEL', KEYS[1], fields[i], 'taken ' .. fields[i])
	elseif gateway and now < tonumber(redis.call('HGET', KEYS[1], 'taken ' .. fields[i]) or 0) then
		taken = true
	elseif gateway then
		local beat = tonumber(redis.call('ZSCORE', KEYS[2], gateway) or 0)
		if left == '1' or gateway ~= ARGV[1] and beat < now - ARGV[2] then
			table.insert(attempts, {fields[i], validity, next, uid, stage, at = tonumber(at)})
		elseif gateway ~= ARGV[1] and beat <= first then
			waits = true -- its next heartbeat says that it lives, and that its session is open
		end
	end
end
if #attempts > 0 then
	table.sort(attempts, function(a, b) return a.at < b.at end)
	local one = attempts[1]
	for _, other in ipairs(attempts) do
		if session(other[1]) == session(one[1]) and began(other[1]) > began(one[1]) then one = other end
	end
	redis.call('HSET', KEYS[1], 'taken ' .. one[1], text(now + ARGV[4]))
	return {text(first), one[1], one[2], one[3], one[4], one[5], text(now - one.at)}
end
if waits then return {text(first), '1'} end
if taken then return {text(first), '0'} end
return {text(first)}
