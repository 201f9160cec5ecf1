package proxy

import (
	"context"
	"sync"

	"exgate/backend"
	"exgate/proxy/watchfile"
)

// openSessions are the sessions that are logged in.
type openSessions struct {
	mu   sync.Mutex
	open map[*conn]*login
}

func (s *openSessions) add(c *conn, l *login) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		s.open = make(map[*conn]*login)
	}
	s.open[c] = l
}

func (s *openSessions) remove(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, c)
}

func (s *openSessions) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}

// dismiss ends the sessions for which why returns a reason.
func (s *openSessions) dismiss(why func(*login) string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c, l := range s.open {
		if reason := why(l); reason != "" {
			c.link.dismiss(reason)
		}
	}
}

// obeyDismissal ends a session that is to end: no new command is taken, those in
// flight are completed, and then the client gets BYE.
func (c *conn) obeyDismissal() error {
	if c.link.dismissal() == "" {
		return nil
	}
	return c.leaveWhenDone(func() error { return c.bye("%s", c.link.dismissal()) })
}

// leaveIfDue ends, between two commands, a session that is dismissed or that the
// gateway drains.
func (c *conn) leaveIfDue() error {
	switch {
	case c.client.within || c.idle != nil: // attend sees to a client in IDLE
		return nil
	case c.srv.draining.Err() != nil:
		return c.leaveWhenDone(c.stopping)
	}
	return c.obeyDismissal()
}

// leaveWhenDone ends the session when nothing is in flight any more.
func (c *conn) leaveWhenDone(bye func() error) error {
	if err := c.awaitFlight(func() bool { return len(c.link.flight) == 0 }); err != nil {
		return err
	}
	return bye()
}

// watch ends the sessions that the map file or the users file would no longer let
// come about as they are, once it has changed: a user who was moved comes back on
// the new side. It also has refusals logged. It runs until ctx ends.
func (s *Server) watch(ctx context.Context) {
	var users watchfile.Watch
	users.Changed(s.settings.Load().opts.Users.State()) // the first one
	for backend.Sleep(ctx, s.limits.Watch) == nil {
		set := s.settings.Load()
		s.refusals.Flush(set.opts.Log, false)
		if set.opts.Routes != nil {
			switch changed, err := set.opts.Routes.Reload(); {
			case err != nil:
				set.opts.Log.Error("the map file is used as it was", "err", err)
			case changed:
				set.opts.Log.Info("the map file has changed")
				s.sessions.dismiss(set.moved)
			}
		}
		if users.Changed(set.opts.Users.State()) {
			if err := set.opts.Users.Fault(); err != nil {
				set.opts.Log.Error(
					"the users file is used as it was, and lets nobody in if it is missing or others can read it",
					"err", err)
			} else {
				set.opts.Log.Info("the users file has changed")
			}
			s.sessions.dismiss(barred)
		}
	}
}

// moved returns why a session is to end that is not where its login would go now;
// "" if it is there.
func (s *settings) moved(l *login) string {
	r, err := s.router.Route(l.claim)
	if err != nil || r.To.Name != l.target.Name || r.To.Backend.Address != l.target.Backend.Address ||
		l.identity.User != r.Identity.User || l.prefix != r.Prefix {
		return "this mailbox has been moved: log in again"
	}
	return ""
}

// barred returns why the caller of a session may not open its mailbox any more;
// "" if that is allowed.
func barred(l *login) string {
	if !l.isHeld() {
		return ""
	}
	if err := l.cred.Allow(l.attempt.Mailbox); err != nil {
		return err.Error()
	}
	return ""
}
