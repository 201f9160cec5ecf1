package proxy

import (
	"time"

	"exgate/backend"
)

// pace holds a command of the direct lane back while the account is throttled,
// or has more messages than its pace allows. An observing gateway says what it
// would have waited.
func (c *conn) pace(messages *backend.Pace) error {
	account := c.login.account
	opts := &c.set.opts
	if opts.Observe && !opts.ObserveThrottle {
		if d := account.Throttle.Remaining(); d > 0 {
			c.log.Info("observed", "would_wait", d.Round(time.Millisecond), "for", "throttle")
		}
	} else {
		if err := c.outwaitThrottle(); err != nil {
			return err
		}
	}
	d := messages.Charge(1)
	if opts.Observe && !opts.ObservePace {
		if d > 0 {
			c.log.Info("observed", "would_wait", d.Round(time.Millisecond), "for", "pace")
		}
		return nil
	}
	return c.waitFor(d, "messages go at the pace that Exchange takes")
}

// waitFor waits for d, watching the client and keeping it patient. An upstream
// that is lost meanwhile does not end the wait, where the session is resumed.
func (c *conn) waitFor(d time.Duration, why string) error {
	if d <= 0 {
		return nil
	}
	began := time.Now()
	over := false // guarded by mu
	timer := time.AfterFunc(d, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		over = true
		c.wakeUp()
	})
	defer timer.Stop()
	ended := func() bool { return c.srv.draining.Err() != nil || c.upErr != nil && !c.login.resume }
	err := c.await(func() bool { return over || ended() }, func() string { return why })
	c.stats.waited += time.Since(began)
	switch {
	case err != nil:
		return err
	case c.srv.draining.Err() != nil:
		return c.stopping()
	}
	return c.resumable()
}
