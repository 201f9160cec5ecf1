package proxy

import (
	"context"
	"strings"
	"time"

	"exgate/backend"
	"exgate/proxy/orders"
	"exgate/proxy/replies"
	"exgate/proxy/status"
)

// pausedText tells a client why it waits.
const pausedText = "an administrator has paused this mailbox"

// awaitHold waits while the user of the session is paused. The client is kept patient.
func (c *conn) awaitHold() error {
	user := c.login.identity.User
	if !c.srv.holds.Holds(user) {
		return nil
	}
	c.waiting.set(status.StatePaused, pausedText, time.Time{})
	defer c.waiting.clear()
	err := c.await(func() bool {
		return !c.srv.holds.Holds(user) || c.srv.draining.Err() != nil || c.link.dismissed != "" ||
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
	if c.srv.holds.IsNone() {
		return nil
	}
	r, err := c.set.router.Route(claim)
	if err != nil || !c.srv.holds.Holds(r.Identity.User) {
		return nil // a claim that cannot be read fails at the login
	}
	c.waiting.set(status.StatePaused, pausedText, time.Time{})
	err = c.patiently(func(ctx context.Context) error { return c.srv.holds.Await(ctx, r.Identity.User) })
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
	if err := s.holds.Add(who); err != nil {
		return 0, err
	}
	return len(s.sessionsOf(who)), nil
}

// Resume lets the commands of a user go on. Resume of "all" ends every pause.
func (s *Server) Resume(who string) (sessions int, err error) {
	if err := s.holds.Remove(who); err != nil {
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
		if who == orders.Everybody || strings.EqualFold(l.identity.User, who) {
			found = append(found, c)
		}
	}
	return found
}
