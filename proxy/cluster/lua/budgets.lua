-- What the scripts of budgets share. A budget has, for each quarter of an hour since 1970, messages and bytes.
local quarter = math.floor(now / 900000)

-- used returns what counts of the last 24 hours, its sums, and what the answer says of it.
local function used(key)
	local kept, quarters, messages, bytes, said = redis.call('HGETALL', key), {}, 0, 0, {}
	for i = 1, #kept, 2 do
		local base, q = string.match(kept[i], '^(%D*)(%d+)$')
		local m, b = string.match(kept[i + 1], '^(%-?%d+) (%-?%d+)$')
		if not m or tonumber(q) < quarter - 96 then
			redis.call('HDEL', key, kept[i])
		elseif base == '' then
			quarters[kept[i]] = {tonumber(m), tonumber(b)}
			messages, bytes = messages + m, bytes + b
			table.insert(said, kept[i] .. ' ' .. kept[i + 1])
		end
	end
	return quarters, messages, bytes, said
end

local function put(key, q, messages, bytes)
	redis.call('HSET', key, q, string.format('%.0f %.0f', messages, bytes))
	keep(key, 97 * 900000)
end
