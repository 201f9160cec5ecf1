// Package config reads and checks the configuration: the keys of the YAML file
// with their defaults (this file), reading them from file, environment and flags
// (load.go), finding mistakes (validate.go), and the settings for each version
// of Exchange (profiles.go).
package config

import (
	"log/slog"
	"path/filepath"
	"strings"
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
// file. The comment above a field is its description, from which sample.yaml and
// docs/config.md are generated. The tag "sample" is the value that the sample
// sets; the tag "example" is a value that the sample shows commented out.
type Config struct {
	// enforce: exgate repairs, paces and refuses messages. observe: exgate changes
	// nothing; for each message and each name of a mailbox it logs what it would have
	// done, and for a message Exchange's reply.
	Mode Mode `key:"mode" sample:"enforce"`
	// Directory for the state that exgate keeps between runs, such as its
	// self-signed certificate and the list of messages that Exchange executed as
	// commands. Unset: the state directory that systemd gives the service, or the
	// directory exgate in the user's configuration directory.
	StateDir string `key:"state_dir" example:"/var/lib/exgate"`

	// The addresses for clients, as host:port. An empty host means every address of
	// the machine; port 0 means a free port. At least one is needed.
	Listen Listen `key:"listen"`
	// The certificate that clients see. Unset: exgate creates a self-signed one and
	// keeps it in state_dir.
	TLS TLS `key:"tls"`
	// The Exchange server.
	Upstream Upstream `key:"upstream"`
	// Further servers. A login goes to the first one that matches, or to the one
	// that routes_file names. Each has a name, match, and the keys of upstream.
	// match is a list of mailboxes or DOMAIN\user, in which * stands for anything.
	Upstreams []FurtherUpstream `key:"upstreams" example:"[{name: online, match: ['*@cloud.example.com'], address: 'outlook.office365.com:993'}]"`
	// File that assigns mailboxes to upstreams, one line for each: the mailbox and
	// the name of the upstream (default is the first). These may follow:
	// mailbox=NAME, the mailbox's name there; form=FORM, the form of the login;
	// prefix=PREFIX, the mailbox that contains all mailboxes of this user, instead
	// of the prefix under names. exgate reads the file again when it changes, and
	// ends the sessions of users who were moved.
	RoutesFile string `key:"routes_file" example:"/etc/exgate/routes"`
	// File that lists the accounts allowed to use the gateway's credentials
	// (upstream.login.admin or upstream.oauth2), and the mailboxes that each may
	// open. exgate user add writes it; docs/logins.md describes it. exgate reads
	// the file again when it changes.
	UsersFile string `key:"users_file" example:"/etc/exgate/users"`
	// The repairs. For a key that is unset, the profile decides.
	Fixes Fixes `key:"fixes"`
	// The mapping between Exchange's names of mailboxes and the clients' names. For
	// a key that is unset, the profile decides.
	Names Names `key:"names"`
	// Limits for clients, messages and the spool.
	Limits Limits `key:"limits"`
	// Temporary files for messages on their way to Exchange.
	Spool Spool `key:"spool"`
	// Copies of originals and attachments, for messages that lose something.
	Quarantine Quarantine `key:"quarantine"`
	// The record of each message, session and failed login, for profiles of Exchange.
	Ledger Ledger `key:"ledger"`
	// The functions that stay active in mode observe.
	Observe ObserveMode `key:"observe"`
	// Redis or Valkey, in which several gateways share their limits.
	Cluster Cluster `key:"cluster"`
	// The log and the wire trace.
	Log Log `key:"log"`
	// When exgate is stopped, commands in flight may take this long to finish.
	DrainTimeout time.Duration `key:"drain_timeout"`
}

// Listen names the listeners by the protection that they give.
type Listen struct {
	// Listener for STARTTLS: plain text until the client switches to TLS. exgate
	// refuses logins before that.
	StartTLS string `key:"starttls" sample:"127.0.0.1:1143"`
	// Listener for TLS from the first byte.
	Implicit string `key:"implicit" sample:"127.0.0.1:1993"`
	// Listener without TLS: others on the network could read passwords. Only
	// loopback addresses are allowed.
	InsecurePlaintext string `key:"insecure-plaintext" example:"127.0.0.1:2143"`
	// Networks of load balancers that send the PROXY protocol, version 1 or 2, to the
	// listeners above. Each connection from there must begin with its header, and exgate
	// logs and limits the client that the header names. exgate takes no header from any
	// other address.
	ProxyProtocol []string `key:"proxy_protocol" example:"[192.0.2.10, '2001:db8::/64']"`
	// Listener for HTTP: /metrics (Prometheus), /livez and /readyz, which show no
	// user names, for everybody who reaches the address; and at / a page with
	// sessions, accounts and refusals. On an address that is not loopback, the page
	// needs status_token or status_client_ca, and the listener then has TLS.
	Status string `key:"status" example:"127.0.0.1:9143"`
	// Token for the page, of 16 characters or more: a browser sends it as the
	// password, with any user name. Set only one of status_token,
	// status_token_file and status_token_env.
	StatusToken backend.Secret `key:"status_token" example:"'a long random text'"`
	// File with the token.
	StatusTokenFile string `key:"status_token_file" example:"/run/credentials/exgate/status"`
	// Environment variable with the token.
	StatusTokenEnv string `key:"status_token_env" example:"STATUS_TOKEN"`
	// PEM file with the authorities that sign the client certificates of those who
	// may see the page.
	StatusClientCA string `key:"status_client_ca" example:"/etc/exgate/admins.pem"`
}

// TLS is the certificate that clients see.
type TLS struct {
	// PEM file with the certificate chain.
	CertificateFile string `key:"certificate_file" example:"/etc/exgate/tls.crt"`
	// PEM file with the private key of the certificate.
	KeyFile string `key:"key_file" example:"/etc/exgate/tls.key"`
}

// Fixes are the repairs that can be configured. For a zero value, the profile
// decides.
type Fixes struct {
	// Body lines over line-limit. recode: exgate re-encodes the part, without loss.
	// wrap: exgate splits the line, as imapsync does. off: no change.
	LongLines rewrite.LongLines `key:"long-lines" example:"recode"`
	// The longest line that exgate does not change, in bytes without CRLF. 0: the
	// profile's value.
	LineLimit int `key:"line-limit" example:"9900"`
	// Requests for a read receipt, for which Exchange would send a second receipt.
	// all: exgate disarms them in every message. seen: only in messages that are
	// marked as read. off: no change.
	ReadReceipt rewrite.ReadReceipt `key:"read-receipt" example:"all"`
	// \Flagged, which Outlook does not show if it arrives with the message. replay:
	// exgate sets it afterwards, by STORE. leave: exgate sends it with the message.
	Flagged string `key:"flagged" example:"replay"`
	// Keywords that the mailbox does not accept; Exchange counts each as an error.
	// drop: exgate removes them. leave: exgate sends them.
	Keywords string `key:"keywords" example:"drop"`
	// Messages that the client sends without a date, or with an invalid one, such as
	// 00-Jan-0000; Exchange would show the date of the transfer, or refuse the message.
	// derive: exgate sends the date of the first Received, else of Date. leave: exgate
	// sends what the client has sent.
	InternalDate string `key:"internal-date" example:"derive"`
	// Messages over limits.message_size. refuse: exgate refuses them itself.
	// detach: exgate moves their largest attachments to quarantine.dir, and puts a
	// note in their place. off: exgate sends them, and Exchange decides.
	Oversize string `key:"oversize" example:"refuse"`
	// Signed or encrypted parts that need a repair. repair: exgate changes them,
	// and the log says so. leave: exgate does not change them. If Exchange then
	// refuses the message, exgate skips the other steps of escalate and uses the
	// envelope.
	Signed rewrite.Signed `key:"signed" example:"repair"`
	// The last step that exgate tries with a message that Exchange has refused.
	// off: none. repair: the fixes marked refused. shed: then the fixes marked
	// shed. envelope: then a small message with the original as an attached file.
	// Each step is one more APPEND.
	Escalate Escalation `key:"escalate" example:"repair"`
	// CR or LF that is not part of a CRLF. This key and the following ones have
	// four values. off: exgate never uses the fix. always: for every message.
	// refused: after Exchange has refused the message. shed: in a later step,
	// because the fix shortens or moves something. docs/fixes.md describes each.
	LineEndings rewrite.When `key:"line-endings" example:"always"`
	// NUL, which IMAP cannot transport.
	NULBytes rewrite.When `key:"nul-bytes" example:"always"`
	// Header lines over line-limit.
	LongHeaders rewrite.When `key:"long-headers" example:"always"`
	// Bytes over 127 in headers, and in bodies without encoding.
	EightBit rewrite.When `key:"eight-bit" example:"refused"`
	// Encoded words and charsets that no reader knows.
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
	// Attached messages more than 30 levels deep.
	Nesting rewrite.When `key:"nesting" example:"shed"`
	// Parts of type multipart/appledouble.
	AppleDouble rewrite.When `key:"appledouble" example:"shed"`
	// Parts of type message/partial.
	Partial rewrite.When `key:"partial" example:"shed"`
	// Base64 and quoted-printable with errors.
	BrokenEncoding rewrite.When `key:"broken-encoding" example:"shed"`
	// A Received field made from Date, for messages without Received: Exchange 2007
	// dates messages by Received. imapsync then needs --skipheader Received.
	ReceivedDate rewrite.When `key:"received-date" example:"always"`
	// Your own changes to fields of the message's header. exgate searches the
	// unfolded value for pattern (RE2), and puts replacement in place of each match;
	// $1 is the first group. Message-ID, Date, Received, MIME-Version and Content-*
	// cannot be changed.
	HeaderRules []HeaderRule `key:"header-rules" example:"[{header: Subject, pattern: '^ *\\[SPAM\\] *', replacement: ' '}]"`
	// The message that Exchange sends in place of one that it cannot convert. mark:
	// exgate adds a field X-Exgate-Substitute. refuse: exgate answers the FETCH with
	// NO. off: no change.
	Substitute backend.Substitute `key:"substitute" example:"mark"`
	// Repairs of Exchange's replies to switch off: missing-data, structure, copyuid,
	// list-names, status-codes, search-charset, search-from, long-sets, idle-order,
	// idle-renew, blanks, strays, numbers, partials, store-uids, refusals; or all.
	RepliesOff []string `key:"replies-off" example:"[idle-renew]"`
	// An external program that processes messages before exgate repairs them.
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
	// The program and its arguments, one item each. It runs without a shell and with
	// an empty environment. It reads the message on standard input and writes the
	// new one to standard output. Unset: no filter.
	Command []string `key:"command" example:"[/usr/bin/reformime, -r7]"`
	// always: the filter processes every message. long-lines: messages with a line
	// over line-limit. refused: messages that Exchange has refused.
	When string `key:"when" example:"long-lines"`
	// The time limit for one run. exgate then kills the program and everything that
	// it started.
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
	// Directory for the originals and the removed attachments. No web or file server
	// may serve it. Unset: exgate keeps none, and skips the steps that need it.
	Dir string `key:"dir" example:"/var/lib/exgate/quarantine"`
	// Limit for the size of all files, in bytes. When it is reached, exgate keeps
	// nothing more.
	Quota int64 `key:"quota"`
	// exgate deletes a file after this time.
	Keep time.Duration `key:"keep"`
	// Text that replaces a removed part, or stands before the original in an
	// envelope. {reason} says what happened; {name}, {size} and {sha256} identify
	// the file. Unset: a text with all four, which does not say whom to ask.
	Note string `key:"note" example:"'{reason} Name: {name}, {size} bytes, SHA-256: {sha256}. Ask postmaster@example.com for it.'"`
}

// Ledger is the file that says what became of each message.
type Ledger struct {
	// The SQLite file. docs/ledger.md describes its tables. Unset: ledger.db in
	// state_dir. off: exgate keeps no ledger, and a client that lost exgate and sends
	// its last message again may store it twice.
	File string `key:"file" example:"/var/lib/exgate/ledger.db"`
	// exgate removes a row after this time. 0: never.
	Retention time.Duration `key:"retention"`
	// Limit for the size of the file, in bytes. When it is reached, exgate removes the
	// oldest rows. 0: no limit.
	Size int64 `key:"size"`
	// The ledger also has the subjects of messages.
	Subjects bool `key:"subjects"`
	// exgate writes its report (exgate report) to this file when it stops, and each
	// report_every. The end of the name is the format: .html, .json, .csv or .txt.
	// Unset: no report is written.
	Report string `key:"report" example:"/var/lib/exgate/report.html"`
	// How often exgate writes the report while it runs. 0: only when it stops.
	ReportEvery time.Duration `key:"report_every"`
}

// ReportFormat returns the format of the report; "" if its name has none.
func (l *Ledger) ReportFormat() string {
	switch ext := strings.ToLower(filepath.Ext(l.Report)); ext {
	case ".html", ".json", ".csv":
		return ext[1:]
	case ".txt":
		return "text"
	}
	return ""
}

// LedgerOff is the value of Ledger.File for no ledger.
const LedgerOff = "off"

// Values of the fixes that do not change the message itself.
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

// Names are folders.Options in the file's words. For a zero value, the profile
// decides.
type Names struct {
	// Names that differ only in case, which Exchange does not distinguish. apart:
	// two mailboxes, the second with a suffix in Exchange. merge: one mailbox, in
	// which exgate deletes nothing. off: no mapping.
	Case string `key:"case" example:"apart"`
	// Characters in a name that Exchange refuses or drops: blanks at its ends,
	// control characters. replace: exgate replaces them by similar characters, and
	// restores them for clients. off: no mapping.
	Characters string `key:"characters" example:"replace"`
	// Maximum number of characters in one level of a name. exgate moves the rest to
	// a level below it, and clients see one level. 0: the profile's value; -1: no
	// limit.
	Longest int `key:"longest" example:"250"`
	// Names that Exchange refuses at the top level. In Exchange they end in
	// _renamed_by_imapsync, as with imapsync. Unset: the profile's list; [off]: none.
	Reserved []string `key:"reserved" example:"[Files]"`
	// The mailbox in Exchange that contains all mailboxes of the client. It also
	// contains the client's INBOX, unless the prefix begins with INBOX. Unset: the
	// profile's value; off: none.
	Prefix string `key:"prefix" example:"INBOX."`
	// Prefixes for single users, for example to collect backups of many mailboxes
	// in one.
	Users []UserPrefix `key:"users" example:"[{user: bob, prefix: backup/bob}]"`
	// The separator that clients see between the levels of a name: / . or \. Unset:
	// Exchange's own, which is /. With another one, a name can contain a /.
	Separator string `key:"separator" example:"."`
	// Mailboxes with one name for clients (from) and another in Exchange (to). The
	// mailboxes below them move with them.
	List []NamePair `key:"list" example:"[{from: Sent, to: Sent Items}]"`
	// The same by regular expressions (RE2), applied in order to the client's name.
	// back_from and back_to restore the client's name. Without them, clients see
	// Exchange's name, and two names may become one mailbox.
	Patterns []NamePattern `key:"patterns" example:"[{from: '^Old/(.*)$', to: 'Archive/$1', back_from: '^Archive/(.*)$', back_to: 'Old/$1'}]"`
	// Exchange's special folders to hide from clients: calendar, contacts, tasks,
	// journal, notes, sync-issues, conversation-history, outbox, files. exgate
	// recognises them by their names in 21 languages. Unset: the profile's list;
	// [off]: none.
	Hide []string `key:"hide" example:"[calendar, contacts, tasks, journal, notes]"`
	// The special use of folders (RFC 6154). add: exgate marks the folders for sent
	// mail, drafts, trash, junk and archive, which it recognises by their names.
	// off: no marks.
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

// NamePattern is a regular expression with its replacement, and the same for
// the opposite direction.
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

// Limits are in bytes, except the first two.
type Limits struct {
	// Connections from one address. 0: no limit.
	ConnectionsPerAddress int `key:"connections_per_address"`
	// Failed logins from one address. Beyond the limit, exgate refuses logins
	// without asking Exchange. exgate forgives one failure each minute. For one name
	// at one address the limit is a quarter; for one name from all addresses it is
	// two and a half times as high. 0: no limit.
	FailedLogins int `key:"failed_logins"`
	// The largest message that exgate sends to Exchange, in bytes, after the repair.
	// 0: the profile's value. Raise it together with the limits of Exchange.
	MessageSize int64 `key:"message_size" example:"10_000_000"`
	// Bytes of one message in memory. A longer message goes to a file.
	SpoolMemoryPerMessage int64 `key:"spool_memory_per_message"`
	// Bytes in memory of all messages that are longer than 262,144 bytes. While they
	// are used up, such messages go to files.
	SpoolMemory int64 `key:"spool_memory"`
	// Bytes in the spool for one client connection.
	SpoolPerSession int64 `key:"spool_per_session"`
	// Bytes in the spool for all connections of one account.
	SpoolPerAccount int64 `key:"spool_per_account"`
	// Bytes in the spool for the whole gateway.
	SpoolTotal int64 `key:"spool_total"`
}

// Spool is the place where messages wait until Exchange has them.
type Spool struct {
	// Directory of the spool files. Unset: the system's directory for temporary
	// files.
	Dir string `key:"dir" example:"/var/spool/exgate"`
}

// ObserveMode has the two switches of the modes table in docs/design.md#modes.
type ObserveMode struct {
	// exgate keeps to the pace.
	Pace bool `key:"pace"`
	// exgate waits out Exchange's "Suggested Backoff Time" and sends the command
	// again.
	Throttle bool `key:"throttle"`
	// exgate resumes the session when Exchange drops the connection.
	Resume bool `key:"resume"`
}

// Log is the log, and the wire trace apart from it.
type Log struct {
	// The lowest level to log: debug, info, warn or error.
	Level slog.Level `key:"level"`
	// text, json or auto. auto means text on a terminal and JSON otherwise.
	Format string `key:"format"`
	// File for the log, with mode 0600 if exgate creates it. SIGUSR1 makes exgate
	// open it again, for logrotate. Unset: standard error.
	File string `key:"file" example:"/var/log/exgate/exgate.log"`
	// Size in bytes at which exgate renames log.file or log.trace to NAME.1 and begins
	// a new one. It keeps five: NAME.1 to NAME.5. 0: exgate renames nothing.
	RotateAt int64 `key:"rotate_at" example:"100_000_000"`
	// File for a trace of every line between client, exgate and Exchange, with
	// passwords masked. off: no trace. SIGUSR1 makes exgate open it again.
	Trace string `key:"trace"`
}

// Values of Log with a special meaning.
const (
	FormatAuto = "auto"
	FormatText = "text"
	FormatJSON = "json"
	TraceOff   = "off"
)

// Default is the configuration of an empty file. It lacks the values that only
// the operator knows: a listener and the upstream's address.
func Default() *Config {
	return &Config{
		Mode:    Enforce,
		Cluster: Cluster{Name: "exgate"},
		Upstream: Upstream{
			TLS:     backend.TLSImplicit,
			Profile: profile.Auto,
			Resume:  true,
			Login:   Login{MaxFailures: backend.DefaultMaxFailures},

			ReplyTimeout: backend.DefaultReply,
			// The connections are those of the design, below Exchange's 16.
			Pace: Pace{
				MaxBackoff:            backend.DefaultMaxBackoff,
				ConnectionsPerAccount: 12,
				MaxWait:               backend.DefaultMaxWait,
				OverBudget:            OverBudgetRefuse,
			},
		},
		// The largest message of a profile is 45 MB; the spool holds a few of
		// them per connection, and stays below what a small disk has.
		Limits: Limits{
			ConnectionsPerAddress: 200,
			FailedLogins:          20,
			SpoolMemoryPerMessage: 4 << 20,
			SpoolMemory:           64 << 20,
			SpoolPerSession:       200_000_000,
			SpoolPerAccount:       400_000_000,
			SpoolTotal:            2_000_000_000,
		},
		Fixes:        Fixes{Filter: Filter{When: FilterLongLines, Timeout: time.Minute}},
		Quarantine:   Quarantine{Quota: 10_000_000_000, Keep: 90 * 24 * time.Hour},
		Ledger:       Ledger{Retention: 365 * 24 * time.Hour, Size: 4_000_000_000, ReportEvery: time.Hour},
		Log:          Log{Format: FormatAuto, Trace: TraceOff},
		DrainTimeout: time.Minute, // below the 90 s that systemd waits
	}
}
