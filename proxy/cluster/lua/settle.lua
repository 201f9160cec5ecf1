-- Gives an attempt back, or ends it. KEYS: attempts of the message; for an end also UIDs of the mailbox. ARGV: 1 the id of
-- the attempt; for an end also 2 the channel for news, 3 the news of it, 4 UIDVALIDITY, 5 the UID of its message (0: it was
-- not found), 6 ms for which the UID is known, 7 the most UIDs of a mailbox. Returns 1.
redis.call('HDEL', KEYS[1], 'taken ' .. ARGV[1])
if ARGV[2] then
	redis.call('HDEL', KEYS[1], ARGV[1])
	if ARGV[5] ~= '0' then told(KEYS[2], ARGV[4], ARGV[5], tonumber(ARGV[6]), tonumber(ARGV[7])) end
	redis.call('PUBLISH', ARGV[2], ARGV[3])
end
return 1
