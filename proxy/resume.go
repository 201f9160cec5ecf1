package proxy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"exgate/backend"
	"exgate/backend/wire"
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
// that a throttle refused are sent again after the wait, and a lost connection
// is resumed. An error ends the session.
func (c *conn) attend() error {
	for {
		c.mu.Lock()
		lost, idle, throttled := c.upErr != nil, len(c.flight) == 0, c.anyThrottled()
		c.mu.Unlock()
		switch {
		case c.srv.ctx.Err() != nil:
			return c.stopping()
		case lost:
			if err := c.resumable(); err != nil {
				return err
			}
			if idle {
				return nil
			}
			if err := c.resume(nil); err != nil {
				return err
			}
		case throttled:
			if err := c.sendThrottled(); err != nil {
				return err
			}
		default:
			return nil
		}
	}
}

// troubled tells whether attend has something to do. c.mu is held.
func (c *conn) troubled() bool {
	return c.upErr != nil && (len(c.flight) > 0 || c.torn || !c.login.resume) || c.anyThrottled()
}

func (c *conn) anyThrottled() bool {
	for _, cmd := range c.flight {
		if cmd.throttled {
			return true
		}
	}
	return false
}

// ready sees that cmd can be sent: a connection that was lost, or given up, is
// made again, and one whose errors Exchange has nearly counted to the end is
// renewed.
func (c *conn) ready(cmd *command) error {
	if err := c.attend(); err != nil {
		return err
	}
	c.mu.Lock()
	lost := c.upErr != nil
	c.mu.Unlock()
	if lost {
		return c.resume(cmd)
	}
	return c.renewIfDue()
}

// resumable returns the BYE that the end of the upstream calls for, or nil if
// the session may go on without it.
func (c *conn) resumable() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.upErr == nil:
		return nil
	case c.srv.ctx.Err() != nil: // and took the upstream along
		return c.stopping()
	case errors.Is(c.upErr, errClient):
		return c.upErr
	case !c.login.resume || c.torn:
		return c.bye("%s", explain(c.upErr))
	case c.bound != "":
		return c.bye("%s; the session cannot be resumed after %s", explain(c.upErr), c.bound)
	}
	return nil
}

// resume makes a new upstream connection and brings it to where the client
// believes to be. next is the command that it is made for, if none is in
// flight.
func (c *conn) resume(next *command) error {
	lost := c.upErr // no reader is left that could change it
	c.log.Warn("the connection to Exchange was lost", "err", lost, "in_flight", len(c.flight))
	if err := c.answerLost(lost); err != nil {
		return err
	}
	if len(c.flight) > 0 {
		next = c.flight[0]
	} else if next == nil {
		return nil // until there is a command to resume for
	}
	began := time.Now()
	err := c.aside(func() string { return "exgate connects to Exchange again" }, func(ctx context.Context) error {
		up, err := c.reconnect(ctx)
		if err != nil {
			return err
		}
		return c.install(ctx, up, next.effect())
	})
	if err != nil {
		return c.lostForGood(lost, err)
	}
	c.stats.resumed++
	c.kept = false
	c.log.Info("session resumed", "took", time.Since(began).Round(time.Millisecond), "in_flight", len(c.flight))
	return c.sendAgain(func(cmd *command) bool { return !cmd.throttled })
}

