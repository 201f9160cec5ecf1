package proxy

import (
	"context"
	"fmt"
	"strings"
	"time"

	"exgate/backend"
	"exgate/proxy/delivery"
	"exgate/proxy/mailbox"
)

// reconnect logs in again as the client did. A login that is refused is not
// repeated, since each failure counts towards a lock-out. A server that cannot
// be reached, or drops the connection, is tried again for limits.Reconnect:
// that is how long a restart of Exchange's IMAP service takes. A throttle is
// waited out. A place at the gate is held during a try only: a session that waits
// for its server, or for a throttle, keeps no other from coming back.
func (c *conn) reconnect(ctx context.Context) (*backend.Session, error) {
	if err := c.takeSeat(c.login.target, c.login.identity); err != nil {
		return nil, err
	}
	c.waiting.set("exgate connects to Exchange again", time.Time{})
	giveUp, pause := time.Now().Add(c.srv.limits.Reconnect), c.srv.limits.ReconnectPause
	spread := c.srv.limits.ReconnectSpread
	for try := 0; ; try++ {
		if err := c.patientlyWithin(ctx, c.login.account.Throttle.Wait); err != nil {
			return nil, err
		}
		up, err := c.logInAgain(ctx, spread)
		if err == nil {
			return up, nil
		}
		spread = 0 // what follows has a pause of its own
		failure := backend.FailureOf(err)
		throttled := failure.Kind == backend.KindThrottled
		if !failure.Retryable() || try == delivery.MaxTries || !throttled && time.Now().Add(pause).After(giveUp) {
			return nil, err
		}
		c.log.Info("Exchange cannot be logged in to; trying again", "err", err, "kind", failure.Kind)
		if throttled {
			c.login.account.Throttled(failure.Backoff)
			continue
		}
		if err := c.sleepWithin(ctx, pause); err != nil {
			return nil, err
		}
		pause *= 2
	}
}

// logInAgain tries once to log in, when the gate of the upstream lets it.
func (c *conn) logInAgain(ctx context.Context, spread time.Duration) (*backend.Session, error) {
	to := c.login.target
	var leave func()
	err := c.patientlyWithin(ctx, func(ctx context.Context) (err error) {
		leave, err = c.srv.gateOf(to.Name).Enter(ctx, spread)
		return err
	})
	if err != nil {
		return nil, err
	}
	defer leave()
	return to.Server.Open(ctx, c.login.identity, c.login.cred, c.client.trace.upstream())
}

// replace puts a new connection in the place of the session's, which stays if
// the new one cannot be brought to where it is.
func (c *conn) replace(ctx context.Context) error {
	// The wait comes before the turn, which other sessions of the account want.
	if err := c.patientlyWithin(ctx, c.login.account.Throttle.Wait); err != nil {
		return err
	}
	// For a moment there are two connections: the second has the place that is
	// kept for side connections.
	s, err := c.holdSide()
	if err != nil {
		return err
	}
	defer s.leave()
	s.close()
	ctx, cancel := c.ownTurn(ctx)
	defer cancel()
	return c.reestablish(ctx, keepsView)
}

// reestablish makes a new connection the session's, for a command with such an
// effect. It begins again where what stood in the way may pass.
func (c *conn) reestablish(ctx context.Context, next effect) error {
	for try := 0; ; try++ {
		up, err := c.reconnect(ctx)
		if err != nil {
			return err
		}
		err = c.install(ctx, up, next)
		if err == nil || try == delivery.MaxTries || !delivery.MayPass(err) {
			return err
		}
		c.log.Info("the session cannot be brought back yet; trying again", "err", err)
		if failure := backend.FailureOf(err); failure.Kind == backend.KindThrottled {
			c.login.account.Throttled(failure.Backoff)
		} else if err := c.sleepWithin(ctx, c.srv.limits.ReconnectPause); err != nil {
			return err
		}
	}
}

// install makes a new upstream connection the session's. Before that it selects
// on it the mailbox that the client has selected, and has the server enable what
// the client has enabled. The numbering need not hold if the next command leaves
// the mailbox. A connection that cannot be brought so far is closed.
func (c *conn) install(ctx context.Context, up *backend.Session, next effect) error {
	err := c.bring(ctx, up, next)
	if err != nil {
		up.Close()
	}
	return err
}

