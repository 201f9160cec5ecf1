package mailbox

import (
	"context"
	"time"
)

// Peers are other gateways, which may store an equal message in the same mailbox at the same moment. Package cluster
// has some.
type Peers interface {
	// Enter begins an APPEND for all gateways. While another gateway has an equal message on its way, Enter waits, for
	// patience at most. others is as for Lease.Others. The error is the cause of ctx.
	Enter(ctx context.Context, m Shared, patience time.Duration) (l Lease, others int, err error)
}

// Lease is an APPEND of this gateway, as the others know it. It ends with the gateway, too.
type Lease interface {
	// Others returns the UIDs from a mark on that gateways were told of the mailbox, and how many equal messages the
	// other gateways may have stored besides.
	Others(from Mark) (others int, uids []uint32)
	// End says that the APPEND has ended, and may have stored so many messages under UIDs that are not known. uids are
	// those that are known. If it is called again, the last call counts.
	End(most int, validity uint32, uids []uint32)
}

// Shared is what the APPEND of a message is known by to all gateways. Two messages that may be taken for one another
// have the same ID, or one of them has no ID and both have the same Fields.
type Shared struct {
	Mailbox    string
	ID, Fields string // "" if it has none
}

// shared returns what other gateways know a message by. No message can be taken for one that has neither an ID nor a
// date (MessageKey.compare).
func (id MessageKey) shared(mailbox string) Shared {
	m := Shared{Mailbox: mailbox, ID: id.messageID}
	if id.date != "" {
		m.Fields = id.subject + "\x00" + id.from + "\x00" + id.date
	}
	return m
}

// enterPeers begins the APPEND for the other gateways.
func (cl *Claim) enterPeers(ctx context.Context, patience time.Duration) error {
	if cl.claims.peers == nil {
		return nil
	}
	lease, others, err := cl.claims.peers.Enter(ctx, cl.id.shared(cl.key), patience)
	if err != nil {
		return err
	}
	cl.claims.mu.Lock()
	defer cl.claims.mu.Unlock()
	cl.lease, cl.elsewhere = lease, others
	if others > 0 {
		cl.box.said = time.Time{} // the other gateway's message may be above next
	}
	return nil
}

// AskPeers asks what other gateways have stored from a mark on, and what they may have stored. It is called between a
// look and its judgement.
func (cl *Claim) AskPeers(from Mark) {
	cl.claims.mu.Lock()
	lease := cl.lease
	cl.claims.mu.Unlock()
	if lease == nil {
		return
	}
	others, uids := lease.Others(from)
	cl.claims.mu.Lock()
	defer cl.claims.mu.Unlock()
	cl.elsewhere = others
	if cl.box.validity != from.UIDValidity {
		return
	}
	for _, uid := range uids {
		cl.box.taken[uid] = true
	}
}
