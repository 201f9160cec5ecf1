package backend

import (
	"log/slog"
	"strings"
	"time"

	"exgate/backend/wire"
)

// Kind is a way in which the upstream fails. Its value is what logs and
// metrics call it.
type Kind string

// The kinds. The texts that they are known by, and what follows from them, are
// in failureTable.
const (
	KindOther           Kind = "other" // none of the others: Exchange's own words must do
	KindCredentials     Kind = "credentials-refused"
	KindNotConnected    Kind = "not-connected"       // to the user's own mailbox
	KindAdminNotAllowed Kind = "admin-not-connected" // the same, to a mailbox opened by an admin
	KindInvalidState    Kind = "invalid-state"
	KindReadOnly        Kind = "read-only"
	KindUnavailable     Kind = "server-unavailable"
	KindArgument        Kind = "argument-error"
	KindCommand         Kind = "command-error"
	KindMessageSet      Kind = "message-set"
	KindTooBig          Kind = "too-big"
	KindContent         Kind = "content-refused" // in words that are not Exchange's
	KindThrottled       Kind = "throttled"
	KindMailboxExists   Kind = "mailbox-exists"
	KindTryCreate       Kind = "try-create"
	KindNoMailbox       Kind = "no-mailbox"
	KindReservedName    Kind = "reserved-name"
	KindBadCharset      Kind = "bad-charset"
	KindTokenExpired    Kind = "token-expired"  // BYE: the XOAUTH2 token ran out
	KindClosedAtOnce    Kind = "closed-at-once" // BYE right after the first command
	KindClosed          Kind = "closed"         // any other BYE
	KindLost            Kind = "lost"           // the connection ended without one
	KindUnreachable     Kind = "unreachable"    // no connection came about
	KindOutOfStep       Kind = "out-of-step"    // a bogus tag, a reply before its time
	KindProtocol        Kind = "protocol"       // what no IMAP server says
)

// The kinds of logins that come to an end in the gateway itself.
const (
	KindTokenRefused     Kind = "token-refused"     // no access token, and none without somebody's doing
	KindTokenUnavailable Kind = "token-unavailable" // no access token now
	KindNotAllowed       Kind = "not-allowed"       // a mailbox that the users file does not give to the caller
	KindNotOffered       Kind = "not-offered"       // a login that the server offers no way for
	KindRefusedHere      Kind = "refused-here"      // a login that is not sent on, in its own words
)

// failureRow is what is known of a kind. A reply is of the first kind whose
// word, code and any of whose texts (in lower case) it has; a row with none of
// the three is never the answer to a reply.
type failureRow struct {
	kind  Kind
	word  string   // NO, BAD or BYE; "": any
	code  string   // response code of the reply
	texts []string // parts of its text

	// client is the response code for our client (RFC 5530 unless noted), ""
	// where none says the truth.
	client string
	retry  bool // the same command may succeed later
	level  slog.Level
	// errors is the share of Exchange's budget of ten errors, after which it
	// closes: 5 where it closes after the second. Only a BAD counts.
	errors int
	// explain is for the client: what it means, what to do, most likely cause
	// first. One line of ASCII.
	explain string
}

