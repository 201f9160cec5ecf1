-- Counts a failure with a password that was accepted. KEYS: its failures. ARGV: 1 the ms for which the gateway takes the
-- password as right, 0 if it does not; 2 the failures that the gateway knows of; 3 the most. Returns the failures with this
-- one; -1 if it does not count.
local misses = redis.call('GET', KEYS[1])
if not misses then
	if ARGV[1] == '0' then return -1 end
	misses = ARGV[2] -- Redis has lost its data
	redis.call('SET', KEYS[1], misses, 'PX', ARGV[1])
end
if tonumber(misses) >= tonumber(ARGV[3]) then return -1 end
return redis.call('INCR', KEYS[1])
