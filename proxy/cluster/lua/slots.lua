-- Counts the slots of a gateway. KEYS: slots of the account, slots of the login, gateways.
-- ARGV: 1 ms after which a gateway is silent; 2 ms after which it loses the slots beyond its share; 3 its id; 4 and 5 the
-- slots that it has of the account and of the login; 6 and 7 the most that all gateways may have (0: no limit); 8 whether
-- one is taken (1) that is refused above the limits; 9 ms that the counts are kept; 10 the channel for news; 11 the news
-- that slots are free. Returns 1 if the slots are counted.
local gateways = redis.call('ZRANGE', KEYS[3], 0, -1, 'WITHSCORES')

-- A gateway that is silent may be alive without Redis, and then keeps to its share.
local function others(key, limit)
	local share, sum = math.floor(limit / math.max(1, #gateways / 2)), 0
	for i = 1, #gateways, 2 do
		if gateways[i] ~= ARGV[3] then
			local age = now - gateways[i + 1]
			local count = tonumber(redis.call('HGET', key, gateways[i]) or 0)
			if age > tonumber(ARGV[2]) then
				count = share
			elseif age > tonumber(ARGV[1]) then
				count = math.max(count, share)
			end
			sum = sum + count
		end
	end
	return sum
end

for i = 1, 2 do
	local limit = tonumber(ARGV[i + 5])
	if ARGV[8] == '1' and limit > 0 and others(KEYS[i], limit) + ARGV[i + 3] > limit then return 0 end
end
for i = 1, 2 do
	if ARGV[i + 3] == '0' then
		redis.call('HDEL', KEYS[i], ARGV[3])
	else
		redis.call('HSET', KEYS[i], ARGV[3], ARGV[i + 3])
		keep(KEYS[i], tonumber(ARGV[9]))
	end
end
if ARGV[8] ~= '1' then redis.call('PUBLISH', ARGV[10], ARGV[11]) end
return 1