// failureTable has the replies of docs/exchange.md#login-failures and
// docs/exchange.md#errors, with the answers of FAQ.Exchange 1.79. What users read at
// length about a kind is in package knowledge.
var failureTable = []failureRow{
	{kind: KindThrottled, texts: []string{"request is throttled", "suggested backoff time"},
		client: "UNAVAILABLE", retry: true, level: slog.LevelWarn, errors: 1,
		explain: "Exchange asks this account to pause; wait that long, then go on more slowly, or have the throttling policy of the account changed (New-ThrottlingPolicy, Set-ThrottlingPolicyAssociation)"},
	{kind: KindNotConnected, texts: []string{"authenticated but not connected"},
		level: slog.LevelWarn, errors: 5,
		explain: "Exchange took the login but cannot open the mailbox: wrong password after all, IMAP off for the mailbox (Set-CASMailbox -ImapEnabled $true), no licence, or too many connections"},
	{kind: KindAdminNotAllowed,
		client: "AUTHORIZATIONFAILED", level: slog.LevelWarn, errors: 5,
		explain: "Exchange took the admin's login but cannot open the user's mailbox: the admin lacks FullAccess on it (Add-MailboxPermission -AccessRights FullAccess -InheritanceType All -AutoMapping $false), the password is wrong after all, IMAP is off for the mailbox, or it has no licence"},
	{kind: KindReadOnly, word: "NO", texts: []string{"received in invalid state"},
		level:   slog.LevelInfo,
		explain: "the mailbox was opened read-only by EXAMINE; use SELECT to change it"},
	{kind: KindInvalidState, texts: []string{"received in invalid state"},
		level: slog.LevelWarn, errors: 5,
		explain: "Exchange does not take this command now; at a login it wants TLS first (exgate's upstream tls: implicit or starttls), later it was sent out of turn, as during IDLE"},
	{kind: KindCredentials, texts: []string{"login failed", "authenticate failed"},
		client: "AUTHENTICATIONFAILED", level: slog.LevelWarn,
		explain: "Exchange gives no reason: wrong name or password; IMAP off for the mailbox (Set-CASMailbox -ImapEnabled $true); an admin account without a mailbox of its own; or password logins barred by two-factor login or security defaults"},
	{kind: KindUnavailable, texts: []string{"server unavailable. 15", "server unavailable 15"},
		client: "UNAVAILABLE", level: slog.LevelWarn,
		explain: "the mailbox may be full (QuotaExceededException in Exchange's log; raise it with Set-Mailbox -ProhibitSendReceiveQuota), or Exchange cannot open this folder or reach the mailbox server now"},
	{kind: KindArgument, texts: []string{"command argument error"},
		level: slog.LevelWarn, errors: 1,
		explain: "Exchange's answer to anything that it cannot take: a message over its size limit, a full mailbox, a line that is too long, content or a flag that it does not understand"},
	// "command line limit exceeded" is hardly Exchange's, but means the same.
	{kind: KindCommand, texts: []string{"command error. 10", "command error 10", "command line limit exceeded"},
		level: slog.LevelWarn, errors: 1,
		explain: "Exchange does not know this command, or its line is too long (10240 bytes by default): ask for fewer messages at a time"},
	{kind: KindMessageSet, texts: []string{"message set is invalid"},
		level: slog.LevelInfo, errors: 1,
		explain: "no such messages in this mailbox, as in an empty one, or a search key that Exchange does not know"},
	{kind: KindTooBig, texts: []string{"maximum size of appendable message"},
		client: "TOOBIG", level: slog.LevelWarn, // RFC 7889
		explain: "the message is over Exchange's limit; raise it with Set-Mailbox -MaxReceiveSize -MaxSendSize, on Exchange 2013 and 2016 also with MaxReceiveSize in Microsoft.Exchange.Imap4.exe.config"},
	{kind: KindContent, word: "NO", texts: []string{"message contains nul characters", "message contains invalid header"},
		level:   slog.LevelWarn,
		explain: "the server does not take this message for its content: NUL bytes, or a header that is none; these are the words of Cyrus, not of Exchange"},
	{kind: KindMailboxExists, texts: []string{"mailbox already exists"},
		client: "ALREADYEXISTS", level: slog.LevelInfo,
		explain: "Exchange does not tell names apart that differ only in case, and creates the parents of a mailbox with it"},
	{kind: KindReservedName, texts: []string{"folder name is reserved"},
		client: "CANNOT", level: slog.LevelInfo,
		explain: "Exchange keeps this name for itself; use another"},
	{kind: KindTryCreate, code: "TRYCREATE", client: "TRYCREATE", level: slog.LevelInfo, // RFC 9051 section 7.1
		explain: "there is no such mailbox; create it first"},
	{kind: KindNoMailbox, code: "NONEXISTENT", client: "NONEXISTENT", level: slog.LevelInfo,
		explain: "there is no such mailbox"},
	{kind: KindBadCharset, code: "BADCHARSET", client: "BADCHARSET", level: slog.LevelInfo, // RFC 9051 section 7.1
		explain: "Exchange searches in US-ASCII only"},
	{kind: KindTokenExpired, word: "BYE", texts: []string{"accesstokenexpired"},
		client: "UNAVAILABLE", retry: true, level: slog.LevelInfo,
		explain: "the access token of this session ran out; log in again with a new one"},
	{kind: KindClosedAtOnce, word: "BYE", texts: []string{"connection is closed. 13", "connection is closed 13"},
		client: "UNAVAILABLE", retry: true, level: slog.LevelWarn,
		explain: "Exchange ended the connection at once and gives no reason: see whether its IMAP services run, front end and back end (MSExchangeImap4, MSExchangeIMAP4BE); try again later"},
	{kind: KindClosed, word: "BYE",
		client: "UNAVAILABLE", retry: true, level: slog.LevelWarn,
		explain: "Exchange ended the connection, as it does after ten errors, after a throttle or when it restarts; try again later"},
	{kind: KindLost,
		client: "UNAVAILABLE", retry: true, level: slog.LevelWarn,
		explain: "the connection to Exchange was lost; try again"},
	{kind: KindUnreachable,
		client: "UNAVAILABLE", retry: true, level: slog.LevelError,
		explain: "no connection to Exchange can be made now; exgate's log tells why"},
	{kind: KindOutOfStep,
		level:   slog.LevelError,
		explain: "Exchange lost count in this command, as it does when a line of a message is too long for it, and exgate closed the connection"},
	{kind: KindProtocol,
		client: "SERVERBUG", level: slog.LevelError,
		explain: "the server that exgate connects to does not speak IMAP as it should; exgate's log has its words"},
	{kind: KindTokenRefused, client: "CONTACTADMIN", level: slog.LevelError,
		explain: "no access token is to be had for this mailbox until the administrator of exgate does something; exgate's log tells what"},
	{kind: KindTokenUnavailable, client: "UNAVAILABLE", retry: true, level: slog.LevelError,
		explain: "no access token is to be had for this mailbox now; try again later"},
	{kind: KindNotAllowed, client: "AUTHORIZATIONFAILED", level: slog.LevelWarn,
		explain: "exgate refused this itself: its users file does not give this mailbox to the caller"},
	{kind: KindNotOffered, client: "CANNOT", level: slog.LevelWarn,
		explain: "exgate did not send this login, since the server offers no way for it"},
	{kind: KindRefusedHere, client: "AUTHENTICATIONFAILED", level: slog.LevelWarn,
		explain: "exgate refused this login itself and did not ask Exchange"},
	{kind: KindOther, level: slog.LevelInfo, errors: 1},
}

