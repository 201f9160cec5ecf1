package backend

import (
	"fmt"
	"log/slog"
	"strings"
	"time"

	"exgate/backend/wire"
)

// Kind is a way in which the upstream fails. Logs and metrics show its value.
type Kind string

// The kinds. failureTable has the texts by which each kind is recognised, and the
// consequences.
const (
	KindOther           Kind = "other" // none of the other kinds
	KindCredentials     Kind = "credentials-refused"
	KindNotConnected    Kind = "not-connected"       // a user's own mailbox does not open
	KindAdminNotAllowed Kind = "admin-not-connected" // a mailbox does not open for an admin
	KindInvalidState    Kind = "invalid-state"
	KindReadOnly        Kind = "read-only"
	KindUnavailable     Kind = "server-unavailable"
	KindArgument        Kind = "argument-error"
	KindCommand         Kind = "command-error"
	KindMessageSet      Kind = "message-set"
	KindTooBig          Kind = "too-big"
	KindContent         Kind = "content-refused" // the words are not Exchange's
	KindThrottled       Kind = "throttled"
	KindMailboxExists   Kind = "mailbox-exists"
	KindTryCreate       Kind = "try-create"
	KindNoMailbox       Kind = "no-mailbox"
	KindReservedName    Kind = "reserved-name"
	KindBadCharset      Kind = "bad-charset"
	KindTokenExpired    Kind = "token-expired"  // BYE: the XOAUTH2 token has expired
	KindClosedAtOnce    Kind = "closed-at-once" // BYE right after the first command
	KindClosed          Kind = "closed"         // any other BYE
	KindLost            Kind = "lost"           // the connection ended without a BYE
	KindUnreachable     Kind = "unreachable"    // no connection could be made
	KindOutOfStep       Kind = "out-of-step"    // a reply with an unknown tag, or too early
	KindProtocol        Kind = "protocol"       // the server does not speak IMAP
)

// The kinds of replies that have these meanings only at LOGIN and AUTHENTICATE.
const (
	KindPasswordsOff     Kind = "passwords-off"     // the server takes no passwords, of whatever form
	KindNameRefused      Kind = "name-refused"      // the name is not clear, or not in a form that the server reads
	KindLoginNotRead     Kind = "login-not-read"    // the server cannot read the arguments of the login
	KindLoginUnavailable Kind = "login-unavailable" // the mechanism is off, or the mailbox server does not answer
	KindTokenNotTaken    Kind = "token-not-taken"   // the server refuses the access token
)

// The kinds of logins that fail in the gateway itself.
const (
	KindTokenRefused     Kind = "token-refused"     // no access token until somebody changes something
	KindTokenUnavailable Kind = "token-unavailable" // no access token at the moment
	KindNotAllowed       Kind = "not-allowed"       // the users file does not give the mailbox to the caller
	KindNotOffered       Kind = "not-offered"       // the server offers no mechanism for the login
	KindRefusedHere      Kind = "refused-here"      // the gateway refuses the login, with its own text
)

// failureRow describes a kind. A reply is of the first kind whose word it has, and
// whose code or one of whose texts (in lower case). A row with none of the three
// never matches a reply.
type failureRow struct {
	kind  Kind
	word  string   // NO, BAD or BYE; "": any
	code  string   // the response code of the reply
	texts []string // parts of the reply's text
	login bool     // only a reply to LOGIN or AUTHENTICATE has this meaning

	// client is the response code for the client (RFC 5530 unless noted); "" if no
	// code is true.
	client string
	retry  bool // the same command may succeed later
	level  slog.Level
	// errors is the share of Exchange's budget of ten errors, after which it closes
	// the connection: 5 if it closes after the second. Only a BAD counts.
	errors int
	// explain tells the client the meaning and the remedy, most likely cause first. It
	// is one line of ASCII.
	explain string
}

