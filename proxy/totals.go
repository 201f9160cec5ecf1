package proxy

import (
	"exgate/proxy/counters"
)

// publish adds to the gateway's totals what the session has counted since the last
// call. It is called before the session waits for its client, and at its end.
func (c *conn) publish() {
	now := c.countersNow()
	c.srv.totals.Add(&now, &c.tally.published)
	if c.login != nil && now != c.tally.published {
		l := c.login
		if l.progress == nil {
			l.progress = c.srv.progress.Account(l.target.Name, l.identity.User)
		}
		c.srv.progress.Add(l.progress, &now, &c.tally.published)
	}
	c.tally.mu.Lock()
	c.tally.published = now
	c.tally.mu.Unlock()
}

// Totals returns the counters of the gateway. They do not include what a session
// has counted since it last waited for its client.
func (s *Server) Totals() counters.Totals {
	all := s.totals.Report()
	all.Draining = s.draining.Err() != nil
	s.mu.Lock()
	all.Connections = len(s.sessions)
	s.mu.Unlock()
	all.Sessions = s.logins.count()
	all.LedgerLost = s.settings.Load().opts.Ledger.Lost()
	return all
}
