package backend

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"exgate/backend/wire"
)

// Error is a Failure of an operation.
type Error struct {
	Failure
	Doing string // the operation, such as "login" or "APPEND"; for the log
	Err   error  // the cause, if it is not a reply
	// Failed are the failed logins that the server may have counted before the connection of a login was
	// lost: those that it has refused, and one whose reply did not come.
	Failed int
}

// Error returns the text for the log. ClientText returns the text for the client.
func (e *Error) Error() string {
	text := e.Doing + ": " + e.reply()
	if e.Err != nil {
		return strings.TrimSuffix(text, ": ") + ": " + e.Err.Error()
	}
	return text
}

func (e *Error) reply() string {
	code := ""
	if e.Code != "" {
		code = "[" + wire.Words(e.Code) + "]"
	}
	return strings.Join(strings.Fields(e.Word+" "+code+" "+e.Text), " ")
}

func (e *Error) Unwrap() error { return e.Err }

// refusedHere returns the refusal of a login that exgate does not send to Exchange.
func refusedHere(format string, args ...any) *Error {
	return &Error{Doing: "login", Failure: Failure{Kind: KindRefusedHere, Text: fmt.Sprintf(format, args...)}}
}

// ReplyError returns the error of a command that the upstream answered with s.
func ReplyError(doing string, s wire.Status) *Error {
	return &Error{Doing: doing, Failure: Classify(s)}
}

// ThrottleError returns the error for a request that Exchange refused by a throttle,
// and nil for any other reply.
func ThrottleError(doing string, s wire.Status) error {
	if s.Word == "OK" {
		return nil
	}
	if err := ReplyError(doing, s); err.Failure.Kind == KindThrottled {
		return err
	}
	return nil
}

// FailureOf returns the failure behind an error of this package. An error that it
// does not know is of KindOther.
func FailureOf(err error) Failure {
	var known *Error
	if errors.As(err, &known) {
		return known.Failure
	}
	var outOfStep *Violation
	if errors.As(err, &outOfStep) {
		return Failure{Kind: KindOutOfStep, Text: outOfStep.Line}
	}
	var lost *LostError
	if errors.As(err, &lost) {
		return Failure{Kind: KindLost, Text: lost.Said}
	}
	return Failure{Kind: KindOther}
}

// maxOwnWords is the maximum length of Exchange's own words in a reply to a client.
const maxOwnWords = 500

// ClientText returns the text of the reply to the client: first Exchange's own
// words, which clients and their users look for, then the explanation. It is one
// line and never begins like a response code.
func (f Failure) ClientText() string {
	own := strings.Join(strings.FieldsFunc(f.Text, func(r rune) bool { return r <= ' ' || r == 0x7f }), " ")
	own = strings.ToValidUTF8(own[:min(len(own), maxOwnWords)], "?")
	if strings.HasPrefix(own, "[") {
		own = "Exchange: " + own
	}
	explain := f.Explanation()
	switch {
	case own == "" && explain == "":
		return "exgate: the command failed, and Exchange gave no reason"
	case own == "":
		return "exgate: " + explain
	case explain == "":
		return own
	}
	return fmt.Sprintf("%s (exgate: %s)", own, explain)
}

// Violation is a reply that is out of step with the commands: it has an unknown
// tag, or it comes before the last byte of a literal was sent. Exchange then runs
// the rest of a message as commands (docs/exchange.md#long-lines), so exgate stops
// reading.
type Violation struct{ Line string }

// OutOfStep returns the Violation of a line. It has no tag: Exchange takes a word of a mail
// for it. A line that is no reply may be a part of a mail, so it is not repeated.
func OutOfStep(line []byte) *Violation {
	if status, ok := wire.ParseStatus(line); ok {
		return &Violation{status.Words()}
	}
	if text, ok := bytes.CutPrefix(line, []byte("+ ")); ok {
		return &Violation{"+ " + wire.Words(string(bytes.TrimRight(text, "\r\n")))}
	}
	return &Violation{fmt.Sprintf("a line of %d bytes that is no reply", len(line))}
}

func (e *Violation) Error() string {
	return fmt.Sprintf("the upstream's reply is out of step: %q", e.Line)
}

// LostError says that the connection to the upstream has ended.
type LostError struct {
	Err  error
	Said string // the upstream's last BYE, or else its last NO or BAD; "" if none
}

func (e *LostError) Error() string {
	if e.Said != "" {
		return fmt.Sprintf("the connection to the upstream was lost (last reply %q): %v", e.Said, e.Err)
	}
	return fmt.Sprintf("the connection to the upstream was lost: %v", e.Err)
}

func (e *LostError) Unwrap() error { return e.Err }
