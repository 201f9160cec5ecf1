// Package config is what the operator decides: the keys of the YAML file
// with their defaults (this file), how they are read from file, environment
// and flags (load.go), what is wrong with them (validate.go), and the numbers
// that suit each kind of Exchange (profiles.go).
package config

import (
	"log/slog"
	"time"

	"exgate/backend"
	"exgate/config/profile"
	"exgate/rewrite"
)

// Mode is enforce or observe; docs/design.md#modes tells what each switches.
type Mode string

const (
	Enforce Mode = "enforce"
	Observe Mode = "observe"
)

// Config is the whole configuration. The tag "key" is a key's spelling in the
// file; the comment above a field is its description, from which sample.yaml
// and docs/config.md are generated; the tag "sample" is the value with which
// the key stands in the sample, "example" one that is shown commented out.
type Config struct {
	// enforce: repair, pace and refuse. observe: change nothing, and log for
	// each message what would have been done and what Exchange then said.
	Mode Mode `key:"mode" sample:"enforce"`
	// Directory for what exgate keeps between runs, such as the certificate it
	// makes when none is given, and which messages Exchange took for commands.
	// Unset: exgate in the user's configuration directory.
	StateDir string `key:"state_dir" example:"/var/lib/exgate"`

	// Where clients connect: host:port; an empty host is every address of the
	// machine, port 0 a free port. At least one is needed.
	Listen Listen `key:"listen"`
	// The certificate that clients see. Unset: a self-signed one is made and
	// kept in state_dir.
	TLS TLS `key:"tls"`
	// The Exchange server.
	Upstream Upstream `key:"upstream"`
	// Further servers, for those logins that match or that routes_file sends
	// there. Each has a name, match (patterns of mailboxes, or DOMAIN\user, in
	// which * stands for anything), and the keys of upstream.
	Upstreams []FurtherUpstream `key:"upstreams" example:"[{name: online, match: ['*@cloud.example.com'], address: 'outlook.office365.com:993'}]"`
	// File that says which user is on which upstream, a line each: mailbox,
	// name of the upstream (default is the first), and if need be mailbox=NAME
	// and form=FORM for what he is called there, and prefix=PREFIX for the mailbox
	// below which all of his lie, in place of that of names. It is read again when
	// it changes, and sessions of users who were moved are ended.
	RoutesFile string `key:"routes_file" example:"/etc/exgate/routes"`
	// Where the gateway holds what opens mailboxes (upstream.login.admin,
	// upstream.oauth2): the file that says who may open which. exgate user add
	// writes it; docs/logins.md tells its form. It is read again when it changes.
	UsersFile string `key:"users_file" example:"/etc/exgate/users"`
	// The repairs. A key that is unset does what the profile says.
	Fixes Fixes `key:"fixes"`
	// Names of mailboxes, by Exchange and by clients. A key that is unset does
	// what the profile says.
	Names Names `key:"names"`
	// Bounds on what one client may take.
	Limits Limits `key:"limits"`
	// Messages on their way to Exchange.
	Spool Spool `key:"spool"`
	// Originals of messages that lost something on their way.
	Quarantine Quarantine `key:"quarantine"`
	// What mode observe does all the same.
	Observe ObserveMode `key:"observe"`
	// The log and the wire trace.
	Log Log `key:"log"`
	// How long commands in flight may take to finish when exgate is stopped.
	DrainTimeout time.Duration `key:"drain_timeout"`
}

// Listen names the listeners by the protection they give.
type Listen struct {
	// Plain text until the client says STARTTLS; logins only after it.
	StartTLS string `key:"starttls" sample:"127.0.0.1:1143"`
	// TLS from the first byte.
	Implicit string `key:"implicit" sample:"127.0.0.1:1993"`
	// No TLS at all: passwords can be read on the way. Loopback addresses only.
	InsecurePlaintext string `key:"insecure-plaintext" example:"127.0.0.1:2143"`
	// HTTP for who watches exgate: /metrics in Prometheus' form, /livez, /readyz.
	// No name of a user is told, but anybody who reaches it may ask.
	Status string `key:"status" example:"127.0.0.1:9143"`
}

// TLS is the client side's certificate.
type TLS struct {
	// Certificate chain, PEM.
	CertificateFile string `key:"certificate_file" example:"/etc/exgate/tls.crt"`
	// Its private key, PEM.
	KeyFile string `key:"key_file" example:"/etc/exgate/tls.key"`
}