func (c *conn) bring(ctx context.Context, up *backend.Session, next effect) error {
	r := &relay{c: c, up: up.Conn, fresh: new(mailbox.View)}
	old, enabled := c.link.repeatable()
	c.paceBytes(up.Conn)
	up.Relay(r)
	if len(enabled) > 0 {
		if _, err := up.Do(ctx, backend.NewRequest("ENABLE").Raw(strings.Join(enabled, " "))); err != nil {
			return err
		}
	}
	if old.Mailbox == "" || next == opensView { // which leaves the mailbox that was selected
		return c.takeOver(ctx, r, up, func(*mailbox.View) error { return nil })
	}
	status, err := up.Do(ctx, backend.NewRequest(old.Verb()).Mailbox(old.Mailbox))
	if err != nil {
		return err
	}
	if status.Word != "OK" {
		refused := backend.ReplyError(old.Verb(), status)
		if delivery.MayPass(refused) {
			return refused
		}
		return &mailbox.ChangedError{Mailbox: old.ClientName(), How: "cannot be opened any more: " + status.Text}
	}
	fresh := c.link.openedAfresh(r, &old, status)
	if next == closesView {
		same := func(now *mailbox.View) error { return mailbox.SameMailbox(&old, now) }
		return c.takeOver(ctx, r, up, same)
	}
	uids, err := mailbox.UIDsAround(ctx, up.Conn, old.Early, fresh.Exists)
	if err != nil {
		return err
	}
	return c.takeOver(ctx, r, up, func(now *mailbox.View) error {
		if now.Exists < fresh.Exists || c.link.view.Early != old.Early {
			return &mailbox.ChangedError{Mailbox: old.ClientName(), How: "has lost messages just now"}
		}
		return mailbox.ProveEqual(&c.link.view, &fresh, uids)
	})
}

// takeOver makes r's connection the session's, if proof agrees, and tells the
// client of messages that have come. Nothing is written to the client between
// the proof and that. It does not wait for the turn beyond ctx.
func (c *conn) takeOver(
	ctx context.Context, r *relay, up *backend.Session, proof func(fresh *mailbox.View) error,
) error {
	before := c.link.up
	defer func() { // its reader may be waiting to write
		if c.link.up != before {
			before.Close()
		}
	}()
	if err := c.client.w.take(ctx.Done()); err != nil {
		return err
	}
	defer c.client.w.release()
	told, now, err := c.link.replace(r, up.Conn, proof)
	if err != nil {
		return err
	}
	c.login.caps = up.Capabilities
	c.link.retire(before)
	if now > told {
		return c.client.w.whileHeld(fmt.Sprintf("* %d EXISTS", now))
	}
	return nil
}

// renewIfDue replaces an upstream connection whose errors Exchange has nearly
// counted to the end, while nothing is in flight. The old one stays until the
// new one is proved to be where the session is, and for good if it cannot be.
func (c *conn) renewIfDue() error {
	errors, worn := c.link.isWornOut()
	if !worn {
		return nil
	}
	c.waiting.set("exgate renews its connection to Exchange", time.Time{})
	err := c.aside(c.waiting.text, c.replace)
	if c.ctx.Err() != nil {
		return err
	}
	if err != nil {
		c.link.age() // until it is lost
		c.log.Warn("the connection to Exchange is not renewed", "errors", errors, "err", err)
		return nil
	}
	c.tally.stats.Renewed++
	c.log.Info("connection renewed before Exchange's tenth error", "errors", errors)
	return nil
}

// restore brings a lost upstream back in the own lane. It does nothing where
// there is none to bring back.
func (c *conn) restore() error {
	lost := c.link.loss()
	if lost == nil {
		return nil
	}
	if !c.login.resume {
		return lost
	}
	c.waiting.set("exgate connects to Exchange again", time.Time{})
	c.tally.stats.Resumed++
	return c.reestablish(c.ctx, keepsView)
}