// lostForGood is the end of a session that could not be resumed.
func (c *conn) lostForGood(lost, err error) error {
	var changed *changedError
	var ended *errBye
	switch {
	case c.srv.ctx.Err() != nil:
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
	c.mu.Lock()
	var gone []*command
	kept := c.flight[:0]
	for _, cmd := range c.flight {
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
	clear(c.flight[len(kept):])
	c.flight = kept
	c.mu.Unlock()
	for _, cmd := range gone {
		reply := "OK IDLE completed."
		if !cmd.ended {
			what := "it is not known whether it was done"
			if !cmd.complete {
				what = "nothing was done"
			}
			reply = fmt.Sprintf("NO [UNAVAILABLE] %s: %s; %s", cmd.verb, explain(lost), what)
			c.log.Warn("a command without a reply", "command", cmd.verb, "outcome", what)
		}
		if err := c.w.line("%s %s", cmd.tag, reply); err != nil {
			return err
		}
	}
	return nil
}

// survives tells whether a command in flight is sent again. c.mu is held.
func (c *conn) survives(cmd *command) bool {
	renumbered := cmd.expunges != c.expunges && slices.Contains([]string{"FETCH", "STORE", "SEARCH", "SORT", "THREAD"}, cmd.verb)
	return cmd.repeats() && !cmd.ended && !renumbered && cmd.tries < maxTries
}

// sendsAgain tells whether a refused command is sent again when the throttle
// that refused it is over. c.mu is held.
func (c *conn) sendsAgain(cmd *command, status wire.Status) bool {
	return status.Word != "OK" && cmd.whole && !cmd.mid && cmd.tries < maxTries && cmd.examined == nil &&
		c.login.resume && c.login.policy.exchange() && backend.Classify(status).Kind == backend.KindThrottled
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
	c.mu.Lock()
	var chosen []*command
	for _, cmd := range c.flight {
		if which(cmd) {
			chosen = append(chosen, cmd)
		}
	}
	c.mu.Unlock()
	for _, cmd := range chosen {
		c.mu.Lock()
		if cmd.throttled {
			cmd.throttled = false
			cmd.tries++
		}
		cmd.expunges, cmd.sent = c.expunges, time.Now()
		if cmd.effect() == opensView {
			cmd.opens = view{mailbox: cmd.opens.mailbox, readWrite: cmd.opens.readWrite}
		}
		c.mu.Unlock()
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
		if _, err := c.up.Write(p.literal); err != nil {
			c.up.Abandon(err)
			return nil
		}
		c.mu.Lock()
		cmd.mid = false
		c.mu.Unlock()
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

// reconnect logs in again as the client did. There is one login, since each
// failure counts towards a lock-out, but a server that cannot be reached is
// tried for limits.Reconnect: that is how long a restart of Exchange's IMAP
// service takes.
func (c *conn) reconnect(ctx context.Context) (*backend.Session, error) {
	done, err := c.srv.reconnects.enter(ctx, c.srv.limits.ReconnectSpread)
	if err != nil {
		return nil, err
	}
	defer done()
	giveUp := time.Now().Add(c.srv.limits.Reconnect)
	for pause := c.srv.limits.ReconnectPause; ; pause *= 2 {
		if err := c.login.account.Throttle.Wait(ctx); err != nil {
			return nil, err
		}
		up, err := c.srv.upstream.Open(ctx, c.login.identity, c.login.password, c.trace.upstream())
		if err == nil || backend.FailureOf(err).Kind != backend.KindUnreachable || time.Now().Add(pause).After(giveUp) {
			return up, err
		}
		c.log.Info("Exchange cannot be reached; trying again", "err", err, "pause", pause)
		if err := backend.Sleep(ctx, pause); err != nil {
			return nil, err
		}
	}
}

// install brings a new upstream connection to where the session is, with the
// mailbox selected that the client has selected, and makes it the session's.
// The numbering need not hold if the next command leaves the mailbox.
func (c *conn) install(ctx context.Context, up *backend.Session, next effect) error {
	err := c.bring(ctx, up, next)
	if err != nil {
		up.Close()
	}
	return err
}

func (c *conn) bring(ctx context.Context, up *backend.Session, next effect) error {
	c.mu.Lock()
	r := &relay{c: c, up: up.Conn, fresh: new(view)}
	old, enabled := c.view, c.enabled
	c.mu.Unlock()
	up.Relay(r)
	for _, args := range enabled {
		if _, err := up.Do(ctx, backend.NewRequest("ENABLE").Raw(args)); err != nil {
			return err
		}
	}
	if old.mailbox == "" || next == opensView { // which leaves the mailbox that was selected
		return c.takeOver(r, up, func(*view) error { return nil })
	}
	status, err := up.Do(ctx, backend.NewRequest(old.verb()).Mailbox(old.mailbox))
	if err != nil {
		return err
	}
	if status.Word != "OK" {
		return &changedError{old.mailbox, "cannot be opened any more: " + status.Text}
	}
	c.mu.Lock()
	r.fresh.mailbox, r.fresh.readWrite = old.mailbox, old.readWrite
	r.fresh.opened(status)
	fresh := *r.fresh
	c.mu.Unlock()
	if next == closesView {
		return c.takeOver(r, up, func(now *view) error { return sameMailbox(&old, now) })
	}
	uids, err := uidsAround(ctx, up.Conn, old.early, fresh.exists)
	if err != nil {
		return err
	}
	return c.takeOver(r, up, func(now *view) error {
		if now.exists < fresh.exists || c.view.early != old.early {
			return &changedError{old.mailbox, "has lost messages just now"}
		}
		return provedEqual(&c.view, &fresh, uids)
	})
}

// takeOver makes r's connection the session's, if proof agrees, and tells the
// client of messages that have come. Nothing is written to the client between
// the proof and that.
func (c *conn) takeOver(r *relay, up *backend.Session, proof func(fresh *view) error) error {
	before := c.up
	defer func() { // its reader may be waiting to write
		if c.up != before {
			before.Close()
		}
	}()
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	c.mu.Lock()
	told := c.view.exists
	err := cmp.Or(up.Err(), proof(r.fresh))
	if err == nil {
		c.view, r.fresh = *r.fresh, nil
		c.relay, c.up, c.upErr, c.torn, c.errors = r, up.Conn, nil, false, 0
		c.login.caps = up.Capabilities
	}
	now := c.view.exists
	c.mu.Unlock()
	if err != nil {
		return err
	}
	c.stats.passed(before)
	if now > told {
		return c.w.locked(fmt.Sprintf("* %d EXISTS", now))
	}
	return nil
}

// changedError says that a mailbox is not what the client takes it for.
type changedError struct{ mailbox, how string }

func (e *changedError) Error() string {
	return "the mailbox " + strconv.QuoteToASCII(e.mailbox) + " " + e.how
}

// sameMailbox tells whether the UIDs of a mailbox still mean the same.
func sameMailbox(old, now *view) error {
	if old.validity == 0 || old.validity != now.validity {
		return &changedError{old.mailbox, "is another one now: its UIDVALIDITY has changed"}
	}
	return nil
}

// provedEqual tells whether the messages that the client knows still have the
// numbers that it knows them by. uids are those of the messages around
// old.early in the mailbox as it is now.
//
// The messages that were there at SELECT have the UIDs below old.uidNext, and
// no other ever gets one: if the same number of them is there, they are the
// same. Those that the client was told of since then are the same if no UID
// from old.uidNext on is missing now. A message that came meanwhile stands
// behind all of them (RFC 9051 section 2.3.1.1).
func provedEqual(old, now *view, uids neighbours) error {
	if err := sameMailbox(old, now); err != nil {
		return err
	}
	switch {
	case old.uidNext == 0:
		return &changedError{old.mailbox, "may have changed: the server does not say UIDNEXT"}
	case now.exists < old.exists:
		return &changedError{old.mailbox, "has lost messages"}
	case old.early > 0 && (uids.last == 0 || uids.last >= old.uidNext):
		return &changedError{old.mailbox, "has lost messages"}
	case uids.next != 0 && uids.next < old.uidNext:
		return &changedError{old.mailbox, "has other messages than before"} // the server has used a UID again
	case now.exists > old.early && uids.next == 0:
		return &changedError{old.mailbox, "may have changed: the server does not tell the UIDs"}
	case old.exists > old.early && now.uidNext-old.uidNext != now.exists-old.early:
		return &changedError{old.mailbox, "has lost messages that came since it was selected"}
	}
	return nil
}

// neighbours are the UIDs of the last of the early messages and of the one
// behind it; 0: there is none.
type neighbours struct{ last, next uint32 }

// uidsAround asks for the UIDs of the messages early and early+1 of exists.
// That the first is below UIDNEXT of old and the second not tells as much as a
// count of the UIDs below, and costs the same in a mailbox of any size.
func uidsAround(ctx context.Context, conn *backend.Conn, early, exists uint32) (neighbours, error) {
	from, to := max(early, 1), min(early+1, exists)
	if from > to {
		return neighbours{}, nil
	}
	var found neighbours
	req := backend.NewRequest("FETCH").Raw(fmt.Sprintf("%d:%d (UID)", from, to))
	req.Untagged = func(line []byte) bool {
		n, uid, ok := fetchedUID(line)
		switch {
		case !ok:
			return false
		case n == early:
			found.last = uid
		case n == early+1:
			found.next = uid
		}
		return true
	}
	status, err := conn.Do(ctx, req)
	if err != nil {
		return found, err
	}
	if status.Word != "OK" {
		return found, backend.ReplyError("FETCH", status)
	}
	return found, nil
}

// fetchedUID reads number and UID off a FETCH response.
func fetchedUID(line []byte) (n, uid uint32, ok bool) {
	fields := strings.FieldsFunc(string(line), func(r rune) bool { return strings.ContainsRune(" ()\r\n", r) })
	if len(fields) < 3 || fields[0] != "*" || !strings.EqualFold(fields[2], "FETCH") {
		return 0, 0, false
	}
	for i, f := range fields[3:] {
		if strings.EqualFold(f, "UID") && i+4 < len(fields) {
			uid = parseNumber(fields[i+4])
		}
	}
	n = parseNumber(fields[1])
	return n, uid, n > 0 && uid > 0
}