// failureTable has the replies of docs/exchange.md#login-failures and
// docs/exchange.md#errors, with the answers of FAQ.Exchange 1.79. What users read at
// length about a kind is in package knowledge.
var failureTable = []failureRow{
	{kind: KindPasswordsOff, login: true, texts: []string{"basic authentication is disabled"},
		client: "AUTHENTICATIONFAILED", level: slog.LevelWarn, errors: 1,
		explain: "the server takes no passwords for this account any more: log in with OAuth2 (exgate's " +
			"upstream.oauth2)"},
	{kind: KindNameRefused, login: true, texts: []string{"ambiguous alias", "provided username is not valid"},
		client: "AUTHENTICATIONFAILED", level: slog.LevelWarn, errors: 1,
		explain: "Exchange does not find one account for this name: the alias fits several users, or the name is in " +
			"a form that this version does not take; write it with the NetBIOS name of the domain (DOMAIN\\user), " +
			"or as a UPN"},
	{kind: KindLoginUnavailable, login: true, texts: []string{"server unavailable. 15", "server unavailable 15"},
		client: "UNAVAILABLE", retry: true, level: slog.LevelWarn,
		explain: "Exchange does not take this login now, and does not say why: passwords are off for the account, " +
			"another mechanism is needed, or the mailbox server does not answer; try again later"},
	{kind: KindLoginNotRead, login: true, texts: []string{"command argument error", "command error. 10",
		"command error 10", "expected space not found"},
		client: "AUTHENTICATIONFAILED", level: slog.LevelWarn, errors: 1,
		explain: "Exchange cannot read this login: a character of the name or the password, the form of the name, or " +
			"a token that is too long or not whole"},
	{kind: KindTokenNotTaken,
		client: "AUTHENTICATIONFAILED", level: slog.LevelWarn,
		explain: "Exchange refuses the access token: it has expired, its audience is not " +
			"https://outlook.office365.com, it lacks the scope IMAP.AccessAsUser.All (of an application: " +
			"IMAP.AccessAsApp and a service principal), or user= names a mailbox that it has no right to"},
	{kind: KindThrottled, texts: []string{"request is throttled", "suggested backoff time"},
		client: "UNAVAILABLE", retry: true, level: slog.LevelWarn, errors: 1,
		explain: "Exchange asks this account to pause: wait for this time, then continue more slowly, or ask the " +
			"administrator to change the account's throttling policy " +
			"(New-ThrottlingPolicy, Set-ThrottlingPolicyAssociation)"},
	{kind: KindNotConnected, texts: []string{"authenticated but not connected"},
		level: slog.LevelWarn, errors: 5,
		explain: "Exchange accepted the login but cannot open the mailbox: the password is wrong after all, IMAP is " +
			"off for the mailbox (Set-CASMailbox -ImapEnabled $true), it has no licence, or it has too many " +
			"connections"},
	{kind: KindAdminNotAllowed,
		client: "AUTHORIZATIONFAILED", level: slog.LevelWarn, errors: 5,
		explain: "Exchange accepted the admin's login but cannot open the user's mailbox: the admin lacks FullAccess " +
			"on it (Add-MailboxPermission -AccessRights FullAccess -InheritanceType All -AutoMapping $false), the " +
			"password is wrong after all, IMAP is off for the mailbox, or it has no licence"},
	{kind: KindReadOnly, word: "NO", texts: []string{"received in invalid state"},
		level:   slog.LevelInfo,
		explain: "EXAMINE has opened the mailbox read-only; use SELECT to change it"},
	{kind: KindInvalidState, texts: []string{"received in invalid state"},
		level: slog.LevelWarn, errors: 5,
		explain: "Exchange does not accept this command now: at a login it requires TLS first (exgate's " +
			"upstream.tls: implicit or starttls); later the command came at the wrong time, such as during IDLE"},
	{kind: KindCredentials, texts: []string{"login failed", "authenticate failed", "logon failure"},
		client: "AUTHENTICATIONFAILED", level: slog.LevelWarn,
		explain: "Exchange gives no reason: the name or the password is wrong; IMAP is off for the mailbox " +
			"(Set-CASMailbox -ImapEnabled $true); the admin account has no mailbox of its own; or two-factor login " +
			"or security defaults forbid passwords"},
	{kind: KindUnavailable, texts: []string{"server unavailable. 15", "server unavailable 15"},
		client: "UNAVAILABLE", level: slog.LevelWarn,
		explain: "the mailbox may be full (QuotaExceededException in Exchange's log; raise the quota with " +
			"Set-Mailbox -ProhibitSendReceiveQuota), or Exchange cannot open this folder or reach the mailbox server " +
			"now"},
	{kind: KindArgument, texts: []string{"command argument error"},
		level: slog.LevelWarn, errors: 1,
		explain: "Exchange answers this to everything that it does not accept: a message over its size limit, a full " +
			"mailbox, a line that is too long, content or a flag that it does not understand"},
	// "command line limit exceeded" is probably not Exchange's text, but means the same.
	{kind: KindCommand, texts: []string{"command error. 10", "command error 10", "command line limit exceeded"},
		level: slog.LevelWarn, errors: 1,
		explain: "Exchange does not know this command, or its line is too long (10240 bytes by default): ask for " +
			"fewer messages at a time"},
	{kind: KindMessageSet, texts: []string{"message set is invalid"},
		level: slog.LevelInfo, errors: 1,
		explain: "the mailbox has no such messages, for example because it is empty, or Exchange does not know a " +
			"search key"},
	{kind: KindTooBig, texts: []string{"maximum size of appendable message"},
		client: "TOOBIG", level: slog.LevelWarn, // RFC 7889
		explain: "the message is over Exchange's limit; raise the limit with Set-Mailbox -MaxReceiveSize " +
			"-MaxSendSize, on Exchange 2013 and 2016 also with MaxReceiveSize in Microsoft.Exchange.Imap4.exe.config"},
	{kind: KindContent, word: "NO", texts: []string{"message contains nul characters", "message contains invalid " +
		"header"},
		level: slog.LevelWarn,
		explain: "the server refuses the content of this message: NUL bytes, or an invalid header; this text is from " +
			"Cyrus, not from Exchange"},
	{kind: KindMailboxExists, texts: []string{"mailbox already exists"},
		client: "ALREADYEXISTS", level: slog.LevelInfo,
		explain: "for Exchange, names that differ only in case are the same; and Exchange creates the parents of a " +
			"mailbox together with it"},
	{kind: KindReservedName, texts: []string{"folder name is reserved"},
		client: "CANNOT", level: slog.LevelInfo,
		explain: "Exchange reserves this name; use another"},
	{kind: KindTryCreate, code: "TRYCREATE", client: "TRYCREATE", level: slog.LevelInfo, // RFC 9051 section 7.1
		explain: "the mailbox does not exist; create it first"},
	{kind: KindNoMailbox, code: "NONEXISTENT", texts: []string{"doesn't exist."},
		client: "NONEXISTENT", level: slog.LevelInfo,
		explain: "the mailbox does not exist"},
	{kind: KindBadCharset, code: "BADCHARSET", client: "BADCHARSET", level: slog.LevelInfo, // RFC 9051 section 7.1
		explain: "Exchange can search only for US-ASCII text"},
	{kind: KindTokenExpired, word: "BYE", texts: []string{"accesstokenexpired"},
		client: "UNAVAILABLE", retry: true, level: slog.LevelInfo,
		explain: "the access token of this session has expired; log in again with a new one"},
	{kind: KindClosedAtOnce, word: "BYE", texts: []string{"connection is closed. 13", "connection is closed 13"},
		client: "UNAVAILABLE", retry: true, level: slog.LevelWarn,
		explain: "Exchange closed the connection at once and gives no reason: check that both of its IMAP services " +
			"run, front end and back end (MSExchangeImap4, MSExchangeIMAP4BE); try again later"},
	{kind: KindClosed, word: "BYE",
		client: "UNAVAILABLE", retry: true, level: slog.LevelWarn,
		explain: "Exchange closed the connection, as it does after ten errors, after a throttle or when it restarts; " +
			"try again later"},
	{kind: KindLost,
		client: "UNAVAILABLE", retry: true, level: slog.LevelWarn,
		explain: "the connection to Exchange was lost; try again"},
	{kind: KindUnreachable,
		client: "UNAVAILABLE", retry: true, level: slog.LevelError,
		explain: "no connection to Exchange is possible now; exgate's log has the reason"},
	{kind: KindOutOfStep,
		level: slog.LevelError,
		explain: "Exchange replied out of step to this command, as it does when a line of a message is too long, and " +
			"exgate closed the connection"},
	{kind: KindProtocol,
		client: "SERVERBUG", level: slog.LevelError,
		explain: "the server that exgate connects to does not follow the IMAP protocol; exgate's log has its reply"},
	{kind: KindTokenRefused, client: "CONTACTADMIN", level: slog.LevelError,
		explain: "no access token is available for this mailbox until exgate's administrator acts; exgate's log " +
			"has the reason"},
	{kind: KindTokenUnavailable, client: "UNAVAILABLE", retry: true, level: slog.LevelError,
		explain: "no access token is available for this mailbox now; try again later"},
	{kind: KindNotAllowed, client: "AUTHORIZATIONFAILED", level: slog.LevelWarn,
		explain: "exgate itself refused this login: its users file does not allow this account to open this mailbox"},
	{kind: KindNotOffered, client: "CANNOT", level: slog.LevelWarn,
		explain: "exgate did not send this login, because the server offers no mechanism for it"},
	{kind: KindRefusedHere, client: "AUTHENTICATIONFAILED", level: slog.LevelWarn,
		explain: "exgate itself refused this login and did not ask Exchange"},
	{kind: KindOther, level: slog.LevelInfo, errors: 1},
}

