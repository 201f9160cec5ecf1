-- Changes what an account and its upstream have used of their budgets, if both keep to the limits. KEYS: account; upstream.
-- ARGV: 1 and 2 the messages and bytes more; 3 and 4 the limits of the account (0: none); 5 and 6 those of the upstream;
-- 7 the quarter that changes, 0 is the present one.
-- Returns whether it fits; the quarter; the number of quarters of the account; these, and those of the upstream.
local q, more = ARGV[7], {tonumber(ARGV[1]), tonumber(ARGV[2])}
if q == '0' then q = string.format('%.0f', quarter) end
local fits, quarters = 1, {}
for i, key in ipairs(KEYS) do
	local messages, bytes
	quarters[i], messages, bytes = used(key)
	local limits = {tonumber(ARGV[2 * i + 1]), tonumber(ARGV[2 * i + 2])}
	if limits[1] > 0 and messages + more[1] > limits[1] or limits[2] > 0 and bytes + more[2] > limits[2] then fits = 0 end
end
local answer = {tostring(fits), q, ''}
for i, key in ipairs(KEYS) do
	if fits == 1 and (more[1] ~= 0 or more[2] ~= 0) then
		redis.call('HDEL', key, 'base ' .. q)
		local had = quarters[i][q] or {0, 0}
		put(key, q, had[1] + more[1], had[2] + more[2])
	end
	local _, _, _, said = used(key)
	if i == 1 then answer[3] = tostring(#said) end
	for _, one in ipairs(said) do table.insert(answer, one) end
end
return answer
