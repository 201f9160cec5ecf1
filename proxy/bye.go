package proxy

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"exgate/backend/wire"
)

// errBye ends a session with BYE and the reason.
type errBye struct {
	reason  string
	between bool // what the client sends next begins a command
}

func (e *errBye) Error() string { return e.reason }

// EndsSession marks the error for editors of commands, which give no other answer then.
func (e *errBye) EndsSession() {}

// bye returns the error that ends the session with BYE and a reason.
func (c *conn) bye(format string, args ...any) error {
	return &errBye{reason: fmt.Sprintf(format, args...)}
}

// stopping returns the BYE for a session that the stopping gateway ends.
func (c *conn) stopping() error { return c.bye("exgate is stopping; log in again later") }

// sayBye writes BYE for an errBye, and returns the error. It writes nothing in
// the middle of a response, where the client would take BYE for data.
func (c *conn) sayBye(err error) error {
	var bye *errBye
	if !errors.As(err, &bye) {
		return err
	}
	if !c.link.isSilenced() {
		c.endsSoon()
		if writeErr := c.client.w.line("* BYE %s", bye.reason); writeErr != nil {
			c.log.Debug("the BYE with the reason did not reach the client", "err", writeErr)
			return err
		}
		// Closing a socket with unread data resets the connection, and the client
		// would lose the BYE.
		c.client.ended = c.closeWrite(bye.between)
	}
	return err
}

// closeWrite closes the socket for writing and reads for a short time what the
// client still sends. A command proves that the client has the answers before it. The
// error is io.EOF, or io.ErrUnexpectedEOF, if the client has closed the connection in
// this time.
func (c *conn) closeWrite(between bool) error {
	half, ok := c.client.nc.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return nil
	}
	c.client.nc.SetReadDeadline(time.Now().Add(c.srv.limits.Linger))
	err := error(nil)
	if between {
		err = c.lastCommand()
	}
	if err == nil {
		_, err = io.CopyN(io.Discard, c.client.nc, lingerBytes)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		c.log.Debug("the client did not close after BYE", "err", err)
	}
	return err
}

// lastCommand reads a line that begins a command, which is not carried out.
func (c *conn) lastCommand() error {
	begins := c.client.begins()
	line, err := c.client.r.ReadLine(wire.MaxLine)
	if errors.Is(err, wire.ErrLineTooLong) {
		return nil
	}
	if err == nil {
		_, rest, _ := strings.Cut(string(line), " ")
		verb, _ := wire.SplitVerb(rest)
		c.proveAnswers(verb, begins)
	}
	return err
}

// lingerBytes bounds how much is read after BYE.
const lingerBytes = 1 << 20