// rowOf returns the row of a kind. The zero Kind counts as KindOther.
func rowOf(kind Kind) failureRow {
	for _, row := range failureTable {
		if row.kind == kind {
			return row
		}
	}
	return failureTable[len(failureTable)-1]
}

// Failure is one failure: its kind and the upstream's reply.
type Failure struct {
	Kind    Kind
	Word    string        // NO, BAD or BYE; "" without a reply
	Code    string        // the response code and its arguments, as the upstream sent them
	Text    string        // Exchange's own words (wire.Words)
	Backoff time.Duration // the time that Exchange asks to wait; only for KindThrottled

	// Connections are those that the login name has, this one included, where a mailbox does
	// not open; 0: not counted. Exchange has no text of its own for too many of them
	// (docs/exchange.md#connections).
	Connections int
}

// Classify returns the failure that a reply other than OK means.
func Classify(s wire.Status) Failure { return classify(s, false) }

// ClassifyLogin returns the failure that a reply other than OK means to LOGIN or
// AUTHENTICATE. Exchange uses some texts there in another sense than elsewhere
// (docs/exchange.md#login-failures): no login is about the size of a message. token
// says that the login had an access token in place of a password.
func ClassifyLogin(s wire.Status, token bool) Failure {
	f := classify(s, true)
	if token && f.Kind == KindCredentials {
		f.Kind = KindTokenNotTaken
	}
	return f
}

