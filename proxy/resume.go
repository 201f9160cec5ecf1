package proxy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"exgate/backend"
	"exgate/proxy/mailbox"
	"exgate/proxy/slots"
)

// A session outlives its upstream connection. When that is lost, the commands
// in flight that may be repeated are sent again on a new one, and the client
// sees nothing of it; the others are answered NO with what is not known. While
// nothing is in flight nothing is done: the next command brings the new
// connection about. In both cases the mailbox that the client has selected is
// opened again, and the session goes on only if the numbers of its messages
// are proved to be what the client takes them for. Otherwise it ends with BYE,
// after which every client looks anew.

// maxTries bounds how often one command is sent again.
const maxTries = 5

// attend sees to what has gone wrong upstream with commands in flight: those
// that were refused in a way that passes are sent again, after the wait or on a
// fresh connection, and a lost connection is resumed. An error ends the session.
func (c *conn) attend() error {
	for {
		c.link.mu.Lock()
		leaving, reason := c.leaving(), c.link.dismissed
		lost, idle, throttled, stale := c.link.cause != nil, len(c.link.flight) == 0, c.any(isThrottled), c.any(isStale)
		parked, wanted := c.parkedIdle(), c.seat.wanted
		c.link.mu.Unlock()
		switch {
		case c.srv.ctx.Err() != nil:
			return c.stopping()
		case leaving:
			return c.bye("%s", reason)
		case parked:
			return nil
		case lost:
			if err := c.resumable(); err != nil {
				return err
			}
			if idle {
				c.leavePlace()
				return nil
			}
			if err := c.resume(nil); err != nil {
				return err
			}
		case throttled:
			if err := c.sendThrottled(); err != nil {
				return err
			}
		case stale:
			if err := c.sendFresh(); err != nil {
				return err
			}
		case wanted:
			c.giveAway()
		default:
			return nil
		}
	}
}

// troubled tells whether attend has something to do. c.link.mu is held.
func (c *conn) troubled() bool {
	if c.leaving() {
		return true
	}
	if c.seat.wanted || c.parkedIdle() {
		return c.seat.wanted
	}
	return c.link.cause != nil && (len(c.link.flight) > 0 || c.link.torn || !c.login.resume) || c.any(isThrottled) || c.any(isStale)
}

// any tells whether a command in flight is so. c.link.mu is held.
func (c *conn) any(is func(*command) bool) bool { return slices.ContainsFunc(c.link.flight, is) }

func isThrottled(cmd *command) bool { return cmd.throttled }
func isStale(cmd *command) bool     { return cmd.stale }

// ready sees that cmd can be sent: a connection that was lost, or given up, is
// made again, and one whose errors Exchange has nearly counted to the end is
// renewed.
func (c *conn) ready(cmd *command) error {
	if err := c.attend(); err != nil {
		return err
	}
	c.link.mu.Lock()
	lost := c.link.cause != nil
	c.link.mu.Unlock()
	if lost {
		return c.resume(cmd)
	}
	return c.renewIfDue()
}

// resumable returns the BYE that the end of the upstream calls for, or nil if
// the session may go on without it.
func (c *conn) resumable() error {
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	switch {
	case c.link.cause == nil:
		return nil
	case c.srv.ctx.Err() != nil: // and took the upstream along
		return c.stopping()
	case errors.Is(c.link.cause, errClient):
		return c.link.cause
	case !c.login.resume || c.link.torn:
		return c.bye("%s", explain(c.link.cause))
	case c.link.pinned != "":
		return c.bye("%s; the session cannot be resumed after %s", explain(c.link.cause), c.link.pinned)
	}
	return nil
}

// resume makes a new upstream connection and brings it to where the client
// believes to be. next is the command that it is made for, if none is in
// flight.
func (c *conn) resume(next *command) error {
	lost := c.link.cause // no reader is left that could change it
	c.comesBack()
	if lost != errParked {
		c.log.Warn("the connection to Exchange was lost", "err", lost, "in_flight", len(c.link.flight))
	}
	if err := c.answerLost(lost); err != nil {
		return err
	}
	if len(c.link.flight) > 0 {
		next = c.link.flight[0]
	} else if next == nil {
		c.leavePlace()
		return nil // until there is a command to resume for
	}
	began := time.Now()
	err := c.aside(c.waiting.text, func(ctx context.Context) error { return c.reestablish(ctx, next.effect()) })
	if errors.Is(err, slots.ErrNone) {
		return err // next is refused, and may be tried again
	}
	if err != nil {
		return c.lostForGood(lost, err)
	}
	c.tally.stats.resumed++
	c.link.aged = false
	c.log.Info("session resumed", "took", time.Since(began).Round(time.Millisecond), "in_flight", len(c.link.flight))
	return c.sendAgain(func(cmd *command) bool { return !cmd.throttled })
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
		return c.bye("%s (exgate: %s: log in and select it again)", explain(lost), changed)
	}
	failure := backend.FailureOf(err)
	c.log.Error("session not resumed", "err", err, "kind", failure.Kind, "meaning", failure.Explanation())
	return c.bye("%s; and then: %s", explain(lost), failure.ClientText())
}

// answerLost answers the commands in flight that cannot be sent again. What
// else is in flight stays there.
func (c *conn) answerLost(lost error) error {
	c.link.mu.Lock()
	var gone []*command
	kept := c.link.flight[:0]
	for _, cmd := range c.link.flight {
		if time.Since(cmd.sent) > c.srv.limits.Steady {
			cmd.tries = 0
		}
		if c.survives(cmd) {
			cmd.tries++
			kept = append(kept, cmd)
		} else {
			cmd.done = true
			gone = append(gone, cmd)
		}
	}
	clear(c.link.flight[len(kept):])
	c.link.flight = kept
	c.link.mu.Unlock()
	for _, cmd := range gone {
		reply := "OK IDLE completed."
		if !cmd.ended {
			what := "it is not known whether it was done"
			if !cmd.complete {
				what = "nothing was done"
			}
			reply = fmt.Sprintf("NO [UNAVAILABLE] %s: %s; %s", cmd.name(), explain(lost), what)
			c.log.Warn("a command without a reply", "command", cmd.name(), "outcome", what)
		}
		if err := c.client.w.line("%s %s", cmd.tag, reply); err != nil {
			return err
		}
	}
	return nil
}

// survives tells whether a command in flight is sent again. c.link.mu is held.
func (c *conn) survives(cmd *command) bool {
	renumbered := cmd.expunges != c.link.expunges && slices.Contains([]string{"FETCH", "STORE", "SEARCH", "SORT", "THREAD"}, cmd.verb)
	return (cmd.repeats() || cmd.stale) && !cmd.ended && !renumbered && cmd.tries < maxTries
}
