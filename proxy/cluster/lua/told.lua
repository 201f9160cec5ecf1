-- told notes a UID that a gateway was told of a mailbox. life are the ms for which it is known: a look may begin at the end
-- of the time for which an attempt is. most are the most UIDs of a mailbox.
local function told(key, validity, uid, life, most)
	redis.call('ZADD', key, text(now), validity .. ' ' .. uid)
	redis.call('ZREMRANGEBYSCORE', key, '-inf', text(now - life))
	redis.call('ZREMRANGEBYRANK', key, 0, -most - 1)
	keep(key, life)
end

-- uids returns the UIDs that gateways were told of a mailbox, from the UID least on.
local function uids(key, validity, least)
	local all = {}
	for _, one in ipairs(redis.call('ZRANGE', key, 0, -1)) do
		local v, uid = string.match(one, '^(%d+) (%d+)$')
		if v == validity and tonumber(uid) >= least then table.insert(all, tonumber(uid)) end
	end
	return all
end