// Fixes are the repairs that have a choice. Their zero values are the
// profile's.
type Fixes struct {
	// Body lines over line-limit. recode: the part is re-encoded, nothing is
	// lost. wrap: the line is cut, as imapsync does. off: left alone.
	LongLines rewrite.LongLines `key:"long-lines" example:"recode"`
	// The longest line left alone, in bytes without CRLF. 0: the profile's.
	LineLimit int `key:"line-limit" example:"9900"`
	// Requests for a read receipt, which Exchange would honour once more. all:
	// taken out of every message. seen: out of those already read. off: kept.
	ReadReceipt rewrite.ReadReceipt `key:"read-receipt" example:"all"`
	// \Flagged, which Outlook does not see when it comes with the message.
	// replay: set by a STORE afterwards. leave: sent with the message.
	Flagged string `key:"flagged" example:"replay"`
	// Keywords that the mailbox does not take, which Exchange counts as errors.
	// drop: taken out. leave: sent.
	Keywords string `key:"keywords" example:"drop"`
	// Messages that come without a date, which Exchange would give that of the
	// transfer. derive: the date of their first Received, else their Date. leave:
	// sent without.
	InternalDate string `key:"internal-date" example:"derive"`
	// Messages over limits.message_size. refuse: exgate refuses them before they
	// are sent. detach: their largest attachments are kept in quarantine.dir, and
	// a note says so in their place. off: Exchange decides.
	Oversize string `key:"oversize" example:"refuse"`
	// Parts that are signed or encrypted and would have to change. repair: they
	// are, and the log says so. leave: they stay, and a message that Exchange does
	// not take for that goes straight to the envelope of escalate.
	Signed rewrite.Signed `key:"signed" example:"repair"`
	// How far exgate goes with a message that Exchange has refused. off: not at
	// all. repair: with the fixes marked refused. shed: then with those marked
	// shed. envelope: then with a small message that carries the original as an
	// attached file. Each step is one more APPEND.
	Escalate Escalation `key:"escalate" example:"repair"`
	// A fix with off, always, refused or shed is used: never; for every message;
	// once Exchange has refused it; as a later step, since it shortens or moves
	// something. docs/fixes.md says of each what it does. CR and LF on their own.
	LineEndings rewrite.When `key:"line-endings" example:"always"`
	// NUL, which IMAP cannot carry.
	NULBytes rewrite.When `key:"nul-bytes" example:"always"`
	// Header lines over line-limit.
	LongHeaders rewrite.When `key:"long-headers" example:"always"`
	// Bytes over 127 in headers, and in bodies that are not encoded.
	EightBit rewrite.When `key:"eight-bit" example:"refused"`
	// Encoded words and charsets that nobody can read.
	EncodedWords rewrite.When `key:"encoded-words" example:"refused"`
	// References with more than 485 entries or 40,000 bytes.
	References rewrite.When `key:"references" example:"shed"`
	// Subjects over 255 characters.
	Subject rewrite.When `key:"subject" example:"shed"`
	// Addresses over 1,950 bytes.
	Addresses rewrite.When `key:"addresses" example:"shed"`
	// File names over 255 characters.
	FileNames rewrite.When `key:"filenames" example:"shed"`
	// More than 250 parts.
	Attachments rewrite.When `key:"attachments" example:"shed"`
	// Messages attached to each other more than 30 deep.
	Nesting rewrite.When `key:"nesting" example:"shed"`
	// multipart/appledouble.
	AppleDouble rewrite.When `key:"appledouble" example:"shed"`
	// message/partial.
	Partial rewrite.When `key:"partial" example:"shed"`
	// Base64 and quoted-printable that do not decode.
	BrokenEncoding rewrite.When `key:"broken-encoding" example:"shed"`
	// A Received field made from Date, for messages without any: Exchange 2007
	// dates messages by it. imapsync then needs --skipheader Received.
	ReceivedDate rewrite.When `key:"received-date" example:"always"`
	// The operator's own changes to fields of the message's header: what pattern
	// (RE2) finds in the unfolded value becomes replacement, where $1 is the first
	// group. Not for Message-ID, Date, Received, MIME-Version and Content-*.
	HeaderRules []HeaderRule `key:"header-rules" example:"[{header: Subject, pattern: '^ *\\[SPAM\\] *', replacement: ' '}]"`
	// The message that Exchange gives out in place of one that it cannot
	// convert. mark: a field X-Exgate-Substitute is added. refuse: the FETCH is
	// answered NO. off: passed on.
	Substitute backend.Substitute `key:"substitute" example:"mark"`
	// Repairs of Exchange's answers that are switched off: missing-data,
	// structure, copyuid, list-names, status-codes, search-charset, long-sets,
	// idle-order, idle-renew, refusals; or all.
	RepliesOff []string `key:"replies-off" example:"[idle-renew]"`
	// An external command that every message, or some, pass through.
	Filter Filter `key:"filter"`
}

