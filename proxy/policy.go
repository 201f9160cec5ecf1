package proxy

import (
	"exgate/backend"
	"exgate/backend/folders"
	"exgate/rewrite"
)

// Policy is what is done for the sessions of an upstream: a profile with the
// configuration's choices, field by field that of config.Profile. The zero
// value changes nothing.
type Policy struct {
	Name         string          // of the profile
	MessageLimit int64           // largest message taken, in bytes after repair; 0: none
	Message      rewrite.Options // fixes of the message
	Escalate     rewrite.Stage   // how far a message is taken that Exchange has refused
	Flagged      bool            // \Flagged of an APPEND is replayed by STORE
	Keywords     bool            // flags that the mailbox does not keep are dropped
	MDNSent      bool            // so is $MDNSent, which Exchange Online makes a category
	InternalDate bool            // a message without a date gets that of its header
	Pace         backend.Pacing
	Pipeline     int             // commands in flight together; 0 is 1
	LiteralPlus  bool            // a client's {n+} goes upstream as it is
	Verify       bool            // the mailbox is proved before the client is told OK
	Forms        []backend.Form  // of an admin's login, in order
	Names        folders.Options // what is done to names of mailboxes
	Replies      backend.Replies // repairs of what is answered
}

const (
	plain  = "plain"               // the profile of a server that is not Exchange
	online = backend.ProfileOnline // the only Exchange that takes tokens
)

// exchange tells whether the upstream is taken for Exchange.
func (p *Policy) exchange() bool { return p.Name != plain }

// ownsAppend tells whether a fix or the pace concerns APPEND.
func (p *Policy) ownsAppend() bool {
	return p.MessageLimit > 0 || !p.Message.None() || p.Flagged || p.Keywords || p.InternalDate || p.Pace.Messages() || p.Names.Active()
}

// ownsAppend tells whether APPEND goes through the own lane.
func (c *conn) ownsAppend() bool {
	return c.login.policy.ownsAppend() || len(c.set.opts.Filter.Command) > 0
}

// tooBig tells whether a message of size bytes is over the limit.
func (p *Policy) tooBig(size int64) bool { return p.MessageLimit > 0 && size > p.MessageLimit }

func (p *Policy) pipeline() int { return max(p.Pipeline, 1) }
