package proxy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"exgate/backend"
	"exgate/proxy/mailbox"
	"exgate/proxy/replies"
	"exgate/proxy/slots"
)

// A session outlives its upstream connection. After a loss, exgate makes a new
// connection and sends the commands in flight again, if they may be repeated; the
// client notices nothing. The other commands are answered NO, or BAD if they are
// APPENDs, with what is not known.
// With no command in flight, exgate waits for the next command. On the new connection,
// exgate opens the selected mailbox again. The session goes on only if its message
// numbers are proved to be unchanged. Otherwise it ends with BYE, after which every
// client reads the mailbox afresh.

// attend handles trouble of the upstream. It sends a command that was refused for a time
// again, after the wait or on a fresh connection. It replaces a lost connection, if
// commands are in flight, and gives up the connection that another session waits for. It
// tells a client that has waited long why. An error ends the session.
func (c *conn) attend() error {
	for {
		trouble := c.link.trouble(c.client.within, c.idle)
		if c.srv.ctx.Err() != nil {
			return c.stopping()
		}
		var err error
		switch trouble {
		case noTrouble, awaitsSeat:
			return nil
		case clientWaits:
			return c.keepPatient()
		case isDismissed:
			return c.bye("%s", c.link.dismissal())
		case upstreamGone:
			if err := c.byeIfOver(); err != nil {
				return err
			}
			if c.link.inFlight() == 0 {
				c.leaveSeat()
				return nil
			}
			err = c.resume(nil)
		case replyThrottled:
			err = c.sendThrottled()
		case replyStale:
			err = c.sendFresh()
		case seatWanted:
			c.giveAway()
		}
		if err != nil {
			return err
		}
	}
}

// makeReady sees that cmd can be sent: a connection that was lost, or given up, is
// made again, and one whose errors Exchange has nearly counted to the end is
// renewed.
func (c *conn) makeReady(cmd *command) error {
	if err := c.attend(); err != nil {
		return err
	}
	if c.link.isGone() {
		return c.resume(cmd)
	}
	return c.renewIfDue()
}

// byeIfOver returns the BYE that the end of the upstream calls for, or nil if
// the session may go on without it.
func (c *conn) byeIfOver() error {
	torn, pinned, cause := c.link.outcome()
	switch {
	case cause == nil:
		return nil
	case c.srv.ctx.Err() != nil: // and took the upstream along
		return c.stopping()
	case errors.Is(cause, errClient):
		return cause
	case !c.login.resume || torn:
		return c.bye("%s", replies.Reason(cause))
	case pinned != "":
		return c.bye("%s; the session cannot be resumed after %s", replies.Reason(cause), pinned)
	}
	return nil
}

// resume makes a new upstream connection and brings it to where the client
// believes to be. next is the command that it is made for, if none is in
// flight.
func (c *conn) resume(next *command) error {
	lost := c.link.loss()
	c.comesBack()
	if lost != errParked {
		c.log.Warn("the connection to Exchange was lost", "err", lost, "in_flight", c.link.inFlight())
	}
	if err := c.answerLost(lost); err != nil {
		return err
	}
	if oldest := c.link.oldest(); oldest != nil {
		next = oldest
	} else if next == nil {
		c.leaveSeat()
		return nil // until there is a command to resume for
	}
	began := time.Now()
	err := c.aside(c.waiting.text, func(ctx context.Context) error {
		if err := c.awaitReturn(ctx); err != nil {
			return err
		}
		return c.reestablish(ctx, next.effect())
	})
	if errors.Is(err, slots.ErrNone) {
		return err // next is refused, and may be tried again
	}
	if err != nil {
		return c.lostForGood(lost, err)
	}
	c.tally.stats.Resumed++
	c.log.Info("session resumed", "took", time.Since(began).Round(time.Millisecond), "in_flight", c.link.inFlight())
	return c.sendAgain(c.link.chooseAgain())
}

// lostForGood is the end of a session that could not be resumed.
func (c *conn) lostForGood(lost, err error) error {
	var changed *mailbox.ChangedError
	var ended *errBye
	switch {
	case c.srv.draining.Err() != nil:
		return c.stopping()
	case errors.As(err, &ended) || c.ctx.Err() != nil:
		return err
	case errors.As(err, &changed):
		c.log.Warn("session not resumed", "err", err)
		return c.bye("%s (exgate: %s: log in and select it again)", replies.Reason(lost), changed)
	}
	failure := backend.FailureOf(err)
	c.log.Error("session not resumed", "err", err, "kind", failure.Kind, "meaning", failure.Explanation())
	return c.bye("%s; and then: %s", replies.Reason(lost), failure.ClientText())
}

// answerLost answers the commands in flight that cannot be sent again. What
// else is in flight stays there.
func (c *conn) answerLost(lost error) error {
	// A command may meet a server that hangs once, and not again and again: its
	// client has waited for reply_timeout each time.
	patience := 2 * c.login.target.Backend.Timeouts.WithDefaults().Reply
	gone := c.link.dropLost(c.srv.limits.Steady, patience)
	for _, cmd := range gone {
		reply := "OK IDLE completed."
		if !cmd.flight.idle.hasEnded {
			what := "it is not known whether it was done"
			if !cmd.flight.text.isComplete {
				what = "nothing was done"
			}
			reply = fmt.Sprintf("%s [UNAVAILABLE] %s: %s; %s", cmd.notYet(), cmd.name(), replies.Reason(lost), what)
			c.log.Warn("a command without a reply", "command", cmd.name(), "outcome", what)
		}
		if err := c.client.w.line("%s %s", cmd.tag, reply); err != nil {
			return err
		}
	}
	return nil
}
