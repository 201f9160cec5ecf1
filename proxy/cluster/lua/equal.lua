-- Returns how many equal messages other gateways may have stored, and the UIDs that gateways were told of the mailbox.
-- KEYS and ARGV: as for begin.lua, up to 5; 6 UIDVALIDITY; 7 the least UID.
local _, most = equals(ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5])
local all = uids(KEYS[2], ARGV[6], tonumber(ARGV[7]))
table.insert(all, 1, most)
return all
