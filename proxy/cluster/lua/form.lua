-- Reads or writes the form of login of an account. KEYS: the form. ARGV: none, or 1 the form that worked; 2 ms that it is
-- remembered. Returns the form after "+", or after "?" if it is in doubt; "-" if it was forgotten; "" if none is known.
if ARGV[1] then redis.call('SET', KEYS[1], '+' .. ARGV[1], 'PX', ARGV[2]) end
return redis.call('GET', KEYS[1]) or ''
