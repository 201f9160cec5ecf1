package proxy

import (
	"fmt"
	"slices"
	"time"

	"exgate/backend"
	"exgate/backend/wire"
)

// "Server Unavailable. 15" is what Exchange says of a mailbox that is full, and
// of a connection to it that is broken (exchange-behaviour.md §3). A COPY that
// is refused so is sent once more on a fresh connection, since all of it was
// refused (RFC 9051 section 6.4.7). What is refused again finds the mailbox
// full, as far as can be told. (MOVE may have been done in part, RFC 6851
// section 3.3.)

// wantsFresh tells whether a refused command is to be sent again on a fresh
// connection. c.link.mu is held.
func (c *conn) wantsFresh(cmd *command, status wire.Status) bool {
	renumbered := cmd.verb == "COPY" && cmd.expunges != c.link.expunges
	return saysUnavailable(cmd, status) && !cmd.fresh && !renumbered && cmd.kept() && !cmd.mid && len(c.link.flight) == 1 &&
		c.login.resume && c.link.pinned == "" && c.login.profile.IsExchange()
}

// saysUnavailable tells whether a COPY is refused by a 15.
func saysUnavailable(cmd *command, status wire.Status) bool {
	return (cmd.verb == "COPY" || cmd.verb == "UID COPY") && status.Word != "OK" && backend.Classify(status).Kind == backend.KindUnavailable
}

// sendFresh renews the upstream connection and sends again what asks for a
// fresh one. Where there is none to be had, the client is told what Exchange
// has said.
func (c *conn) sendFresh() error {
	c.waiting.set("exgate asks again on a fresh connection", time.Time{})
	if err := c.aside(c.waiting.text, c.replace); err != nil {
		if c.ctx.Err() != nil {
			return err
		}
		c.log.Warn("no fresh connection to Exchange to ask again", "err", err)
		return c.sayRefused()
	}
	c.tally.stats.renewed++
	c.log.Info("asking again on a fresh connection")
	return c.sendAgain(func(cmd *command) bool { return cmd.stale })
}

// sayRefused tells the client of the refusal that was kept from it.
func (c *conn) sayRefused() error {
	c.link.mu.Lock()
	i := slices.IndexFunc(c.link.flight, func(cmd *command) bool { return cmd.stale })
	if i < 0 { // it was answered with the loss of its connection
		c.link.mu.Unlock()
		return nil
	}
	cmd := c.link.flight[i]
	cmd.stale, cmd.done = false, true
	c.link.flight = slices.Delete(c.link.flight, i, i+1)
	if cmd.landed != nil {
		cmd.landed(cmd.status)
	}
	c.rests()
	c.link.mu.Unlock()
	return c.client.w.line("%s %s %s", cmd.tag, cmd.status.Word, cmd.status.Text)
}

// overQuota is the client's line for a command that was refused on a fresh
// connection too.
func overQuota(cmd *command, status wire.Status) []byte {
	return fmt.Appendf(nil, "%s NO [OVERQUOTA] %s\r\n", cmd.tag, backend.Classify(status).ClientText())
}
