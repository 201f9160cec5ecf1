-- Doubts the form of login of an account, and forgets it if it was in doubt. KEYS: the form. ARGV: 1 the form that was
-- refused; 2 ms that this is remembered. Returns 1.
local kept = redis.call('GET', KEYS[1])
if kept == '+' .. ARGV[1] then
	redis.call('SET', KEYS[1], '?' .. ARGV[1], 'PX', ARGV[2])
elseif kept == '?' .. ARGV[1] then
	redis.call('SET', KEYS[1], '-', 'PX', ARGV[2])
end
return 1
