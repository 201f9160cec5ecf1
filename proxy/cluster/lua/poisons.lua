-- Returns the names of the messages that are never sent again, and after each its age in ms. KEYS: the list.
local kept, all = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES'), {}
for i = 1, #kept, 2 do
	table.insert(all, kept[i])
	table.insert(all, text(now - kept[i + 1]))
end
return all
