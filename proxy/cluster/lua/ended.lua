-- Ends an APPEND that begin.lua has begun. KEYS: as for begin.lua. ARGV: 1 the
-- id of the gateway; 2 the id of the APPEND; 3 whether it has an ID; 4 how many messages it may have stored under UIDs that
-- are not known; 5 ms for which these are remembered; 6 the channel for news; 7 the news that an equal message may begin; 8
-- UIDVALIDITY; 9 ms for which UIDs are known; 10 the most UIDs of a mailbox; then the UIDs that are known. Returns 1.
for i = 11, #ARGV do told(KEYS[2], ARGV[8], ARGV[i], tonumber(ARGV[9]), tonumber(ARGV[10])) end
local field, waits = ARGV[1] .. ' ' .. ARGV[2], 0
for k = 3, #KEYS do
	if ARGV[4] == '0' then
		redis.call('HDEL', KEYS[k], field)
	else
		redis.call('HSET', KEYS[k], field, ARGV[3] .. ' ' .. ARGV[4] .. ' ' .. text(now + ARGV[5]))
		keep(KEYS[k], tonumber(ARGV[5]))
	end
	waits = waits + redis.call('HDEL', KEYS[k], 'waits')
end
if waits > 0 then redis.call('PUBLISH', ARGV[6], ARGV[7]) end
return 1
