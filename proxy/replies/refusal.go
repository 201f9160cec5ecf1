package replies

import (
	"strings"

	"github.com/emersion/go-imap/v2"

	"exgate/backend"
)

// Refusal returns the tagged NO for a failure. Its text has Exchange's words and
// exgate's explanation; it has a response code if one fits the failure.
func Refusal(f backend.Failure) *imap.Error {
	return &imap.Error{
		Type: imap.StatusResponseTypeNo, Code: imap.ResponseCode(f.ClientCode()), Text: f.ClientText(),
	}
}

// Reason returns the reason that a client gets for the end of its session, given
// the error that ended the session. The reason is one line.
func Reason(err error) string {
	f := backend.FailureOf(err)
	if f.Kind == backend.KindOther {
		return "the connection to the server ended: " + strings.Join(strings.Fields(err.Error()), " ")
	}
	return strings.TrimPrefix(f.ClientText(), "BYE ") // the reason goes into a BYE
}

// Interrupted returns the tagged NO for a command that the end of the session
// interrupts. outcome says what has become of the command, or what the client
// should do.
func Interrupted(outcome string) *imap.Error {
	return &imap.Error{
		Type: imap.StatusResponseTypeNo, Code: imap.ResponseCodeUnavailable, Text: "the session ends; " + outcome,
	}
}

// NotYetWord returns the status word of a command that has failed for a time, for no fault of its own: BAD for APPEND
// (NotYet).
func NotYetWord(verb string) string {
	if verb == "APPEND" {
		return "BAD"
	}
	return "NO"
}

// NotYet returns the tagged BAD for an APPEND that has failed, or may have failed, for no fault of
// the message: the client may send it again. After a NO, mbsync never sends the message again, and
// offlineimap ends its run; after BYE, offlineimap hangs if it cannot log in again at once
// (docs/connections.md#not-yet).
func NotYet(text string) *imap.Error {
	return &imap.Error{Type: imap.StatusResponseTypeBad, Code: imap.ResponseCodeUnavailable, Text: text}
}
