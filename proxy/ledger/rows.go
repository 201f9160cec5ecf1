package ledger

import (
	"crypto/sha256"
	"sync/atomic"
	"time"
)

// Outcome says what became of a message.
type Outcome string

// The values of Outcome.
const (
	Pending  Outcome = "pending"   // the message is on its way, or the gateway was killed with it
	Stored   Outcome = "stored"    // Exchange has stored it
	Found    Outcome = "found"     // an earlier attempt had stored it, so it was not sent again
	Resent   Outcome = "resent"    // it was not stored, and a later attempt has sent it again
	Refused  Outcome = "refused"   // exgate refused it
	Rejected Outcome = "rejected"  // Exchange refused it
	TooLarge Outcome = "too-large" // it is larger than the limit
	Failed   Outcome = "failed"    // it was not stored, and the client may try again
	Limited  Outcome = "limited"   // a budget was used up
	Unknown  Outcome = "unknown"   // it is not known whether Exchange has stored it
	Observed Outcome = "observed"  // a gateway in mode observe has passed it on
)

// Mark is a place in a mailbox: a message that is stored from now on has a UID of at least
// Next. The zero value is no place.
type Mark struct{ UIDValidity, Next uint32 }

// Message is a row of the table messages. The session that it belongs to is that of the
// Journal.
type Message struct {
	Mailbox   string // as the client calls it
	Exchange  string // as Exchange calls it
	MessageID string
	Subject   string // only with Options.Subjects
	Date      string // the date-time of the APPEND; "" if none
	DateFrom  string // DateClient, DateDerived, or "" for a message without a date
	Size      int64  // as it came
	Sent      int64  // after the repair; 0 if it did not go up
	Sum       [sha256.Size]byte
	Flags     []string // as the client gave them
	Fixes     []string
	Stage     int           // the last stage of repair
	Throttled time.Duration // waited for the end of throttles
	Paced     time.Duration // waited for the pace
	Outcome   Outcome
	Rule      string // why it was refused: a Rule, or the name of a fix (rewrite.FixNames)
	Reason    string // what Exchange said, or exgate
	Would     string // in mode observe: what exgate would have done
	Mark      Mark   // the place in the mailbox before the message was sent
	// TUID is mbsync's mark (X-TUID); "": there is none. mbsync gives each attempt another one, and
	// sends each message once in a session; other clients send what mbsync has left in a message.
	TUID string
	// UIDValidity and UID are the place of the stored message; UID is 0 if it is not known.
	UIDValidity, UID uint32

	began   time.Time // of the APPEND
	session string    // its ID
	again   []string  // sessions of earlier attempts that this one sends again
	looked  []string  // IDs of earlier attempts that were looked for
	row     *row
	attempt *attempt
}

// The values of Message.Rule, beside the names of fixes.
const (
	RuleExchange   = "refused by Exchange"
	RuleOversize   = "oversize"   // the message is larger than the limit
	RuleBudget     = "budget"     // it is more than may be stored in a day
	RuleQuarantine = "quarantine" // what would be taken out of it cannot be kept
	RuleSpool      = "spool"      // there is no room for it while it waits
)

// The values of Message.DateFrom.
const (
	DateClient  = "client"
	DateDerived = "derived"
)

// row is the place of a row. Only the writer uses it, but for proven.
type row struct {
	id     int64 // in its table; of a message: in messages, or 0
	intent int64 // of a message that has no id yet: in intents, or 0
	file   int   // the number of the file that has the row (store.number); 0: the row is not written

	// proven is set as soon as the client has the answer. hasProof says that the row was written after that, and so
	// with the proof.
	proven   atomic.Bool
	hasProof bool
}

// Session is what the row of a session begins with.
type Session struct {
	ID       string // as in the log
	Upstream string // name of the upstream
	Account  string // the mailbox's owner, as exgate logs in for it
	Caller   string // who has logged in for the account; "" if it was the account itself
	Form     string // of the login
	Profile  string
	Observe  bool
	// Arrived reports whether the client's machine has acknowledged all that the session has
	// sent. nil: that is not known. It is called by other sessions too.
	Arrived func() bool
}

// Totals are what the row of a session ends with.
type Totals struct {
	Client                  string // the ID of the client (RFC 2971); "" if it gave none
	Reason                  string // why the session has ended
	Read                    bool   // the client has read all that it was sent, and has closed the connection then
	Stored, Refused, Errors int64
	Waited                  time.Duration
}

// LoginFailure is a row of the table login_failures.
type LoginFailure struct {
	Upstream, Account string
	Kind              string // the kind of the failure
	Reason            string // what the server said, or exgate
}

// Folder is a row of the table folders.
type Folder struct {
	Client   string // the name that the client uses; "" for a hidden folder
	Exchange string
	What     string // one of the values below
}

// The values of Folder.What.
const (
	FolderRenamed = "renamed"
	FolderHidden  = "hidden"

	// In mode observe, exgate has passed the name on.
	FolderWouldRename = "would-rename"
	FolderWouldHide   = "would-hide"
)

// maxText limits a text of a row, in bytes.
const maxText = 1000

// bounded returns a text that is no longer than maxText.
func bounded(s string) string {
	if len(s) <= maxText {
		return s
	}
	return s[:maxText-3] + "..."
}
