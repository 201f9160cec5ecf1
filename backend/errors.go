package backend

import (
	"errors"
	"fmt"
	"strings"

	"exgate/backend/wire"
)

// Error is a Failure while something was being done.
type Error struct {
	Failure
	Doing string // "login", "APPEND"; for the log
	Err   error  // the cause where it is not a reply
}

// Error is for the log. Error.ClientText is for the client.
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
		code = "[" + e.Code + "]"
	}
	return strings.Join(strings.Fields(e.Word+" "+code+" "+e.Text), " ")
}

func (e *Error) Unwrap() error { return e.Err }

// refusedHere is the refusal of a login of which Exchange has not been asked.
func refusedHere(format string, args ...any) *Error {
	return &Error{Doing: "login", Failure: Failure{Kind: KindRefusedHere, Text: fmt.Sprintf(format, args...)}}
}

// ReplyError is the error of a command that the upstream answered with s.
func ReplyError(doing string, s wire.Status) *Error {
	return &Error{Doing: doing, Failure: Classify(s)}
}

// FailureOf tells what an error of this package means. What it does not know
// is KindOther.
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

// maxOwnWords bounds how much of Exchange's own words a client is told.
const maxOwnWords = 500

// ClientText is the text of the reply to the client: Exchange's own words, so
// that what clients and their users look for is there, then ours. It is one
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
		return "exgate: the command failed and Exchange did not say why"
	case own == "":
		return "exgate: " + explain
	case explain == "":
		return own
	}
	return fmt.Sprintf("%s (exgate: %s)", own, explain)
}

// Violation is a reply that puts the conversation out of step: an unknown tag,
// or a reply before the last byte of a literal was sent. Exchange then runs
// the rest of a message as commands (docs/exchange.md#long-lines), so nothing is
// read any more.
type Violation struct{ Line string }

func (e *Violation) Error() string { return fmt.Sprintf("upstream out of step: %q", e.Line) }

// LostError says that the connection to the upstream ended.
type LostError struct {
	Err  error
	Said string // the upstream's last complaint: a BYE, else a NO or BAD; "" if none
}

func (e *LostError) Error() string {
	if e.Said != "" {
		return fmt.Sprintf("upstream connection lost (last reply %q): %v", e.Said, e.Err)
	}
	return fmt.Sprintf("upstream connection lost: %v", e.Err)
}

func (e *LostError) Unwrap() error { return e.Err }
