package proxy

import (
	"fmt"
	"time"

	"exgate/backend"
	"exgate/backend/wire"
	"exgate/proxy/status"
)

// sendThrottled waits until the account is not throttled any more and sends
// again what was refused.
func (c *conn) sendThrottled() error {
	if err := c.outwaitThrottle(); err != nil {
		return err
	}
	if c.link.isGone() {
		return nil // Exchange has closed the connection over the throttle: attend resumes first
	}
	return c.sendAgain(c.link.chooseAgain(phaseThrottled))
}

// sendAgain sends commands in flight once more, in order, as far as the
// connection lasts.
func (c *conn) sendAgain(chosen []*command) error {
	for _, cmd := range chosen {
		c.link.relaunch(cmd)
		if err := c.sendPieces(cmd); err != nil {
			return err
		}
	}
	return nil
}

// sendPieces sends a whole command. The client is not asked again for a literal
// that it has sent.
func (c *conn) sendPieces(cmd *command) error {
	for _, p := range cmd.flight.text.pieces {
		step := lineStep{asks: cmd.verb == "IDLE", swallow: cmd.flight.idle.hasPlus}
		line := p.Line
		if p.Literal != nil {
			line = fmt.Sprintf("%s{%d}", p.Line, len(p.Literal))
			step = lineStep{asks: true, swallow: true}
		}
		if got, err := c.sendLine(cmd, line, step); err != nil || got != lineGranted && got != lineSent {
			return err // the relay has passed a refusal on, and attend handles a loss
		}
		if p.Literal == nil {
			continue
		}
		if _, err := c.link.upstream.Write(p.Literal); err != nil {
			c.link.upstream.Abandon(err)
			return nil
		}
		c.link.literalSent(cmd, nil, true)
	}
	return nil
}

// outwaitThrottle waits until the account is not throttled any more.
func (c *conn) outwaitThrottle() error {
	// Another session may prolong it meanwhile.
	for d := c.login.account.Throttle.Remaining(); d > 0; d = c.login.account.Throttle.Remaining() {
		if err := c.waitFor(d, status.StateThrottled, "Exchange throttles this account"); err != nil {
			return err
		}
	}
	return nil
}

// isUnavailable reports whether a command is refused by "Server Unavailable. 15".
func isUnavailable(status wire.Status) bool {
	return status.Word != "OK" && backend.Classify(status).Kind == backend.KindUnavailable
}

// isCopyRefused reports whether a COPY is refused by "Server Unavailable. 15".
func isCopyRefused(cmd *command, status wire.Status) bool {
	return cmd.isCopy() && isUnavailable(status)
}

// isCopy reports whether the command is COPY or UID COPY.
func (cmd *command) isCopy() bool { return cmd.verb == "COPY" || cmd.verb == "UID COPY" }

// sendFresh renews the upstream connection and sends the refused commands again on
// it. If no connection can be had, the client is told what Exchange has said.
func (c *conn) sendFresh() error {
	c.waiting.set(status.StateWaiting, "exgate sends the command again on a fresh connection", time.Time{})
	if err := c.aside(c.waiting.text, c.renew); err != nil {
		if c.ctx.Err() != nil {
			return err
		}
		c.log.Warn("cannot open a fresh connection to Exchange to send the command again", "err", err)
		return c.sayRefused()
	}
	c.tally.stats.Renewed++
	c.log.Info("sending the command again on a fresh connection")
	return c.sendAgain(c.link.chooseAgain(phaseStale))
}

// sayRefused tells the client of the refusal that was kept from it.
func (c *conn) sayRefused() error {
	cmd := c.link.giveUpStale()
	if cmd == nil {
		return nil
	}
	status := cmd.flight.status
	return c.client.w.line("%s %s %s", cmd.tag, status.Word, status.Text)
}

// overQuota is the client's line for a command that was refused on a fresh
// connection too.
func overQuota(cmd *command, status wire.Status) []byte {
	return fmt.Appendf(nil, "%s NO [OVERQUOTA] %s\r\n", cmd.tag, backend.Classify(status).ClientText())
}
