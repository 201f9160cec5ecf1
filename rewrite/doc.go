// Package rewrite repairs messages so that Exchange takes them.
//
// [NewPlan] reads a message and decides what to change; the [Plan] then knows
// its size, which IMAP wants before the first byte (RFC 9051 section 6.3.12),
// and writes the repaired message as often as it is asked to. A plan is a list
// of edits, each a range of bytes and what stands in its place; all other
// bytes are copied, so a message that needs no repair leaves as it came, and
// so does every part beside the one that needs it. [Examine] names what looks
// wrong with a message that Exchange has refused.
//
// The package is pure: no network, no clock, no log. Its memory does not grow
// with the message: every buffer and every list here has a bound.
//
// How a plan comes about:
//
//	scan.go      one look at every byte, at the speed of memory: a clean message goes no further than its header
//	view.go      the message with proper line ends and without NUL, for all that follows (line-endings, nul-bytes)
//	mime.go      the walk through the message: headers, fields, bodies (RFC 2045 section 3, RFC 2046 section 5)
//	field.go     what becomes of a header field: each fix may give it another name or value, all of it is one edit
//	leaf.go      what becomes of a body, and of what stands between parts
//	planner.go   the order of all this
//	plan.go      the edits, and writing them
//
// The fixes are the rows of the table in fixes.go, each with a file of its
// own. [Options] say at which [Stage] each is used: for every message, once
// Exchange has refused it, or later still, since it sheds something.
package rewrite
