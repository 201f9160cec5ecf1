package proxy

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"exgate/backend"
	"exgate/proxy/replies"
	"exgate/proxy/status"
)

// holds has the users that the operator has paused: their logins and their commands wait. A hold ends with the
// gateway, but goes on in one that takes over.
type holds struct {
	mu      sync.Mutex
	all     bool
	users   map[string]bool // in lower case
	changed chan struct{}   // closed when a hold ends; nil: nobody waits
}

const (
	// everybody stands for all users in an order.
	everybody = "all"
	// maxHolds limits the users that orders name: of each kind of order.
	maxHolds = 10_000
)

// errTooMany is the error of an order that names one user too many.
var errTooMany = fmt.Errorf("orders for %d users are in force: take some back first", maxHolds)

// add begins a hold.
func (h *holds) add(who string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if who == everybody {
		h.all = true
		return nil
	}
	if len(h.users) >= maxHolds {
		return errTooMany
	}
	if h.users == nil {
		h.users = make(map[string]bool)
	}
	h.users[foldCase(who)] = true
	return nil
}

// remove ends the hold of a user, or every hold.
func (h *holds) remove(who string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case who == everybody:
		h.all = false
		clear(h.users)
	case !h.users[foldCase(who)] && h.all:
		return errors.New("all users are paused: resume all of them")
	case !h.users[foldCase(who)]:
		return fmt.Errorf("%s is not paused", who)
	default:
		delete(h.users, foldCase(who))
	}
	if h.changed != nil {
		close(h.changed)
		h.changed = nil
	}
	return nil
}

// holds reports whether the commands of a user wait.
func (h *holds) holds(user string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.all || len(h.users) > 0 && h.users[foldCase(user)]
}

// isNone reports whether there is no hold.
func (h *holds) isNone() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return !h.all && len(h.users) == 0
}

// names returns the users that are paused, sorted.
func (h *holds) names() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	names := slices.Sorted(maps.Keys(h.users))
	if h.all {
		names = append([]string{everybody}, names...)
	}
	return names
}

// await waits until no hold concerns the user, or ctx ends.
func (h *holds) await(ctx context.Context, user string) error {
	for h.holds(user) {
		h.mu.Lock()
		if h.changed == nil {
			h.changed = make(chan struct{})
		}
		changed, held := h.changed, h.all || h.users[foldCase(user)]
		h.mu.Unlock()
		if !held {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// pausedText tells a client why it waits.
const pausedText = "an administrator has paused this mailbox"

// awaitHold waits while the user of the session is paused. The client is kept patient.
func (c *conn) awaitHold() error {
	user := c.login.identity.User
	if !c.srv.holds.holds(user) {
		return nil
	}
	c.waiting.set(status.StatePaused, pausedText, time.Time{})
	defer c.waiting.clear()
	err := c.await(func() bool {
		return !c.srv.holds.holds(user) || c.srv.draining.Err() != nil || c.link.dismissed != "" ||
			c.link.state.isGone() && !c.link.resumes
	}, func() string { return pausedText })
	switch {
	case err != nil:
		return err
	case c.srv.draining.Err() != nil:
		return c.stopping()
	case c.link.dismissal() != "":
		return c.obeyDismissal()
	}
	return c.byeIfOver()
}

// awaitHoldOf waits while the user that a claim asks for is paused. It runs in the own lane, before the login counts as
// one that could be a guess: a login that waits holds up no other.
func (c *conn) awaitHoldOf(claim backend.Claim) error {
	if c.srv.holds.isNone() {
		return nil
	}
	r, err := c.set.router.Route(claim)
	if err != nil || !c.srv.holds.holds(r.Identity.User) {
		return nil // a claim that cannot be read fails at the login
	}
	c.waiting.set(status.StatePaused, pausedText, time.Time{})
	err = c.patiently(func(ctx context.Context) error { return c.srv.holds.await(ctx, r.Identity.User) })
	if err != nil {
		return replies.Interrupted("log in again later")
	}
	c.waiting.set(status.StateLogin, loggingIn, time.Time{})
	return nil
}

// loggingIn tells a client why its login takes long.
const loggingIn = "logging in to Exchange"

// Pause makes the commands of a user wait, or those of everybody ("all"), until Resume. Commands in flight go on. It
// returns the number of sessions that the user has now.
func (s *Server) Pause(who string) (sessions int, err error) {
	if err := s.holds.add(who); err != nil {
		return 0, err
	}
	return len(s.sessionsOf(who)), nil
}

// Resume lets the commands of a user go on. Resume of "all" ends every pause.
func (s *Server) Resume(who string) (sessions int, err error) {
	if err := s.holds.remove(who); err != nil {
		return 0, err
	}
	for _, c := range s.allSessions() {
		c.link.wake()
	}
	return len(s.sessionsOf(who)), nil
}

// sessionsOf returns the sessions of a user, in any case, or of everybody ("all").
func (s *Server) sessionsOf(who string) (found []*conn) {
	for c, l := range s.logins.all() {
		if who == everybody || strings.EqualFold(l.identity.User, who) {
			found = append(found, c)
		}
	}
	return found
}