// rowOf returns the row of a kind; the zero Kind is KindOther.
func rowOf(kind Kind) failureRow {
	for _, row := range failureTable {
		if row.kind == kind {
			return row
		}
	}
	return failureTable[len(failureTable)-1]
}

// Failure is one failure: its kind and what the upstream said.
type Failure struct {
	Kind    Kind
	Word    string        // NO, BAD or BYE; "" without a reply
	Code    string        // response code and its arguments, as the upstream sent it
	Text    string        // Exchange's own words
	Backoff time.Duration // time that Exchange asks to wait; only for KindThrottled
}

// Classify tells what a reply that is not OK means.
func Classify(s wire.Status) Failure {
	f := Failure{Kind: KindOther, Word: s.Word, Code: s.Code, Text: s.Text}
	for _, row := range failureTable {
		if row.matches(s) {
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
		if _, ok := s.CodeArgs(row.code); !ok {
			return false
		}
	}
	if row.texts == nil {
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

// For makes a failure to open a mailbox that of an admin, if id is one: RFC
// 5530 has AUTHORIZATIONFAILED for the case of two identities only.
func (f Failure) For(id Identity) Failure {
	if f.Kind == KindNotConnected && id.Admin != "" {
		f.Kind = KindAdminNotAllowed
	}
	return f
}

// passedCodes are response codes that a server other than Exchange may give a
// failure that has no kind here; they mean the same to our client (RFC 5530).
var passedCodes = []string{
	"OVERQUOTA", "NOPERM", "INUSE", "LIMIT", "CANNOT", "ALREADYEXISTS", "NONEXISTENT", "EXPIRED", "CONTACTADMIN",
	"UNAVAILABLE", "SERVERBUG", "CORRUPTION", "TOOBIG", "AUTHENTICATIONFAILED", "AUTHORIZATIONFAILED", "PRIVACYREQUIRED",
}

// ClientCode returns the response code for the client, with its arguments and
// without brackets, or "".
func (f Failure) ClientCode() string {
	code := rowOf(f.Kind).client
	name, _, _ := strings.Cut(f.Code, " ")
	if f.Code != "" && (strings.EqualFold(name, code) || (f.Kind == KindOther && containsFold(passedCodes, name))) {
		return f.Code
	}
	return code
}

// Explanation says what the failure means and what to do, in one line; "" if
// that is not known.
func (f Failure) Explanation() string { return rowOf(f.Kind).explain }

// Retryable tells whether the same command may succeed later without anybody
// changing anything.
func (f Failure) Retryable() bool { return rowOf(f.Kind).retry }

// Level is that of the log line about the failure.
func (f Failure) Level() slog.Level { return rowOf(f.Kind).level }

// Errors returns what the failure takes of Exchange's budget of ten errors per
// connection.
func (f Failure) Errors() int {
	if f.Word != "BAD" {
		return 0
	}
	return rowOf(f.Kind).errors
}
