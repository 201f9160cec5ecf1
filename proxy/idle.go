package proxy

import (
	"strings"
	"time"

	"exgate/backend"
	"exgate/backend/wire"
	"exgate/proxy/replies"
)

// idleEdits is for IDLE.
var idleEdits = edits{args: editIdle, fixes: []backend.ReplyFix{backend.FixIdleOrder}}

func editIdle(a *amendment) (done bool, err error) {
	a.cmd.editor = &replies.BeforePlus{Waits: func() bool { return a.cmd.flight.phase == phaseAsks }}
	return false, nil
}

// keptBeforePlus returns what an IDLE in flight has kept.
func (c *conn) keptBeforePlus() []byte {
	if !c.login.profile.Replies.IdleOrder {
		return nil
	}
	return c.link.releaseBeforePlus()
}

// idleDue is when the client's IDLE is to be begun anew upstream; zero: never.
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

// renewIdle ends IDLE upstream and begins it again, of which the client sees
// nothing but what Exchange tells meanwhile.
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

// endIdle passes on the line that ends IDLE, whatever it is (RFC 9051 section
// 6.3.13). When the upstream has ended the IDLE by itself, the client's DONE
// has crossed its reply and is dropped.
func (c *conn) endIdle(line []byte) error {
	idle := c.idle
	over, gone := c.link.endIdle(idle)
	c.idle = nil
	c.client.trace.idleEnds(line)
	_, lit, err := wire.CheckLine(line)
	switch {
	case err != nil || lit != nil:
		return c.bye("the line that ends IDLE is no line that every server reads alike")
	case !over && gone:
		return c.attend() // which answers it
	case !over:
		c.link.up.Expect(true)
		c.toUpstream(idle, string(line))
		return nil
	case strings.EqualFold(string(line), "DONE"):
		return nil
	}
	c.client.trace.command(line, true)
	return c.dispatch(line)
}
