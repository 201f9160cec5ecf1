-- What imapfilter makes of answers of Exchange's: one line, "CASE: ok" or what went wrong. CASE and PORT are in the
-- environment. Names with a quote are not tried: imapfilter sends them as they are, and no server understands that.
options.timeout = 15
options.create = false
options.certificates = false
local case = os.getenv('CASE')
local account = IMAP {
    server = 'localhost', port = tonumber(os.getenv('PORT')), username = 'alice@example.com', password = 'alicepass', ssl = 'auto',
}
local function count(found) return #found end
local function has(n, wanted) return n == wanted or n .. ' of ' .. wanted .. ' messages' end

local cases = {
    status = function() return select(1, account.Drafts:check_status()) == 0 end,
    strays = function() return has(count(account.Work:select_all()), 1) end,
    holes = function()
        local n = 0
        for _, m in ipairs(account.Work:select_all()) do if #m[1][m[2]]:fetch_message() > 100 then n = n + 1 end end
        return has(n, 6)
    end,
    numbers = function() return has(count(account.Work:select_all()), 6) end,
    largecopy = function() return account.Work:select_all():copy_messages(account.Drafts) end,
    keywords = function()
        for _ = 1, 12 do account.Work:select_all():add_flags({ '$Forwarded', '\\Seen' }) end
        return has(count(account.Work:select_all()), 1)
    end,
    errorok = function() return has(count(account.Work:select_all()), 1) end,
    address = function() return has(count(account.Work:contain_from('ann@example.com')), 6) end,
    namespace = function() return has(count(account.Work:select_all()), 1) end,
}
local ran, outcome = pcall(cases[case])
print(case .. ': ' .. (outcome == true and 'ok' or ran and tostring(outcome) or 'error: ' .. tostring(outcome)))
