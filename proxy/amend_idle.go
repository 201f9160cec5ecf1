package proxy

import (
	"time"

	"exgate/proxy/replies"
)

// idles is for IDLE.
var idles = edits{editIdle, func(l *login) bool { return l.profile.Replies.IdleOrder }}

func editIdle(a *amendment) (done bool, err error) {
	a.cmd.editor = &replies.BeforePlus{Waits: func() bool { return a.cmd.asks }}
	return false, nil
}

// keptBeforePlus returns what an IDLE in flight has kept.
func (c *conn) keptBeforePlus() []byte {
	if !c.login.profile.Replies.IdleOrder {
		return nil
	}
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	for _, cmd := range c.link.flight {
		if b, ok := cmd.editor.(*replies.BeforePlus); ok {
			return b.Release()
		}
	}
	return nil
}

// idleDue is when the client's IDLE is to be begun anew upstream; zero: never.
// Exchange Online stops telling after a while (behaviour notes §5 row 22).
func (c *conn) idleDue() time.Time {
	if c.idle == nil || !c.login.profile.Replies.IdleRenew {
		return time.Time{}
	}
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	if c.link.cause != nil || c.idle.done {
		return time.Time{}
	}
	return c.idle.sent.Add(c.srv.limits.IdleRenew)
}

// renewIdle ends IDLE upstream and begins it again, of which the client sees
// nothing but what Exchange tells meanwhile.
func (c *conn) renewIdle() error {
	c.link.mu.Lock()
	idle := c.idle
	idle.renews = true
	c.link.mu.Unlock()
	c.link.up.Expect(true)
	if !c.toUpstream(idle, "DONE") {
		return nil // attend hears of it
	}
	if err := c.await(func() bool { return !idle.renews || idle.done || c.link.cause != nil }, nil); err != nil {
		return err
	}
	c.link.mu.Lock()
	over := idle.done || c.link.cause != nil
	idle.sent = time.Now()
	c.link.mu.Unlock()
	if over {
		return nil
	}
	c.repaired("idle-renew")
	_, err := c.sendLine(idle, idle.pieces[0].line, lineStep{asks: true, swallow: true})
	return err
}
