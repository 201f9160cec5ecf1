package proxy

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"exgate/backend"
	"exgate/proxy/counters"
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

// fixed counts the uses of fixes, by serve or the own lane.
func (c *conn) fixed(fixes ...string) {
	c.tally.stats.count(fixes)
	for _, fix := range fixes {
		c.srv.totals.Fixes.Count(fix)
	}
}

func (s *stats) count(fixes []string) {
	if s.fixes == nil {
		s.fixes = make(map[string]int)
	}
	for _, f := range fixes {
		s.fixes[f]++
	}
}

// counted are the session's counters as they are now.
func (c *conn) counted() counters.Values {
	s := &c.tally.stats
	n := counters.Values{
		counters.ClientIn: c.client.received.Load(), counters.ClientOut: c.client.w.sent.Load(),
		counters.Direct: int64(s.direct), counters.Amended: int64(s.amended), counters.Owned: int64(s.owned), counters.Refused: int64(s.refused),
		counters.Stored: int64(s.stored), counters.TurnedAway: int64(s.turnedAway), counters.Unknown: int64(s.unknown),
		counters.Resumed: int64(s.resumed), counters.Renewed: int64(s.renewed), counters.Parked: int64(s.parked),
		counters.Waited: int64(s.waited),
	}
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	n[counters.Errors], n[counters.UpstreamIn], n[counters.UpstreamOut] = int64(s.errors), s.in, s.out
	if c.link.up != nil {
		in, out := c.link.up.Traffic()
		n[counters.UpstreamIn] += in
		n[counters.UpstreamOut] += out
	}
	return n
}

// countErrors counts a failure against Exchange's budget.
func (c *conn) countErrors(f backend.Failure) {
	if f.Errors() > 0 {
		c.srv.totals.Failures.Count(string(f.Kind))
	}
	c.link.mu.Lock()
	c.tally.stats.errors += f.Errors()
	c.link.errors += f.Errors()
	c.link.mu.Unlock()
}

// openAttrs are the attributes of the line at the opening of a session.
func (c *conn) openAttrs() []any {
	l := c.login
	attrs := []any{"user", l.identity.User, "form", string(l.attempt.Form), "profile", l.profile.Name}
	if l.held() {
		asked := l.asked()
		attrs = append(attrs, "caller", cmp.Or(asked.Admin, asked.User))
	}
	if l.identity.Admin != "" {
		attrs = append(attrs, "admin", l.identity.Admin)
	}
	if c.link.up.TLS != "" {
		attrs = append(attrs, "upstream_tls", c.link.up.TLS)
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
	c.publish()
	attrs := []any{"reason", reason(err), "took", took.Round(time.Millisecond)}
	if c.login == nil {
		level := slog.LevelInfo
		if c.attempts.turnedAway { // there may be a flood of them
			level = slog.LevelDebug
		}
		c.log.Log(context.Background(), level, "connection ended before a login", attrs...)
		return
	}
	c.tally.repairs.Lock()
	for name, n := range c.tally.repairs.fixes {
		c.tally.stats.count(slices.Repeat([]string{name}, n))
	}
	c.tally.repairs.Unlock()
	fixes := []string{} // sorted, so that lines compare
	for _, name := range slices.Sorted(maps.Keys(c.tally.stats.fixes)) {
		fixes = append(fixes, name+"="+strconv.Itoa(c.tally.stats.fixes[name]))
	}
	attrs = append(attrs, "user", c.login.identity.User, "form", string(c.login.attempt.Form), "profile", c.login.profile.Name)
	for i, name := range counters.Names {
		attrs = append(attrs, name, c.tally.published[i])
	}
	attrs = append(attrs, "fixes", strings.Join(fixes, ","), "waited", c.tally.stats.waited.Round(time.Millisecond))
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
