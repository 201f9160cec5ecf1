-- equals returns how many equal messages other gateways have on their way, and how many they may have stored under UIDs
-- that they have not told. KEYS: gateways; UIDs of the mailbox; messages with the same fields; messages with the same ID; kinds says whether both
-- of these two are there. In these, an APPEND has as field the id of its gateway and its own; as value whether its message
-- has an ID, how many messages it may have stored, and when that is forgotten, 0 while it is on its way.
local function equals(own, silent, memory, many, kinds)
	local open, most = 0, 0
	for k = 3, #KEYS do
		local fields = redis.call('HGETALL', KEYS[k])
		for i = 1, #fields, 2 do
			local gateway = string.match(fields[i], '^(%S+) ')
			local hasID, n, forget = string.match(fields[i + 1], '^(%d) (%d+) (%S+)$')
			if not hasID or gateway == own then
				-- the mark that somebody waits, or what the gateway knows itself
			elseif forget ~= '0' and now >= tonumber(forget) then
				redis.call('HDEL', KEYS[k], fields[i])
			elseif kinds == 'both' and k == 3 and hasID == '1' then
				-- the IDs differ, or it is counted with the ID
			elseif forget ~= '0' then
				most = most + n
			elseif tonumber(redis.call('ZSCORE', KEYS[1], gateway) or 0) >= now - silent then
				open = open + 1
			else -- its gateway has ended, and nobody knows what became of it
				redis.call('HSET', KEYS[k], fields[i], hasID .. ' ' .. many .. ' ' .. text(now + memory))
				most = most + many
			end
		end
	end
	return open, most + open * many
end
