package exchangesim

import (
	"maps"
	"sync"
)

// maxConnectionsPerUser is the default of Set-ImapSettings
// (docs/exchange.md#settings).
const maxConnectionsPerUser = 16

// What Exchange does with a login over the limit: "authenticated but not
// connected", or a refusal (node-imap#523). No log was found that has the text.
const (
	showNotConnected = "not-connected"
	showRefused      = "refused"
)

// Stats are counts since the server was made.
type Stats struct {
	Connections     int            `json:"connections"`      // now
	MostConnections int            `json:"most_connections"` // at a time
	Accepted        int            `json:"accepted"`         // connections, all told
	Logins          int            `json:"logins"`           // that were answered by OK
	Users           map[string]int `json:"users"`            // connections with an open mailbox now, by the name of who logged in
	MostOfUser      map[string]int `json:"most_of_user"`     // the same, at a time
	Commands        map[string]int `json:"commands"`         // by verb; other words count as "unknown"
	Bads            int            `json:"bads"`             // BAD replies
	Strikes         map[string]int `json:"strikes"`          // by fault
}

// Stats returns a copy of the counts.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	connections, accepted := len(s.conns), s.accepted
	s.mu.Unlock()
	s.faults.mu.Lock()
	strikes := maps.Clone(s.faults.strikes)
	s.faults.mu.Unlock()
	c := &s.stats
	c.mu.Lock()
	defer c.mu.Unlock()
	return Stats{
		Connections: connections, MostConnections: c.most, Accepted: accepted, Logins: c.logins,
		Users: maps.Clone(c.users), MostOfUser: maps.Clone(c.mostOfUser),
		Commands: maps.Clone(c.commands), Bads: c.bads, Strikes: strikes,
	}
}

// counters has the numbers of Stats that no other part of the server keeps.
type counters struct {
	mu         sync.Mutex
	most       int // the most connections that were open at the same time
	logins     int
	users      map[string]int
	mostOfUser map[string]int
	commands   map[string]int
	bads       int
}

func newCounters() counters {
	return counters{users: map[string]int{}, mostOfUser: map[string]int{}, commands: map[string]int{}}
}

func (c *counters) connections(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.most = max(c.most, n)
}

func (c *counters) command(verb string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.commands[verb]++
}

func (c *counters) login() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.logins++
}

func (c *counters) bad() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bads++
}

// join counts a connection of the user, unless there are limit of them; 0 is
// no limit.
func (c *counters) join(user string, limit int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if limit > 0 && c.users[user] >= limit {
		return false
	}
	c.users[user]++
	c.mostOfUser[user] = max(c.mostOfUser[user], c.users[user])
	return true
}

func (c *counters) leave(user string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.users[user]--; c.users[user] == 0 {
		delete(c.users, user)
	}
}
