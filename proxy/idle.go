package proxy

import (
	"bytes"
	"strings"
	"time"
)

// idleDue returns the time at which exgate must renew the client's IDLE upstream; the zero
// time if never. Exchange Online stops sending news in an IDLE after a while
// (docs/exchange.md#ex-28).
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

// renewIdle ends IDLE upstream and begins it again. The client sees only the news that
// Exchange sends meanwhile.
func (c *conn) renewIdle() error {
	idle := c.idle
	c.link.beginRenewal(idle)
	c.link.upstream.Expect(true)
	if !c.toUpstream(idle, nil, "DONE") {
		return nil // attend notices the loss
	}
	over := func() bool { return !idle.flight.idle.isRenewing || idle.flight.isDone() || c.link.state.isGone() }
	if err := c.await(over, nil); err != nil {
		return err
	}
	if !c.link.endRenewal(idle) {
		return nil
	}
	c.repaired("idle-renew")
	_, err := c.sendLine(idle, idle.flight.text.pieces[0].Line, lineStep{asks: true, swallow: true})
	return err
}

// endIdle ends IDLE upstream after a line of the client. For the client, only DONE ends it
// (RFC 9051 section 6.3.13). Any other line is a command, and exgate handles it as a
// command. If exgate relayed the line unchanged, a server that has just ended the IDLE by
// itself would run it as a command. If the server has already ended the IDLE, the client's
// DONE has crossed its reply, and exgate drops the DONE.
func (c *conn) endIdle(line []byte, begins int64) error {
	idle, line := c.idle, bytes.Clone(line) // attend reads from the client, and would overwrite line
	over, gone := c.link.endIdle(idle)
	c.idle = nil
	isDone := strings.EqualFold(string(line), "DONE")
	if isDone {
		c.client.trace.IdleEnds()
	} else {
		c.client.trace.Command(line, true)
	}
	switch {
	case over:
	case gone:
		if err := c.attend(); err != nil { // attend answers the IDLE
			return err
		}
	default:
		end := "DONE"
		if isDone { // keep the client's spelling
			end = string(line)
		}
		c.link.upstream.Expect(true)
		c.toUpstream(idle, nil, end) // if this fails, attend notices the loss
	}
	if isDone {
		return nil
	}
	return c.dispatch(line, begins)
}