func classify(s wire.Status, login bool) Failure {
	f := Failure{Kind: KindOther, Word: s.Word, Code: s.Code, Text: wire.Words(s.Text)}
	for _, row := range failureTable {
		if (login || !row.login) && row.matches(s) {
			f.Kind = row.kind
			break
		}
	}
	if f.Kind == KindThrottled {
		f.Backoff = suggestedBackoff(s.Text)
	}
	return f
}

func (row failureRow) matches(s wire.Status) bool {
	if row.word == "" && row.code == "" && row.texts == nil {
		return false
	}
	if row.word != "" && row.word != s.Word {
		return false
	}
	if row.code != "" {
		if _, ok := s.CodeArgs(row.code); ok {
			return true
		}
	} else if row.texts == nil {
		return true
	}
	text := strings.ToLower(s.Text)
	for _, t := range row.texts {
		if strings.Contains(text, t) {
			return true
		}
	}
	return false
}

// For returns f for a login of id. If an admin cannot open a mailbox, the kind
// becomes KindAdminNotAllowed, because RFC 5530 defines AUTHORIZATIONFAILED only
// for two identities.
func (f Failure) For(id Identity) Failure {
	if f.Kind == KindNotConnected && id.Admin != "" {
		f.Kind = KindAdminNotAllowed
	}
	return f
}

// passedCodes are the response codes (RFC 5530) that exgate passes on to the client
// for a failure of KindOther. Servers other than Exchange send them.
var passedCodes = []string{
	"OVERQUOTA", "NOPERM", "INUSE", "LIMIT", "CANNOT", "ALREADYEXISTS", "NONEXISTENT", "EXPIRED", "CONTACTADMIN",
	"UNAVAILABLE", "SERVERBUG", "CORRUPTION", "TOOBIG", "AUTHENTICATIONFAILED", "AUTHORIZATIONFAILED",
	"PRIVACYREQUIRED",
}

// ClientCode returns the response code for the client, with its arguments and
// without brackets; "" if there is none.
func (f Failure) ClientCode() string {
	code := rowOf(f.Kind).client
	name, _, _ := strings.Cut(f.Code, " ")
	if f.Code != "" && (strings.EqualFold(name, code) || (f.Kind == KindOther && containsFold(passedCodes, name))) {
		return f.Code
	}
	return code
}

// Explanation returns the meaning of the failure and the remedy, in one line; "" if
// they are not known.
func (f Failure) Explanation() string {
	explain := rowOf(f.Kind).explain
	mayBeCrowded := f.Kind == KindNotConnected || f.Kind == KindAdminNotAllowed
	if mayBeCrowded && f.Connections > MaxConnectionsPerUser {
		return fmt.Sprintf("this login name has %d connections, and Exchange allows %d of one user by default: set "+
			"upstream.pace.connections_per_login to %d or less, or raise MaxConnectionsPerUser (Set-ImapSettings); "+
			"if that is not the cause: %s", f.Connections, MaxConnectionsPerUser, MaxConnectionsPerUser-1, explain)
	}
	return explain
}

// MaxConnectionsPerUser is how many connections of one user Exchange allows by default
// (Set-ImapSettings; docs/exchange.md#connections).
const MaxConnectionsPerUser = 16

// IsRetryable reports whether the same command may succeed later without any change
// by anybody.
func (f Failure) IsRetryable() bool { return rowOf(f.Kind).retry }

// Level returns the level of the log line about the failure.
func (f Failure) Level() slog.Level { return rowOf(f.Kind).level }

// Errors returns the share of Exchange's budget of ten errors per connection that
// the failure uses up.
func (f Failure) Errors() int {
	if f.Word != "BAD" {
		return 0
	}
	return rowOf(f.Kind).errors
}
