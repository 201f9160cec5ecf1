package proxy

import (
	"context"
	"maps"
	"slices"
	"sync"

	"exgate/backend"
	"exgate/proxy/routing"
	"exgate/proxy/watchfile"
)

// logins has the logins of the sessions that are logged in.
type logins struct {
	mu   sync.Mutex
	open map[*conn]*login
}

func (s *logins) add(c *conn, l *login) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		s.open = make(map[*conn]*login)
	}
	s.open[c] = l
}

func (s *logins) remove(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, c)
}

// all returns the sessions that are logged in, with their logins.
func (s *logins) all() map[*conn]*login {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.open)
}

func (s *logins) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}

// dismiss ends each session for which why returns a reason. The client gets the reason.
func (s *logins) dismiss(why func(*login) string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c, l := range s.open {
		if reason := why(l); reason != "" {
			c.link.dismiss(reason)
		}
	}
}

// obeyDismissal ends a dismissed session: it takes no new command, completes the commands
// in flight, and then sends BYE. It does nothing if the session is not dismissed.
func (c *conn) obeyDismissal() error {
	if c.link.dismissal() == "" {
		return nil
	}
	return c.leaveWhenDone(func() error { return c.bye("%s", c.link.dismissal()) })
}

// leaveIfDue ends the session between two commands if it is dismissed or the gateway
// drains.
func (c *conn) leaveIfDue() error {
	switch {
	case c.client.within || c.idle != nil: // attend ends a session in IDLE
		return nil
	case c.srv.draining.Err() != nil:
		return c.leaveWhenDone(c.stopping)
	}
	return c.obeyDismissal()
}

// leaveWhenDone waits until no command is in flight, and then ends the session with bye.
func (c *conn) leaveWhenDone(bye func() error) error {
	if err := c.awaitFlight(func() bool { return len(c.link.flight) == 0 }); err != nil {
		return err
	}
	return bye()
}

// watch checks the map file and the users file for changes. After a change, it ends the
// sessions that the new file would route elsewhere or would not allow. So a user who was
// moved logs in again on the new server. watch also writes the collected refusals to the
// log. It runs until ctx ends.
func (s *Server) watch(ctx context.Context) {
	var users watchfile.Watch
	users.HasChanged(s.settings.Load().opts.Users.State()) // the state at the start is no change
	for backend.Sleep(ctx, s.limits.Watch) == nil {
		set := s.settings.Load()
		s.refusals.Flush(set.opts.Log, false)
		if set.opts.Routes != nil {
			switch changed, err := set.opts.Routes.Reload(); {
			case err != nil:
				set.opts.Log.Error("the map file is used as it was", "err", err)
			case changed:
				set.opts.Log.Info("the map file has changed")
				s.logins.dismiss(set.moved)
			}
		}
		if users.HasChanged(set.opts.Users.State()) {
			if err := set.opts.Users.Problem(); err != nil {
				set.opts.Log.Error(
					"the users file is used as it was, and lets nobody in if it is missing or others can read it",
					"err", err)
			} else {
				set.opts.Log.Info("the users file has changed")
			}
			s.logins.dismiss(barred)
		}
	}
}

// moved returns the reason to end a session whose login would go elsewhere now; "" if it
// would go to the same place.
func (s *settings) moved(l *login) string {
	r, err := s.router.Route(l.claim)
	if err != nil || r.To.Name != l.target.Name || !hasAddressesOf(r.To, l.target) ||
		l.identity.User != r.Identity.User || l.prefix != r.Prefix {
		return "this mailbox has been moved: log in again"
	}
	return ""
}

// hasAddressesOf reports whether the target now has all addresses of the one before.
func hasAddressesOf(now, before *routing.Target) bool {
	gone := func(address string) bool { return !slices.Contains(now.Backend.Addresses(), address) }
	return !slices.ContainsFunc(before.Backend.Addresses(), gone)
}

// barred returns the reason to end a session whose caller may not open its mailbox any
// more; "" if the caller may open it.
func barred(l *login) string {
	if !l.isHeld() {
		return ""
	}
	if err := l.cred.Allow(l.attempt.Mailbox); err != nil {
		return err.Error()
	}
	return ""
}
