-- Tells of an attempt to store a message. KEYS: attempts of the message; UIDs of the mailbox.
-- ARGV: 1 the id of the attempt; 2 the id of the gateway; 3 whether its client may not have the answer (1); 4 whether it
-- need not be known any more (1); 5 UIDVALIDITY; 6 UIDNEXT before it; 7 its UID (0: not known); 8 stage of repair; 9 its
-- age in ms; 10 ms for which it is known; 11 the most UIDs of a mailbox. Returns 1.
if ARGV[4] == '1' then
	redis.call('HDEL', KEYS[1], ARGV[1], 'taken ' .. ARGV[1])
else
	redis.call('HSET', KEYS[1], ARGV[1], table.concat({ARGV[2], ARGV[3], ARGV[5], ARGV[6], ARGV[7], ARGV[8],
		text(now - ARGV[9])}, ' '))
	keep(KEYS[1], tonumber(ARGV[10]))
end
if ARGV[7] ~= '0' then told(KEYS[2], ARGV[5], ARGV[7], 2 * ARGV[10], ARGV[11]) end
return 1
