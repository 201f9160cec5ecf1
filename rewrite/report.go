package rewrite

import "fmt"

// Report says what a Plan does to its message, and what it leaves undone.
type Report struct {
	Fixes       []Fix    // those that change the message
	LongestLine int64    // in bytes without line end; 0 if no line is over the limit
	Signed      int      // signed or encrypted parts among those changed
	Unrepaired  []Excess // the limits that the repaired message still exceeds
}

// Fix is one fix and how often it was used.
type Fix struct {
	Name  string // as the configuration names it
	Count int    // parts, gaps between parts or header fields changed
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