// HeaderRule is rewrite.HeaderRule in the file's words.
type HeaderRule struct {
	Header      string `key:"header" json:"header"`
	Pattern     string `key:"pattern" json:"pattern"`
	Replacement string `key:"replacement" json:"replacement"`
}

// Filter is proxy.Filter in the file's words.
type Filter struct {
	// The program and its arguments, one item each. It is run without a shell and
	// with an empty environment, reads the message and writes it. Unset: none.
	Command []string `key:"command" example:"[/usr/bin/reformime, -r7]"`
	// always; long-lines: messages with a line over line-limit; refused: those
	// that Exchange has refused.
	When string `key:"when" example:"long-lines"`
	// The longest that one run may take; it is killed then, and all it started.
	Timeout time.Duration `key:"timeout"`
}

// Values of Filter.When.
const (
	FilterAlways    = "always"
	FilterLongLines = "long-lines"
	FilterRefused   = "refused"
)

// Escalation is how far exgate goes with a message that Exchange has refused.
type Escalation string

// Values of Fixes.Escalate.
const (
	EscalateOff      Escalation = "off"
	EscalateRepair   Escalation = "repair"
	EscalateShed     Escalation = "shed"
	EscalateEnvelope Escalation = "envelope"
)

// Quarantine is proxy.QuarantineOptions in the file's words.
type Quarantine struct {
	// Directory of kept originals and of attachments taken out. It must be in no
	// folder that anybody serves. Unset: none are kept, and what needs it is not
	// done.
	Dir string `key:"dir" example:"/var/lib/exgate/quarantine"`
	// Bytes that all of it may take. Beyond that nothing more is kept.
	Quota int64 `key:"quota"`
	// How long a file is kept.
	Keep time.Duration `key:"keep"`
	// What a message says in the place of what was taken out of it, or before the
	// original in an envelope: {reason} is what happened, {name}, {size} and
	// {sha256} tell which file it is about. Unset: all that, without where to ask for it.
	Note string `key:"note" example:"'{reason} Name: {name}, {size} bytes, SHA-256: {sha256}. Ask postmaster@example.com for it.'"`
}

// Choices of the fixes outside the message.
const (
	FlaggedReplay      = "replay"
	FlaggedLeave       = "leave"
	KeywordsDrop       = "drop"
	KeywordsLeave      = "leave"
	InternalDateDerive = "derive"
	InternalDateLeave  = "leave"
	OversizeRefuse     = "refuse"
	OversizeDetach     = "detach"
	OversizeOff        = "off"
)

// Names are folders.Options in the file's words. Its zero value is the
// profile's.
type Names struct {
	// Names that differ only in case, which Exchange takes for one. apart: two
	// mailboxes, the second with a suffix in Exchange. merge: one mailbox, in
	// which nothing is deleted through exgate. off: as Exchange does.
	Case string `key:"case" example:"apart"`
	// What Exchange does not take or not keep in a name: blanks at its ends,
	// control characters. replace: by characters that look alike, and back. off:
	// sent as it is.
	Characters string `key:"characters" example:"replace"`
	// Characters that one level of a name may have; the rest goes into a level
	// below it, which clients are not shown. 0: the profile's; -1: no bound.
	Longest int `key:"longest" example:"250"`
	// Names that Exchange refuses at the top, which get _renamed_by_imapsync at
	// their end there, as imapsync does it. Unset: the profile's; [off]: none.
	Reserved []string `key:"reserved" example:"[Files]"`
	// The mailbox below which all of the client's lie, in Exchange. INBOX does,
	// too, unless the prefix begins with it. Unset: the profile's; off: none.
	Prefix string `key:"prefix" example:"INBOX."`
	// The prefix of single users, such as for the backup of many mailboxes in
	// one.
	Users []UserPrefix `key:"users" example:"[{user: bob, prefix: backup/bob}]"`
	// What clients see between the levels of a name: / . or \. Unset: what
	// Exchange has, which is /. With another one, a / can be part of a name.
	Separator string `key:"separator" example:"."`
	// Mailboxes that are called otherwise in Exchange (to) than by clients
	// (from), with all that is below them.
	List []NamePair `key:"list" example:"[{from: Sent, to: Sent Items}]"`
	// The same by regular expression (RE2), in order, from what clients say. The
	// way back is needed for clients to see their own names; without one, two
	// names may become one mailbox.
	Patterns []NamePattern `key:"patterns" example:"[{from: '^Old/(.*)$', to: 'Archive/$1', back_from: '^Archive/(.*)$', back_to: 'Old/$1'}]"`
	// Folders of Exchange's own that clients are not shown: calendar, contacts,
	// tasks, journal, notes, sync-issues, conversation-history, outbox, files.
	// They are known by their names in each language. Unset: the profile's;
	// [off]: none.
	Hide []string `key:"hide" example:"[calendar, contacts, tasks, journal, notes]"`
	// The folders for sent mail, drafts, trash and junk, by their names in each
	// language. add: clients are told which they are (RFC 6154). off: not.
	SpecialUse string `key:"special_use" example:"add"`
}

