package proxy

import (
	"errors"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"exgate/backend"
)

// stats count what a session did, for its last log line. They belong to the
// session's goroutine, or to the own lane while that runs.
type stats struct {
	before, direct, amended, owned, refused int // commands
	stored, turnedAway, unknown             int // messages
	waited                                  time.Duration
	fixes                                   map[string]int
	errors                                  int   // that Exchange counts; guarded by conn.mu
	resumed, renewed, parked                int   // upstream connections
	in, out                                 int64 // bytes of the upstream connections before this one; guarded by conn.mu
}

// passed adds up the traffic of an upstream connection that is over.
func (s *stats) passed(up *backend.Conn) {
	in, out := up.Traffic()
	s.in += in
	s.out += out
}

// repairs count the repairs of replies, by two goroutines.
type repairs struct {
	sync.Mutex
	stats
}

func (s *stats) count(fixes []string) {
	if s.fixes == nil {
		s.fixes = make(map[string]int)
	}
	for _, f := range fixes {
		s.fixes[f]++
	}
}

// countErrors counts a failure against Exchange's budget.
func (c *conn) countErrors(f backend.Failure) {
	c.mu.Lock()
	c.stats.errors += f.Errors()
	c.errors += f.Errors()
	c.mu.Unlock()
}

// openAttrs are the attributes of the line at the opening of a session.
func (c *conn) openAttrs() []any {
	l := c.login
	attrs := []any{"user", l.identity.User, "form", string(l.attempt.Form), "profile", l.policy.Name}
	if l.identity.Admin != "" {
		attrs = append(attrs, "admin", l.identity.Admin)
	}
	if c.up.TLS != "" {
		attrs = append(attrs, "upstream_tls", c.up.TLS)
	}
	if l.why != "" {
		attrs = append(attrs, "why", l.why)
	}
	if c.set.opts.Observe {
		attrs = append(attrs, "mode", "observe")
	}
	return attrs
}

// logEnd writes the line at the end of a session.
func (c *conn) logEnd(err error, took time.Duration) {
	attrs := []any{"reason", reason(err), "took", took.Round(time.Millisecond)}
	if c.login == nil {
		c.log.Info("connection ended before a login", attrs...)
		return
	}
	c.repairs.Lock()
	for name, n := range c.repairs.fixes {
		c.stats.count(slices.Repeat([]string{name}, n))
	}
	c.repairs.Unlock()
	fixes := []string{} // sorted, so that lines compare
	for _, name := range slices.Sorted(maps.Keys(c.stats.fixes)) {
		fixes = append(fixes, name+"="+strconv.Itoa(c.stats.fixes[name]))
	}
	c.stats.passed(c.up)
	attrs = append(attrs,
		"user", c.login.identity.User, "form", string(c.login.attempt.Form), "profile", c.login.policy.Name,
		"client_in", c.received.Load(), "client_out", c.w.sent.Load(), "upstream_in", c.stats.in, "upstream_out", c.stats.out,
		"commands_direct", c.stats.direct, "commands_amended", c.stats.amended, "commands_owned", c.stats.owned, "commands_refused", c.stats.refused,
		"messages_stored", c.stats.stored, "messages_refused", c.stats.turnedAway, "messages_unknown", c.stats.unknown,
		"errors", c.stats.errors, "resumed", c.stats.resumed, "renewed", c.stats.renewed, "parked", c.stats.parked, "fixes", strings.Join(fixes, ","), "waited", c.stats.waited.Round(time.Millisecond))
	c.log.Info("session end", attrs...)
}

func reason(err error) string {
	switch {
	case errors.Is(err, errDone):
		return "logout"
	case errors.Is(err, io.EOF):
		return "client closed the connection"
	}
	return err.Error()
}
