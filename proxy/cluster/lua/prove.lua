-- Notes that a password was accepted. KEYS: its failures. ARGV: the ms that this is remembered.
redis.call('SET', KEYS[1], 0, 'PX', ARGV[1])
return 1
