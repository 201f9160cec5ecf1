package proxy

import (
	"time"

	"exgate/backend"
	"exgate/proxy/status"
)

// awaitPace waits until the account's pace allows one more command. A command that
// fetches or stores messages also waits for the pace of these, messages, and for
// the end of a throttle; for other commands messages is nil. In mode: observe it
// only logs how long it would have waited.
func (c *conn) awaitPace(messages *backend.Pace) error {
	account := c.login.account
	opts := &c.set.opts
	d, why := account.Commands.Charge(1), "the configured pace delays commands"
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
			c.log.Info("observed a command that the pace would have delayed",
				"would_wait", d.Round(time.Millisecond), "for", "pace")
		}
		return nil
	}
	return c.waitFor(d, status.StatePaced, why)
}

// paceThrottle waits for the end of a throttle, or logs how long it would have.
func (c *conn) paceThrottle() error {
	if opts := &c.set.opts; !opts.Observe || opts.ObserveThrottle {
		return c.outwaitThrottle()
	}
	if d := c.login.account.Throttle.Remaining(); d > 0 {
		c.log.Info("observed a command that a throttle would have delayed",
			"would_wait", d.Round(time.Millisecond), "for", "throttle")
	}
	return nil
}

// tieToAccount makes a connection keep to the account's bytes per second, and tell the
// account when Exchange throttles a request of exgate's. The gateway gives back its buffer
// while it idles.
func (c *conn) tieToAccount(upstream *backend.Conn) {
	upstream.LendTo(&c.srv.lenders)
	upstream.OnThrottle(c.login.account.Throttled)
	if opts := &c.set.opts; !opts.Observe || opts.ObservePace {
		upstream.KeepPace(c.login.account.In, c.login.account.Out)
	}
}

// waitFor waits for d. Meanwhile it watches the client, and tells it why. A loss
// of the upstream ends the wait only if the session cannot be resumed.
func (c *conn) waitFor(d time.Duration, state status.State, why string) error {
	if d <= 0 {
		return nil
	}
	began := time.Now()
	c.waiting.set(state, why, began.Add(d))
	defer c.waiting.clear()
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
	return c.byeIfOver()
}
