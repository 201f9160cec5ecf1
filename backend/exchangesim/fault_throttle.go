package exchangesim

import (
	"fmt"
	"strings"
	"time"
)

// The shapes in which Exchange refuses a throttled command: NO to APPEND
// (imapsync#198) and FETCH (imap_tools#135), BAD alone (imapflow's tests), and
// BAD before BYE (oauth2-proxy#191).
const (
	shapeNo     = "no"
	shapeBad    = "bad"
	shapeBadBye = "bad-bye"
)

// throttle is one account's.
type throttle struct {
	until    time.Time
	shape    string
	fault    string // which order has begun it
	seed     uint64 // of that order
	commands int    // since the last one ended
}

// throttled is the refusal of a command, if its account is throttled or the
// command throttles it. Commands of any state are let through.
func (c *conn) throttled(now time.Time) (status, bool) {
	if c.account == nil || c.srv.commands[c.verb].states&notAuthenticated != 0 {
		return status{}, false
	}
	every, once := c.order(faultThrottleEvery, c.verb), c.order(faultThrottleAccount, c.verb)
	t, ok := c.srv.faults.throttle(strings.ToLower(c.account.user.Name), now, every, once)
	if !ok {
		return status{}, false
	}
	c.logStrike(t.fault, c.verb, t.seed)
	return refuseThrottled(t.until.Sub(now), t.shape), true
}

// throttle counts a command of an account. It says no where the command is to
// be run.
func (l *faults) throttle(account string, now time.Time, every, once *fault) (throttle, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.throttled[account]
	if now.Before(t.until) {
		l.count(t.fault)
		return t, true
	}
	t.commands++
	begin := once
	if every != nil && t.commands >= every.limit {
		begin = every
	}
	if begin != nil && begin.left != 0 {
		t = throttle{until: now.Add(begin.delay), shape: begin.shape, fault: begin.kind, seed: begin.seed}
		if begin.left > 0 {
			begin.left--
		}
		l.count(t.fault)
	}
	if l.throttled == nil {
		l.throttled = map[string]throttle{}
	}
	l.throttled[account] = t
	return t, now.Before(t.until)
}

// refuseThrottled says what is left of the throttle, in whole milliseconds.
func refuseThrottled(left time.Duration, shape string) status {
	st := status{
		kind: "NO", why: "throttled",
		text: fmt.Sprintf("Request is throttled. Suggested Backoff Time: %d milliseconds", max(1, left.Milliseconds())),
	}
	if shape != shapeNo {
		st.kind = "BAD"
	}
	st.close = shape == shapeBadBye
	return st
}
