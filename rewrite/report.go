package rewrite

import (
	"fmt"
	"io"
)

// Report says what a Plan does to its message, and what it leaves undone.
type Report struct {
	Fixes       []Fix      // those that change the message, in the order of the table
	LongestLine int64      // in bytes without line end; 0 if no line is over the limit
	Signed      int        // signed or encrypted parts among those changed
	SignedLeft  int        // those left as they are by Options.Signed, though a fix wanted to change them
	Unrepaired  []Excess   // the limits that the repaired message still exceeds
	Lossy       bool       // something is gone that is neither in what is written nor detached
	Detached    []Detached // attachments that were taken out
}

// Fix is one fix and how often it was used.
type Fix struct {
	Name  string // as the configuration names it
	Count int    // parts, gaps between parts, header fields or bytes changed
}

// Detached is an attachment that a note stands for. It must be kept, durably,
// before the repaired message is sent anywhere.
type Detached struct {
	Name   string // as the message names it, decoded; never a safe file name
	Size   int64  // in bytes, decoded
	SHA256 string // in hexadecimal, of the decoded bytes
	body   func(io.Writer) error
}

// WriteTo writes the decoded attachment.
func (d Detached) WriteTo(w io.Writer) (int64, error) {
	c := &counter{w: w, most: d.Size}
	err := d.body(c)
	if err == nil && c.n < d.Size {
		err = io.ErrUnexpectedEOF
	}
	return c.n, err
}

// Excess is a limit that the message exceeds and that no fix repaired.
// Exchange may answer such a message by taking its text for commands (see
// docs/fixes.md), so it is better not sent.
type Excess struct {
	Rule    string // "header-line" or "body-line"
	Count   int    // lines over the limit
	Longest int64  // the longest of them, in bytes without line end
	Limit   int    // Options.LineLimit
}

// String says the excess in words fit for a reply or a log line.
func (e Excess) String() string {
	return fmt.Sprintf("%s: %d over %d bytes, the longest of %d bytes", e.Rule, e.Count, e.Limit, e.Longest)
}

// RefusedError is the answer to a message that a fix cannot repair within its
// bounds. Nothing is wrong with the reading of it.
type RefusedError struct {
	Rule   string // the fix that refuses, as the configuration names it
	Reason string
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("message refused by rule %s: %s", e.Rule, e.Reason)
}
