package replies

import (
	"strings"

	"github.com/emersion/go-imap/v2"

	"exgate/backend"
)

// Refusal is the tagged NO for a failure: Exchange's own words and ours,
// with a response code where one says the truth.
func Refusal(f backend.Failure) *imap.Error {
	return &imap.Error{Type: imap.StatusResponseTypeNo, Code: imap.ResponseCode(f.ClientCode()), Text: f.ClientText()}
}

// Reason is the reason that a client is given for the end of its session.
func Reason(err error) string {
	f := backend.FailureOf(err)
	if f.Kind == backend.KindOther {
		return "the connection to the server ended: " + strings.Join(strings.Fields(err.Error()), " ")
	}
	return strings.TrimPrefix(f.ClientText(), "BYE ") // it stands in one
}

// Interrupted answers an APPEND that the session's end has cut short.
func Interrupted(outcome string) *imap.Error {
	return &imap.Error{Type: imap.StatusResponseTypeNo, Code: imap.ResponseCodeUnavailable, Text: "the session ends; " + outcome}
}
