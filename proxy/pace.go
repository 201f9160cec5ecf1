package proxy

import (
	"time"

	"exgate/backend"
)

// pace holds a command of the direct lane back while there are more commands
// than the account's pace allows. One that brings or takes a message, by whose
// pace it goes (else nil), is held back for that too, and while the account is
// throttled. An observing gateway says what it would have waited.
func (c *conn) awaitPace(messages *backend.Pace) error {
	account := c.login.account
	opts := &c.set.opts
	d, why := account.Commands.Charge(1), "commands go at the pace that is set for them"
	if messages != nil {
		if err := c.paceThrottle(); err != nil {
			return err
		}
		if wait := messages.Charge(1); wait > d {
			d, why = wait, "messages go at the pace that Exchange takes"
		}
	}
	if opts.Observe && !opts.ObservePace {
		if d > 0 {
			c.log.Info("observed", "would_wait", d.Round(time.Millisecond), "for", "pace")
		}
		return nil
	}
	return c.waitFor(d, why)
}

func (c *conn) paceThrottle() error {
	if opts := &c.set.opts; !opts.Observe || opts.ObserveThrottle {
		return c.outwaitThrottle()
	}
	if d := c.login.account.Throttle.Remaining(); d > 0 {
		c.log.Info("observed", "would_wait", d.Round(time.Millisecond), "for", "throttle")
	}
	return nil
}

// paceBytes has a connection of the session keep to the account's pace.
func (c *conn) paceBytes(up *backend.Conn) {
	if opts := &c.set.opts; !opts.Observe || opts.ObservePace {
		up.KeepPace(c.login.account.In, c.login.account.Out)
	}
}

// waitFor waits for d, watching the client and keeping it patient. An upstream
// that is lost meanwhile does not end the wait, where the session is resumed.
func (c *conn) waitFor(d time.Duration, why string) error {
	if d <= 0 {
		return nil
	}
	began := time.Now()
	over := false // guarded by link.mu
	timer := time.AfterFunc(d, func() { c.link.set(func() { over = true }) })
	defer timer.Stop()
	ended := func() bool { return c.srv.draining.Err() != nil || c.link.state.isGone() && !c.link.resumes }
	err := c.await(func() bool { return over || ended() }, func() string { return why })
	c.tally.stats.Waited += time.Since(began)
	switch {
	case err != nil:
		return err
	case c.srv.draining.Err() != nil:
		return c.stopping()
	}
	return c.resumable()
}
