-- Begins the APPEND of a message, unless it waits for an equal one of another gateway. KEYS: gateways; UIDs of
-- the mailbox; messages with the same fields; messages with the same ID; one of these two may be missing. ARGV: 1 the id of
-- the gateway; 2 ms after which a gateway is silent; 3 ms for which an APPEND is remembered; 4 how many messages may be
-- stored where nobody knows; 5 which keys there are (fields, id, both); 6 the id of the APPEND; 7 whether it has an ID; 8
-- whether it waits (1); 9 ms that it is known. Returns whether it has begun, and how many equal messages the others may have
-- stored.
local open, most = equals(ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5])
local waits = ARGV[8] == '1' and open > 0
for k = 3, #KEYS do
	if waits then
		redis.call('HSET', KEYS[k], 'waits', '1')
	else
		redis.call('HSET', KEYS[k], ARGV[1] .. ' ' .. ARGV[6], ARGV[7] .. ' 0 0')
	end
	keep(KEYS[k], tonumber(ARGV[9]))
end
return {waits and 0 or 1, most}
