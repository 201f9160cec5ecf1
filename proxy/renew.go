package proxy

import "time"

// renewAt is the count of errors at which a connection is renewed: Exchange
// closes after the tenth (exchange-behaviour.md §3), and one command may cost
// two.
const renewAt = 8

// renewIfDue replaces an upstream connection whose errors Exchange has nearly
// counted to the end, while nothing is in flight. The old one stays until the
// new one is proved to be where the session is, and for good if it cannot be.
func (c *conn) renewIfDue() error {
	c.link.mu.Lock()
	due := c.link.errors >= renewAt && !c.link.aged && c.login.resume && c.login.profile.IsExchange() &&
		len(c.link.flight) == 0 && c.link.pinned == ""
	errors := c.link.errors
	c.link.mu.Unlock()
	if !due {
		return nil
	}
	c.waiting.set("exgate renews its connection to Exchange", time.Time{})
	err := c.aside(c.waiting.text, c.replace)
	if c.ctx.Err() != nil {
		return err
	}
	if err != nil {
		c.link.aged = true // until it is lost: to try before each command would only cost logins
		c.log.Warn("the connection to Exchange is not renewed", "errors", errors, "err", err)
		return nil
	}
	c.tally.stats.renewed++
	c.log.Info("connection renewed before Exchange's tenth error", "errors", errors)
	return nil
}
