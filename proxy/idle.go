package proxy

import (
	"bytes"
	"strings"
	"time"

	"exgate/backend"
	"exgate/proxy/replies"
)

// idleEdits is for IDLE.
var idleEdits = edits{args: editIdle, fixes: []backend.ReplyFix{backend.FixIdleOrder}}

func editIdle(a *amendment) (done bool, err error) {
	a.cmd.editor = &replies.BeforePlus{Waits: func() bool { return a.cmd.flight.phase == phaseAsks }}
	return false, nil
}

// keptBeforePlus returns what the editor of an IDLE in flight has kept for after
// its "+".
func (c *conn) keptBeforePlus() []byte {
	if !c.login.profile.Replies.IdleOrder {
		return nil
	}
	return c.link.releaseBeforePlus()
}

// idleDue returns when the client's IDLE is to be begun anew upstream; zero: never.
// Exchange Online stops telling after a while (docs/exchange.md#ex-28).
func (c *conn) idleDue() time.Time {
	if c.idle == nil || !c.login.profile.Replies.IdleRenew {
		return time.Time{}
	}
	since := c.link.idlesSince(c.idle)
	if since.IsZero() {
		return since
	}
	return since.Add(c.srv.limits.IdleRenew)
}

// renewIdle ends IDLE upstream and begins it again. The client sees nothing of that
// but what Exchange tells meanwhile.
func (c *conn) renewIdle() error {
	idle := c.idle
	c.link.beginRenewal(idle)
	c.link.up.Expect(true)
	if !c.toUpstream(idle, "DONE") {
		return nil // attend hears of it
	}
	over := func() bool { return !idle.flight.renews || idle.flight.isDone() || c.link.state.isGone() }
	if err := c.await(over, nil); err != nil {
		return err
	}
	if !c.link.endRenewal(idle) {
		return nil
	}
	c.repaired("idle-renew")
	_, err := c.sendLine(idle, idle.flight.pieces[0].line, lineStep{asks: true, swallow: true})
	return err
}

// endIdle ends IDLE upstream. Only DONE ends it for the client, too (RFC 9051
// section 6.3.13). Any other line is a command, and goes the way of one: relayed as
// it is, it would be a command to a server that has just ended the IDLE by itself.
// Where the server has done so, the DONE of the client has crossed the reply and is
// dropped.
func (c *conn) endIdle(line []byte) error {
	idle, line := c.idle, bytes.Clone(line) // attend reads from the client
	over, gone := c.link.endIdle(idle)
	c.idle = nil
	isDone := strings.EqualFold(string(line), "DONE")
	if isDone {
		c.client.trace.idleEnds()
	} else {
		c.client.trace.command(line, true)
	}
	switch {
	case over:
	case gone:
		if err := c.attend(); err != nil { // it answers the IDLE
			return err
		}
	default:
		end := "DONE"
		if isDone { // in the client's spelling
			end = string(line)
		}
		c.link.up.Expect(true)
		c.toUpstream(idle, end) // if that fails, attend hears of it
	}
	if isDone {
		return nil
	}
	return c.dispatch(line)
}
