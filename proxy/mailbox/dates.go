package mailbox

import "sync/atomic"

// Dates is what is known of an upstream: whether it keeps the dates of the messages that
// it stores. The zero value knows nothing. It is safe for concurrent use.
type Dates struct{ state atomic.Int32 }

// The states of Dates.
const (
	datesUnknown int32 = iota
	datesAsked         // a session is asking
	datesKept
	datesDropped
)

// BeginAsking reports whether the caller is to find out. Until the caller says what it has
// found, no other session asks.
func (d *Dates) BeginAsking() bool { return d.state.CompareAndSwap(datesUnknown, datesAsked) }

// NotKnown says that the caller has not found out: another session may ask.
func (d *Dates) NotKnown() { d.state.Store(datesUnknown) }

// Kept says that the upstream has kept the date of a message.
func (d *Dates) Kept() { d.state.Store(datesKept) }

// Dropped says that the upstream has not kept the date of a message.
func (d *Dates) Dropped() { d.state.Store(datesDropped) }

// AreKept reports whether the upstream is known to keep dates.
func (d *Dates) AreKept() bool { return d.state.Load() == datesKept }
