package proxy

import (
	"strings"

	"github.com/emersion/go-imap/v2"

	"exgate/backend"
)

// replyError is the tagged NO for a failure: Exchange's own words and ours,
// with a response code where one says the truth.
func replyError(f backend.Failure) *imap.Error {
	return &imap.Error{Type: imap.StatusResponseTypeNo, Code: imap.ResponseCode(f.ClientCode()), Text: f.ClientText()}
}

// explain is the reason that a client is given for the end of its session.
func explain(err error) string {
	f := backend.FailureOf(err)
	if f.Kind == backend.KindOther {
		return "the connection to the server ended: " + strings.Join(strings.Fields(err.Error()), " ")
	}
	return strings.TrimPrefix(f.ClientText(), "BYE ") // it stands in one
}
