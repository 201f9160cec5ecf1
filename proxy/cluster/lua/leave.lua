-- Ends a login that is pending. KEYS: failures; whether the address is known for the account; then the pending logins as
-- for enter.lua. ARGV: 1 ms that forgive a failure; 2 the id of the gateway; 3 the id of the login; 4 the outcome (0: not
-- known, 1: succeeded, 2: failed); 5 ms that the address stays known; 6 the most counts; 7 the channel for news; 8 news
-- that a login may pass; 9 news of a failure; 10 news that an address is known and its failures forgiven; then the names of the counts. Returns
-- the failures of the address.
local forgive, waits = tonumber(ARGV[1]), 0
for i = 3, #KEYS do
	redis.call('HDEL', KEYS[i], ARGV[2] .. ' ' .. ARGV[3])
	waits = waits + redis.call('HDEL', KEYS[i], 'waits')
	local count = ARGV[i + 8]
	if ARGV[4] == '2' then fail(KEYS[1], count, failures(KEYS[1], count, forgive) + 1, forgive, tonumber(ARGV[6])) end
end
if ARGV[4] == '1' then
	local isNew = redis.call('EXISTS', KEYS[2]) == 0
	if redis.call('ZREM', KEYS[1], ARGV[12]) > 0 or isNew then redis.call('PUBLISH', ARGV[7], ARGV[10]) end
	redis.call('SET', KEYS[2], 1, 'PX', ARGV[5])
elseif ARGV[4] == '2' then
	redis.call('PUBLISH', ARGV[7], ARGV[9])
end
if waits > 0 then redis.call('PUBLISH', ARGV[7], ARGV[8]) end
return math.ceil(failures(KEYS[1], ARGV[11], forgive))
