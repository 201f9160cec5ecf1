package backend

import (
	"bytes"
	"errors"

	"exgate/backend/wire"
)

// A stray is a line that is no IMAP response: it has neither a tag nor "*" nor "+". Exchange is
// known to send a refusal so, "Server Unavailable. 15" (docs/exchange.md#ex-73), and lines that
// mean nothing (docs/exchange.md#ex-72).

// maxBareRefusal is the longest stray that is taken for a refusal. Exchange's are shorter.
const maxBareRefusal = 512

// BareRefusal returns the refusal that a stray is, with the word NO and no tag. ok is false for a
// line that is a response, and for a stray whose text is not known as a failure of Exchange's.
func BareRefusal(line []byte) (refusal wire.Status, ok bool) {
	text := bytes.TrimSpace(line)
	if !IsStray(line) || len(text) > maxBareRefusal {
		return refusal, false
	}
	refusal = wire.Status{Word: "NO", Text: string(text)}
	return refusal, Classify(refusal).Kind != KindOther
}

// IsStray reports whether a line that is no tagged response is a stray.
func IsStray(line []byte) bool {
	line = bytes.TrimLeft(line, " ")
	return len(line) == 0 || line[0] != '*' && line[0] != '+'
}

// ErrBareRefusal ends a connection on which a refusal without a tag leaves open what became of a
// command.
var ErrBareRefusal = errors.New("the server refused something without a tag")

// ErrTaggedBye ends a connection whose server has answered a command with BYE, as in
// "a1 BYE Connection closed. 14".
var ErrTaggedBye = errors.New("the server answered a command with BYE")

// strayed handles a stray that comes while a request is in progress.
func (c *Conn) strayed(call *call, line []byte) error {
	refusal, ok := BareRefusal(line)
	if !ok {
		return call.answered(len(line))
	}
	c.Said(call.req.told(refusal))
	switch {
	case call.hasBegunBody():
		return ErrBareRefusal // only a look into the mailbox can tell whether the message was stored
	case call.want.Swap(wantNothing) == wantNothing:
		return nil
	}
	refusal.Tag, c.bareTag = call.tag, call.tag
	c.call.Store(call.next.unanswered())
	call.ev <- event{status: &refusal}
	return nil
}

// isLate reports whether a fragment is the tagged reply to a request that a stray has refused
// before. It is not passed on.
func (c *Conn) isLate(f wire.Fragment) bool {
	if c.bareTag == "" || !f.First || !f.Last || f.Kind != wire.Tagged {
		return false
	}
	status, _ := wire.ParseStatus(f.Data)
	if status.Tag != c.bareTag {
		return false
	}
	c.bareTag = ""
	return true
}
