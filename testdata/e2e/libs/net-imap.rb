# What Ruby's net-imap makes of answers of Exchange's: one line for each case, "CASE: ok" or what went wrong.
#
#   net-imap.rb LIMIT NUMBER CASE:PORT:CA...    LIMIT is the seconds for a case, NUMBER the message to move
require "net/imap"
require "timeout"

LIMIT, NUMBER = ARGV.shift(2).map(&:to_i)
MESSAGE = "Subject: x\r\n\r\ny\r\n"

def connect(port, ca)
  Net::IMAP.new("localhost", port: port, ssl: { ca_file: ca }, open_timeout: LIMIT)
end

# XOAuth2 answers each challenge with the token, as Ruby's own would (its net-imap has none before 0.3).
class XOAuth2
  def initialize(user, token) = @given = "user=#{user}\x01auth=Bearer #{token}\x01\x01"
  def process(_challenge) = @given
end
Net::IMAP.add_authenticator("XOAUTH2", XOAuth2)

# refused runs what the server may refuse, as long as the connection lasts.
def refused
  yield
  false
rescue Net::IMAP::NoResponseError, Net::IMAP::BadResponseError
  true
end

CASES = {
  status: ->(i) { i.status("Drafts", ["MESSAGES"])["MESSAGES"] == 0 },
  strays: ->(i) { i.capability; i.noop; i.select("Work"); i.responses["EXISTS"].any? },
  unavailable: ->(i) { refused { i.examine("Drafts") } && i.noop && true },
  structure: lambda { |i|
    i.select("Work")
    part = i.fetch(1, "BODYSTRUCTURE")[0].attr["BODYSTRUCTURE"]
    part.disposition&.param&.fetch("FILENAME", nil) == "report.pdf" or "no file name"
  },
  envelope: ->(i) { i.select("Work"); i.fetch(1, "ENVELOPE")[0].attr["ENVELOPE"].to.length == 2 },
  copyuid: ->(i) { i.select("Work"); i.uid_copy(999, "Drafts"); i.noop && true },
  move: ->(i) { i.select("Work"); i.uid_move(NUMBER, "Drafts"); i.noop && true },
  store: ->(i) { i.select("Work"); (i.uid_store(2, "+FLAGS", [:Seen]) || []).any? { |f| f.attr["UID"] == 2 } or "the flags are not told" },
  partial: ->(i) { i.select("Work"); a = i.fetch(1, "BODY.PEEK[]<0.5>")[0].attr; a["BODY[]<0>"]&.bytesize == 5 or "the whole message: #{a.keys}" },
  holes: ->(i) { i.select("Work"); n = i.fetch(1..6, "BODY.PEEK[]").length; n == 6 or "#{n} of 6 messages" },
  numbers: ->(i) { i.select("Work"); n = i.search(["ALL"]); n == (1..6).to_a or "messages #{n} of 6" },
  names: ->(i) { n = %(a "b" \\c #{NUMBER}); i.create(n); i.select(n); i.list("", "*").any? { |f| f.name == n } },
  longset: ->(i) { i.select("Work"); i.uid_copy((2..12_000).step(5).to_a, "Drafts"); true },
  largecopy: ->(i) { i.select("Work"); i.uid_copy(1..120, "Drafts"); i.status("Drafts", ["MESSAGES"])["MESSAGES"] >= 120 },
  keywords: ->(i) { i.select("Work"); 12.times { refused { i.uid_store(1, "+FLAGS", [:Seen, "$Forwarded"]) } }; i.noop && true },
  unknown: lambda { |i|
    i.select("Work")
    4.times do
      refused { i.getquotaroot("Work") }
      refused { i.getacl("Work") }
      refused { i.sort(["DATE"], ["ALL"], "US-ASCII") }
    end
    i.noop && true
  },
  date: ->(i) { i.append("Work", MESSAGE, [], Time.new(1899, 12, 30)); true },
  errorok: ->(i) { i.noop && true },
  inbox: ->(i) { i.status("Drafts", ["MESSAGES"])["MESSAGES"] == 0 },
  namespace: ->(i) { i.send(:send_command, "NAMESPACE"); true },
  charset: ->(i) { i.select("Work"); i.search(["SUBJECT", "lunch"], "UTF-8").any? },
  address: ->(i) { i.select("Work"); i.search(["FROM", "ann@example.com"]).length == 6 or "not found" },
  folders: lambda { |i|
    names = i.list("", "*").map { |f| Net::IMAP.decode_utf7(f.name) }
    (["Da\tOggetto", "Public Folders"] - names).empty? or "folders #{names}"
  },
  idle: lambda { |i, again|
    i.select("Work")
    other = again.call
    other.login("alice@example.com", "alicepass")
    other.append("Work", MESSAGE)
    other.logout
    got = 0
    i.idle(2) { |r| got += 1; i.idle_done if r.name == "EXISTS" }
    i.noop && true
  },
  token: ->(i) { refused { i.authenticate("XOAUTH2", "alice@example.com", "wrong") } && i.capability && true },
}.freeze

ARGV.each do |entry|
  name, port, ca = entry.split(":")
  imap = nil
  outcome = begin
    Timeout.timeout(LIMIT) do
      again = -> { connect(port.to_i, ca) }
      imap = again.call
      imap.login("alice@example.com", "alicepass") unless name == "token"
      run = CASES.fetch(name.to_sym)
      run.arity == 2 ? run.call(imap, again) : run.call(imap)
    end
  rescue StandardError => e
    "#{e.class}: #{e.message}"
  end
  puts "#{name}: #{outcome == true ? 'ok' : outcome || 'wrong'}"
  $stdout.flush
  Thread.new { imap&.disconnect rescue nil }.join(1)
end
