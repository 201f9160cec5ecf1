package proxy

import (
	"exgate/proxy/counters"
)

// publish adds to the gateway's totals what the session has counted since it
// last did: before it waits for its client, and at its end.
func (c *conn) publish() {
	now := c.countersNow()
	c.srv.totals.Add(&now, &c.tally.published)
	c.tally.published = now
}

// Totals tells what has been counted until now. What a session does while its
// client waits for a reply is added when that has come.
func (s *Server) Totals() counters.Totals {
	all := s.totals.Report()
	all.Draining = s.draining.Err() != nil
	s.mu.Lock()
	all.Connections = len(s.live)
	s.mu.Unlock()
	all.Sessions = s.sessions.count()
	return all
}