// UserPrefix is the prefix of one user.
type UserPrefix struct {
	User   string `key:"user" json:"user"`
	Prefix string `key:"prefix" json:"prefix"`
}

// NamePair is one mailbox under two names.
type NamePair struct {
	From string `key:"from" json:"from"`
	To   string `key:"to" json:"to"`
}

// NamePattern is a regular expression and what becomes of what it matches, and
// the same for the way back.
type NamePattern struct {
	From     string `key:"from" json:"from"`
	To       string `key:"to" json:"to"`
	BackFrom string `key:"back_from" json:"back_from"`
	BackTo   string `key:"back_to" json:"back_to"`
}

// Choices of names.
const (
	NamesOff          = "off"
	CharactersReplace = "replace"
	SpecialUseAdd     = "add"
)

// Limits are in bytes, but for the first two.
type Limits struct {
	// Connections of one address. 0: no bound.
	ConnectionsPerAddress int `key:"connections_per_address"`
	// Failed logins of one address, before its logins are refused without asking
	// Exchange; one is forgiven each minute. For one name at an address a quarter
	// of it, for one name from all addresses two and a half times as much. 0: no
	// bound.
	FailedLogins int `key:"failed_logins"`
	// The largest message Exchange is asked to take, in bytes, after repair. 0:
	// the profile's. Raise it together with the limits of Exchange.
	MessageSize int64 `key:"message_size" example:"10_000_000"`
	// Bytes of a message held in memory; the rest of it goes to a file.
	SpoolMemoryPerMessage int64 `key:"spool_memory_per_message"`
	// Bytes of messages in the spool for one client connection.
	SpoolPerSession int64 `key:"spool_per_session"`
	// The same for all connections of one account.
	SpoolPerAccount int64 `key:"spool_per_account"`
	// The same for the whole gateway.
	SpoolTotal int64 `key:"spool_total"`
}

// Spool is where messages wait.
type Spool struct {
	// Directory of the spool files. Unset: the system's for temporary files.
	Dir string `key:"dir" example:"/var/spool/exgate"`
}

// ObserveMode has the two switches of the modes table in docs/design.md#modes.
type ObserveMode struct {
	// Pace messages.
	Pace bool `key:"pace"`
	// Wait out Exchange's "Suggested Backoff Time" and send the command again.
	Throttle bool `key:"throttle"`
	// Go on with a new connection when Exchange drops one.
	Resume bool `key:"resume"`
}

// Log is the log on standard error, and the wire trace apart from it.
type Log struct {
	// debug, info, warn or error.
	Level slog.Level `key:"level"`
	// text, json, or auto: text on a terminal and JSON otherwise.
	Format string `key:"format"`
	// A file for every line on the wire, passwords masked; off is none.
	Trace string `key:"trace"`
}

// Values of Log with a meaning of their own.
const (
	FormatAuto = "auto"
	FormatText = "text"
	FormatJSON = "json"
	TraceOff   = "off"
)

// Default is the configuration of an empty file. It lacks what only the
// operator can know: a listener and the upstream's address.
func Default() *Config {
	return &Config{
		Mode: Enforce,
		Upstream: Upstream{
			TLS:     backend.TLSImplicit,
			Profile: profile.Auto,
			Resume:  true,
			Login:   Login{MaxFailures: backend.DefaultMaxFailures},

			ReplyTimeout: backend.DefaultReply,
			// The connections are those of the design, below Exchange's 16.
			Pace: Pace{MaxBackoff: backend.DefaultMaxBackoff, ConnectionsPerAccount: 12, MaxWait: backend.DefaultMaxWait},
		},
		// The largest message of a profile is 45 MB; the spool holds a few of
		// them per connection, and stays below what a small disk has.
		Limits: Limits{
			ConnectionsPerAddress: 200,
			FailedLogins:          20,
			SpoolMemoryPerMessage: 256 << 10,
			SpoolPerSession:       200_000_000,
			SpoolPerAccount:       400_000_000,
			SpoolTotal:            2_000_000_000,
		},
		Fixes:        Fixes{Filter: Filter{When: FilterLongLines, Timeout: time.Minute}},
		Quarantine:   Quarantine{Quota: 10_000_000_000, Keep: 90 * 24 * time.Hour},
		Log:          Log{Format: FormatAuto, Trace: TraceOff},
		DrainTimeout: time.Minute, // below the 90 s that systemd waits
	}
}
