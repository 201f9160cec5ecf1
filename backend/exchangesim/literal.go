package exchangesim

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
)

// message reads the n bytes of an APPEND. Where a line is too long Exchange
// leaves the literal and the rest is run as commands: the error is then
// errClosing, all has been answered.
//
// Quirk EX-05. The literal is left at the beginning of the line, since its
// first word was seen as the tag ("<body", "<meta").
func (c *conn) message(n int64) ([]byte, error) {
	if _, ok := c.strike(faultCutLiteral); ok {
		_, err := io.CopyN(io.Discard, c.r, n/2)
		return nil, errors.Join(endCut, err)
	}
	_, runAll := c.strike(faultLiteralRun)
	// The buffer is the limit: a line that does not fit is too long.
	limit := int(c.srv.limits[quirkLiteralRun])
	lit := bufio.NewReaderSize(io.LimitReader(clientBytes{c, c.r}, n), limit+len("\r\n"))
	if runAll {
		return nil, c.runAsCommands(lit, "fault literal-run-as-commands")
	}
	var msg bytes.Buffer
	for {
		line, err := lit.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) && c.srv.quirks[quirkLiteralRun] {
			return nil, c.runAsCommands(io.MultiReader(bytes.NewReader(bytes.Clone(line)), lit),
				fmt.Sprintf("quirk EX-05: a line over %d bytes", limit))
		}
		msg.Write(line)
		if errors.Is(err, io.EOF) && int64(msg.Len()) == n {
			return msg.Bytes(), nil
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return nil, err
		}
	}
}

// runAsCommands runs what is left of a message. At its end, or at the tenth
// BAD, the connection is closed.
func (c *conn) runAsCommands(message io.Reader, why string) error {
	c.srv.log.Info("literal left", "user", c.user, "command", "APPEND",
		"why", why+": the rest of the message is run as commands")
	c.leave() // before the client can know of the end: it leaves at the first answer
	whole := c.r
	c.r = bufio.NewReader(io.MultiReader(message, strings.NewReader("\r\n"))) // the end of APPEND's line
	defer func() { c.r = whole }()
	for {
		if err := c.next(); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return errClosing
		} else if err != nil {
			return err
		}
	}
}
