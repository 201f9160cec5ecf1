package proxy

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"exgate/backend"
)

// reconnect logs in again as the client did. There is one login, since each
// failure counts towards a lock-out, but a server that cannot be reached is
// tried for limits.Reconnect: that is how long a restart of Exchange's IMAP
// service takes.
func (c *conn) reconnect(ctx context.Context) (*backend.Session, error) {
	if err := c.takePlace(c.patience, c.login.identity); err != nil {
		return nil, err
	}
	c.waiting.set("exgate connects to Exchange again", time.Time{})
	done, err := c.srv.reconnects.enter(ctx, c.srv.limits.ReconnectSpread)
	if err != nil {
		return nil, err
	}
	defer done()
	giveUp := time.Now().Add(c.srv.limits.Reconnect)
	for pause := c.srv.limits.ReconnectPause; ; pause *= 2 {
		if err := c.login.account.Throttle.Wait(c.patience); err != nil {
			return nil, err
		}
		up, err := c.set.upstream.Open(ctx, c.login.identity, c.login.password, c.trace.upstream())
		if err == nil || backend.FailureOf(err).Kind != backend.KindUnreachable || time.Now().Add(pause).After(giveUp) {
			return up, err
		}
		c.log.Info("Exchange cannot be reached; trying again", "err", err, "pause", pause)
		if err := backend.Sleep(c.patience, pause); err != nil {
			return nil, err
		}
	}
}

// install brings a new upstream connection to where the session is, with the
// mailbox selected that the client has selected, and makes it the session's.
// The numbering need not hold if the next command leaves the mailbox.
func (c *conn) install(ctx context.Context, up *backend.Session, next effect) error {
	err := c.bring(ctx, up, next)
	if err != nil {
		up.Close()
	}
	return err
}

func (c *conn) bring(ctx context.Context, up *backend.Session, next effect) error {
	c.mu.Lock()
	r := &relay{c: c, up: up.Conn, fresh: new(view)}
	old, enabled := c.view, c.enabled
	c.mu.Unlock()
	up.Relay(r)
	for _, args := range enabled {
		if _, err := up.Do(ctx, backend.NewRequest("ENABLE").Raw(args)); err != nil {
			return err
		}
	}
	if old.mailbox == "" || next == opensView { // which leaves the mailbox that was selected
		return c.takeOver(r, up, func(*view) error { return nil })
	}
	status, err := up.Do(ctx, backend.NewRequest(old.verb()).Mailbox(old.mailbox))
	if err != nil {
		return err
	}
	if status.Word != "OK" {
		return &changedError{old.mailbox, "cannot be opened any more: " + status.Text}
	}
	c.mu.Lock()
	r.fresh.mailbox, r.fresh.readWrite = old.mailbox, old.readWrite
	r.fresh.opened(status)
	fresh := *r.fresh
	c.mu.Unlock()
	if next == closesView {
		return c.takeOver(r, up, func(now *view) error { return sameMailbox(&old, now) })
	}
	uids, err := uidsAround(ctx, up.Conn, old.early, fresh.exists)
	if err != nil {
		return err
	}
	return c.takeOver(r, up, func(now *view) error {
		if now.exists < fresh.exists || c.view.early != old.early {
			return &changedError{old.mailbox, "has lost messages just now"}
		}
		return provedEqual(&c.view, &fresh, uids)
	})
}

// takeOver makes r's connection the session's, if proof agrees, and tells the
// client of messages that have come. Nothing is written to the client between
// the proof and that.
func (c *conn) takeOver(r *relay, up *backend.Session, proof func(fresh *view) error) error {
	before := c.up
	defer func() { // its reader may be waiting to write
		if c.up != before {
			before.Close()
		}
	}()
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	c.mu.Lock()
	told := c.view.exists
	err := cmp.Or(up.Err(), proof(r.fresh))
	if err == nil {
		c.view, r.fresh = *r.fresh, nil
		c.relay, c.up, c.upErr, c.torn, c.errors = r, up.Conn, nil, false, 0
		c.login.caps = up.Capabilities
	}
	now := c.view.exists
	c.mu.Unlock()
	if err != nil {
		return err
	}
	c.stats.passed(before)
	if now > told {
		return c.w.locked(fmt.Sprintf("* %d EXISTS", now))
	}
	return nil
}
