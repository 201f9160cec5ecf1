package proxy

import (
	"fmt"
	"time"

	"exgate/backend"
	"exgate/backend/wire"
	"exgate/proxy/mailbox"
)

// sendsAgain tells whether a refused command is sent again when the throttle
// that refused it is over. c.link.mu is held.
func (c *conn) sendsAgain(cmd *command, status wire.Status) bool {
	return status.Word != "OK" && cmd.kept() && !cmd.mid && cmd.tries < maxTries && cmd.examined == nil &&
		c.login.resume && c.login.profile.IsExchange() && backend.Classify(status).Kind == backend.KindThrottled
}

// sendThrottled waits until the account is not throttled any more and sends
// again what was refused.
func (c *conn) sendThrottled() error {
	if err := c.outwaitThrottle(); err != nil {
		return err
	}
	return c.sendAgain(func(cmd *command) bool { return cmd.throttled })
}

// sendAgain sends the commands in flight that are chosen, in order, as far as
// the connection lasts.
func (c *conn) sendAgain(which func(*command) bool) error {
	c.link.mu.Lock()
	var chosen []*command
	for _, cmd := range c.link.flight {
		if which(cmd) {
			chosen = append(chosen, cmd)
		}
	}
	c.link.mu.Unlock()
	for _, cmd := range chosen {
		c.link.mu.Lock()
		if cmd.throttled {
			cmd.throttled = false
			cmd.tries++
		}
		if cmd.stale {
			cmd.stale, cmd.fresh = false, true
		}
		cmd.expunges, cmd.sent = c.link.expunges, time.Now()
		if cmd.effect() == opensView {
			cmd.opens = mailbox.View{Mailbox: cmd.opens.Mailbox, Shown: cmd.opens.Shown, ReadWrite: cmd.opens.ReadWrite}
		}
		c.link.mu.Unlock()
		if err := c.sendPieces(cmd); err != nil {
			return err
		}
	}
	return nil
}

// sendPieces sends a whole command. What the client has been asked for, and
// has sent, it is not asked for again.
func (c *conn) sendPieces(cmd *command) error {
	for _, p := range cmd.pieces {
		step := lineStep{asks: cmd.verb == "IDLE", swallow: cmd.granted}
		line := p.line
		if p.literal != nil {
			line = fmt.Sprintf("%s{%d}", p.line, len(p.literal))
			step = lineStep{asks: true, swallow: true}
		}
		if got, err := c.sendLine(cmd, line, step); err != nil || got != lineGranted && got != lineSent {
			return err // a refusal in place of "+" has been relayed; of a loss, attend hears
		}
		if p.literal == nil {
			continue
		}
		if _, err := c.link.up.Write(p.literal); err != nil {
			c.link.up.Abandon(err)
			return nil
		}
		c.link.mu.Lock()
		cmd.mid = false
		c.link.mu.Unlock()
	}
	return nil
}

// outwaitThrottle waits until the account is not throttled any more.
func (c *conn) outwaitThrottle() error {
	// Another session may prolong it meanwhile.
	for d := c.login.account.Throttle.Remaining(); d > 0; d = c.login.account.Throttle.Remaining() {
		if err := c.waitFor(d, "Exchange throttles this account"); err != nil {
			return err
		}
	}
	return nil
}
