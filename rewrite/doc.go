// Package rewrite repairs messages so that Exchange takes them.
//
// [NewPlan] reads a message and decides what to change; the [Plan] then knows
// its size, which IMAP wants before the first byte (RFC 9051 section 6.3.12),
// and writes the repaired message as often as it is asked to. A plan is a list
// of edits, each a range of bytes and what stands in its place; all other
// bytes are copied, so a message that needs no repair leaves as it came, and
// so does every part beside the one that needs it.
//
// The package is pure: no network, no clock, no log. Its memory does not grow
// with the message: every buffer and every list here has a bound.
//
// How a message is read: lines.go finds lines, mime.go the parts of the
// message (RFC 2045, RFC 2046); each fix is a file of its own that adds edits.
package rewrite
