package backend

import (
	"errors"
	"io"
	"net"
	"slices"
)

// MayOpenAgain reports whether a login that ended in err may be tried once more: the server has dropped
// the connection without a word, and has not refused the login. failed is for OpenAgain. A login whose reply did not
// come counts as a failed one, because the server may have counted it. So both connections together cost
// no more failed logins than LoginOptions.MaxFailures, as one connection does.
func (u *Upstream) MayOpenAgain(err error) (failed int, ok bool) {
	var known *Error
	if !errors.As(err, &known) || known.Text != "" || !isDropped(err) {
		return 0, false
	}
	if known.Kind != KindLost && known.Kind != KindUnreachable { // another connection, for a token
		return 0, false
	}
	return known.Failed, known.Failed < u.maxFailures()
}

// errUpstreamClosed says that the upstream has closed a connection that was open.
var errUpstreamClosed = errors.New("the upstream has closed the connection")

// isDropped reports whether the other side has ended a connection, by an end of the stream or a reset. A
// connection that could not be made is not dropped, nor is one on which nothing came in time.
func isDropped(err error) bool {
	for _, end := range []error{errUpstreamClosed, io.EOF, io.ErrUnexpectedEOF} {
		if errors.Is(err, end) {
			return true
		}
	}
	var failed *net.OpError
	return errors.As(err, &failed) && slices.Contains([]string{"read", "write"}, failed.Op) && !failed.Timeout()
}
