-- Returns the UIDs that gateways were told of a mailbox. KEYS: UIDs of the mailbox. ARGV: 1 UIDVALIDITY; 2 the least UID;
-- 3 a UID that is left out.
local all = {}
for _, uid in ipairs(uids(KEYS[1], ARGV[1], tonumber(ARGV[2]))) do
	if uid ~= tonumber(ARGV[3]) then table.insert(all, uid) end
end
return all
