// Package profile has the fixes and limits that suit each kind of Exchange.
package profile

import (
	"exgate/backend"
	"exgate/backend/folders"
	"exgate/rewrite"
)

// Names of profiles that more than the table speaks of.
const (
	Auto   = "auto"                // of a server that is not known yet
	Plain  = "plain"               // of a server that is not Exchange
	Online = backend.ProfileOnline // the only Exchange that takes tokens
)

// Profile is what suits one kind of Exchange. In docs/config.md the table is
// printed with a sentence for each column.
type Profile struct {
	Name         string
	MessageLimit int64           // bytes; larger messages are refused here; 0: none
	Message      rewrite.Options // the fixes inside the message
	Escalate     rewrite.Stage   // how far a refused message is taken
	Flagged      bool            // \Flagged is set by a STORE after APPEND
	Keywords     bool            // keywords outside PERMANENTFLAGS are dropped
	MDNSent      bool            // $MDNSent is one of them, though it is in PERMANENTFLAGS
	InternalDate bool            // a message without a date gets that of its header
	Pace         backend.Pacing  // of messages, commands and bytes
	Pipeline     int             // commands of one client in flight
	LiteralPlus  bool            // messages are sent as {n+}
	Verify       bool            // STATUS INBOX proves the mailbox before the login is answered
	Forms        []backend.Form  // of an admin's login, in order
	Names        folders.Options // what is done to names of mailboxes
	Replies      backend.Replies // repairs of what is answered
}

// IsExchange reports whether the server is taken for Exchange.
func (p *Profile) IsExchange() bool { return p.Name != Plain }

// HasAppendFix reports whether a fix, a limit or the pace concerns APPEND.
func (p *Profile) HasAppendFix() bool {
	return p.MessageLimit > 0 || !p.Message.None() || p.Flagged || p.Keywords || p.InternalDate ||
		p.Pace.Messages() || p.Names.Active()
}

// IsTooBig reports whether a message of size bytes is over the limit.
func (p *Profile) IsTooBig(size int64) bool { return p.MessageLimit > 0 && size > p.MessageLimit }

// InFlight is how many commands of a client may be in flight together: 1 or more.
func (p *Profile) InFlight() int { return max(p.Pipeline, 1) }
