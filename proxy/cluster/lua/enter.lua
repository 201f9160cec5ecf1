-- Lets a login pass, and notes that it is pending, unless its failure or that of others that are pending could exceed a
-- limit. KEYS: gateways; failures; whether the address is known for the account; then the logins that are pending at the
-- address, of the account there, of the account, and of the network if there is one.
-- ARGV: 1 ms after which a gateway is silent; 2 ms that forgive a failure; 3 the id of the gateway; 4 the id of the login;
-- 5 ms after which a login is not pending any more; then for each count its name and the most failures.
-- Returns the ms for which the login is refused, and 1 if it must wait.
local forgive = tonumber(ARGV[2])
-- A gateway that is silent may be alive and go on with its share.
local alive, n = {}, 0
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], text(now - ARGV[1]), '+inf')) do
	alive[id], n = true, n + 1
end
local share = 1
if n > 0 then share = n / redis.call('ZCARD', KEYS[1]) end

local function pending(key)
	local n, logins = 0, redis.call('HGETALL', key)
	for i = 1, #logins, 2 do
		local gateway = string.match(logins[i], '^(%S+) ')
		if gateway and tonumber(logins[i + 1]) < now then
			redis.call('HDEL', key, logins[i])
		elseif gateway and alive[gateway] then
			n = n + 1
		end
	end
	return n
end

local refused, full = 0, 0
for i = 4, #KEYS do
	local count, most = ARGV[2 * i - 2], math.max(1, ARGV[2 * i - 1] * share)
	if i ~= 6 or redis.call('EXISTS', KEYS[3]) == 0 then
		local n = failures(KEYS[2], count, forgive)
		refused = math.max(refused, (n + 1 - most) * forgive)
		if n + pending(KEYS[i]) + 1 > most then full = 1 end
	end
end
for i = 4, #KEYS do
	if refused > 0 then break end
	if full == 1 then
		redis.call('HSET', KEYS[i], 'waits', 1)
	else
		redis.call('HSET', KEYS[i], ARGV[3] .. ' ' .. ARGV[4], text(now + ARGV[5]))
	end
	keep(KEYS[i], tonumber(ARGV[5]))
end
return {text(refused), text(full)}
