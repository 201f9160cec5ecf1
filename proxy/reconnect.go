package proxy

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"exgate/backend"
	"exgate/proxy/delivery"
	"exgate/proxy/mailbox"
	"exgate/proxy/routing"
	"exgate/proxy/status"
)

// reconnect logs in again as the client did. It does not repeat a login that was refused,
// because each failure counts towards a lock-out. If it cannot reach the server, or the
// server drops the connection, it tries again for limits.Reconnect: a restart of Exchange's
// IMAP service takes about that long. It waits for the end of a throttle. It holds a place
// at the gate only during a try. So a session that waits for its server, or for the end of
// a throttle, keeps no other session from coming back.
func (c *conn) reconnect(ctx context.Context) (*backend.LoggedIn, error) {
	if err := c.takeSeat(c.login.target, c.login.identity); err != nil {
		return nil, err
	}
	c.waiting.set(status.StateWaiting, "exgate connects to Exchange again", time.Time{})
	giveUp, pause := time.Now().Add(c.srv.limits.Reconnect), c.srv.limits.ReconnectPause
	spread := c.srv.limits.ReconnectSpread
	for try := 0; ; try++ {
		if err := c.patientlyWithin(ctx, c.login.account.Throttle.Wait); err != nil {
			return nil, err
		}
		opened, err := c.logInAgain(ctx, spread)
		if err == nil {
			return opened, nil
		}
		spread = 0 // the further tries have their own pause
		failure := backend.FailureOf(err)
		throttled := failure.Kind == backend.KindThrottled
		if !failure.IsRetryable() || try == delivery.MaxTries || !throttled && time.Now().Add(pause).After(giveUp) {
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

// logInAgain waits until the gate of the upstream lets it pass, and then tries once to log
// in. spread is the time over which the gate spreads the logins.
func (c *conn) logInAgain(ctx context.Context, spread time.Duration) (*backend.LoggedIn, error) {
	to := c.login.target
	opened, err := c.throughGate(ctx, to, spread, func(ctx context.Context) (*backend.LoggedIn, error) {
		return to.Server.Open(ctx, c.login.identity, c.login.cred, c.client.trace.Requests())
	})
	if err != nil {
		return nil, err
	}
	c.tieToAccount(opened.Conn)
	return opened, nil
}

// throughGate opens a connection when the gate of the upstream has let it pass. The error is an
// interruptedError if the client leaves or the gateway drains before that.
func (c *conn) throughGate(
	ctx context.Context, to *routing.Target, spread time.Duration,
	open func(context.Context) (*backend.LoggedIn, error),
) (*backend.LoggedIn, error) {
	var leave func()
	err := c.patientlyWithin(ctx, func(ctx context.Context) (err error) {
		leave, err = c.srv.gateOf(to.Name).Enter(ctx, spread)
		return err
	})
	if err != nil {
		return nil, &interruptedError{err}
	}
	defer leave()
	return open(ctx)
}

// interruptedError says that the wait at the gate of an upstream ended before the gate let the session pass.
type interruptedError struct{ error }

func (e *interruptedError) Unwrap() error { return e.error }

func isInterrupted(err error) bool {
	var interrupted *interruptedError
	return errors.As(err, &interrupted)
}

// renew gives the session a new connection. The old connection stays if the new one
// cannot be brought to the same state.
func (c *conn) renew(ctx context.Context) error {
	// Wait before the turn begins: other sessions of the account want the turn.
	if err := c.patientlyWithin(ctx, c.login.account.Throttle.Wait); err != nil {
		return err
	}
	// The session has two connections for a moment. The second one uses the place of
	// the side connection.
	s, err := c.holdSide(c.ctx)
	if err != nil {
		return err
	}
	defer s.leave()
	s.close()
	ctx, cancel := c.ownTurn(ctx)
	defer cancel()
	return c.reestablish(ctx, keepsView)
}

// reestablish gives the session a new connection. next is the effect of the next command on
// the selected mailbox. It tries again after an error that may pass.
func (c *conn) reestablish(ctx context.Context, next effect) error {
	for try := 0; ; try++ {
		opened, err := c.reconnect(ctx)
		if err != nil {
			return err
		}
		err = c.install(ctx, opened, next)
		if err == nil || try == delivery.MaxTries || !delivery.MayPass(err) {
			return err
		}
		c.log.Info("the session cannot be brought back yet; trying again", "err", err)
		if backend.FailureOf(err).Kind == backend.KindThrottled {
			continue // reconnect waits for its end
		}
		if err := c.sleepWithin(ctx, c.srv.limits.ReconnectPause); err != nil {
			return err
		}
	}
}

// install gives the session the connection of opened. Before that, it selects the mailbox that
// the client has selected, and enables the extensions that the client has enabled. It does
// not check the message numbers if the next command leaves the mailbox. If install fails,
// it closes opened.
func (c *conn) install(ctx context.Context, opened *backend.LoggedIn, next effect) error {
	err := c.bring(ctx, opened, next)
	if err != nil {
		opened.Close()
	}
	return err
}

func (c *conn) bring(ctx context.Context, opened *backend.LoggedIn, next effect) error {
	r := &relay{c: c, upstream: opened.Conn, fresh: new(mailbox.View)}
	old, enabled := c.link.repeatable()
	opened.Relay(r)
	if len(enabled) > 0 {
		req := backend.NewRequest("ENABLE").Raw(strings.Join(enabled, " "))
		if _, err := opened.DoUnthrottled(ctx, "ENABLE", req); err != nil {
			return err
		}
	}
	if old.Mailbox == "" || next == opensView { // the next command leaves the selected mailbox
		return c.takeOver(ctx, r, opened, func(*mailbox.View) error { return nil })
	}
	status, err := opened.Do(ctx, backend.NewRequest(old.Verb()).Mailbox(old.Mailbox))
	if err != nil {
		return err
	}
	if status.Word != "OK" {
		refused := backend.ReplyError(old.Verb(), status)
		if delivery.MayPass(refused) {
			return refused
		}
		return &mailbox.ChangedError{Mailbox: old.ClientName(), How: "cannot be opened any more: " + refused.Text}
	}
	fresh := c.link.openedAfresh(r, &old, status)
	if next == closesView {
		same := func(now *mailbox.View) error { return mailbox.SameMailbox(&old, now) }
		return c.takeOver(ctx, r, opened, same)
	}
	uids, err := mailbox.UIDsAround(ctx, opened.Conn, old.Early, fresh.Exists)
	if err != nil {
		return err
	}
	return c.takeOver(ctx, r, opened, func(now *mailbox.View) error {
		if now.Exists < fresh.Exists || c.link.view.Early != old.Early {
			return &mailbox.ChangedError{Mailbox: old.ClientName(), How: "has lost messages just now"}
		}
		return mailbox.ProveEqual(&c.link.view, &fresh, uids)
	})
}

// takeOver makes the connection of r the connection of the session, if proof returns nil.
// Then it tells the client of new messages. Nothing else is written to the client between
// the proof and this line. takeOver stops its wait for the turn to write when ctx ends.
func (c *conn) takeOver(
	ctx context.Context, r *relay, opened *backend.LoggedIn, proof func(fresh *mailbox.View) error,
) error {
	before := c.link.upstream
	defer func() { // its reader may wait for the turn to write
		if c.link.upstream != before {
			before.Close()
		}
	}()
	if err := c.client.w.take(ctx.Done()); err != nil {
		return err
	}
	defer c.client.w.release()
	told, now, err := c.link.switchTo(r, opened.Conn, proof)
	if err != nil {
		return err
	}
	c.login.caps = opened.Capabilities
	c.link.retire(before)
	if now > told {
		return c.client.w.whileHeld(fmt.Sprintf("* %d EXISTS", now))
	}
	return nil
}

// renewIfDue replaces an upstream connection that is close to the number of errors at which
// Exchange closes it, while no command is in flight. The old connection stays until the new
// one is proved to be in the same state. If this cannot be proved, the old connection stays
// for good.
func (c *conn) renewIfDue() error {
	errors, worn := c.link.isWornOut()
	if !worn {
		return nil
	}
	c.waiting.set(status.StateWaiting, "exgate renews its connection to Exchange", time.Time{})
	err := c.aside(c.waiting.text, c.renew)
	if c.ctx.Err() != nil {
		return err
	}
	if err != nil {
		c.link.age() // the session uses the old connection until it is lost
		c.log.Warn("the connection to Exchange is not renewed", "errors", errors, "err", err)
		return nil
	}
	c.tally.stats.Renewed++
	c.log.Info("connection renewed before Exchange's tenth error", "errors", errors)
	return nil
}

// restore brings a lost upstream back for a command of the own lane. It does nothing if the
// upstream is not lost. If the session cannot be resumed, it returns the reason of the
// loss.
func (c *conn) restore() error {
	lost := c.link.loss()
	if lost == nil {
		return nil
	}
	if !c.login.resume {
		return lost
	}
	c.waiting.set(status.StateWaiting, "exgate connects to Exchange again", time.Time{})
	if err := c.awaitReturn(c.ctx); err != nil {
		return err
	}
	c.tally.stats.Resumed++
	return c.reestablish(c.ctx, keepsView)
}

// returns paces the logins of a session that loses its connection again and again, as to a server
// that answers each command with "Server Unavailable. 15" and closes the connection
// (docs/exchange.md#ex-73). It belongs to the goroutine that connects again.
type returns struct {
	last  time.Time     // when the session last came back
	pause time.Duration // the pause before that
}

// awaitReturn waits before a session comes back that has come back only just before. The pause
// begins with limits.ReconnectPause and doubles up to its maxReturnPause-fold. A session whose
// connection has lasted for limits.Steady comes back at once.
func (c *conn) awaitReturn(ctx context.Context) error {
	p, first := &c.returns, c.srv.limits.ReconnectPause
	if time.Since(p.last) > c.srv.limits.Steady {
		p.pause = 0
	} else {
		p.pause = max(first, min(2*p.pause, maxReturnPause*first))
	}
	if p.pause > 0 {
		c.waiting.set(status.StateWaiting, "exgate connects to Exchange again", time.Time{})
	}
	err := c.sleepWithin(ctx, p.pause)
	p.last = time.Now()
	return err
}

// maxReturnPause is the longest pause of awaitReturn, in units of limits.ReconnectPause.
const maxReturnPause = 16
