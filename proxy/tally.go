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

// tally counts what the session does.
type tally struct {
	stats     counters.Session
	repairs   repairs // repaired replies
	mu        sync.Mutex
	published counters.Values // the part that the gateway's totals already include; serve alone writes it
}

// repairs counts the uses of reply fixes. serve and the relay both add to it.
type repairs struct {
	sync.Mutex
	fixes counters.Fixes
}

// repaired counts the use of a reply fix. It may be called by serve and by the
// relay.
func (c *conn) repaired(fix string) {
	c.srv.totals.Fixes.Count(fix)
	c.tally.repairs.Lock()
	defer c.tally.repairs.Unlock()
	c.tally.repairs.fixes.Count(fix)
}

// countersNow returns the session's counters.
func (c *conn) countersNow() counters.Values {
	s := &c.tally.stats
	n := counters.Values{
		counters.ClientIn: c.client.received.Load(), counters.ClientOut: c.client.w.sent.Load(),
		counters.Direct: int64(s.Direct), counters.Amended: int64(s.Amended),
		counters.Owned: int64(s.Owned), counters.Refused: int64(s.Refused),
		counters.Stored: int64(s.Stored), counters.TurnedAway: int64(s.TurnedAway), counters.Unknown: int64(s.Unknown),
		counters.Found: int64(s.Found), counters.Observed: int64(s.Observed),
		counters.WouldRepair: int64(s.WouldRepair), counters.WouldRefuse: int64(s.WouldRefuse),
		counters.WouldRename: int64(s.NamesWould.Rename), counters.WouldHide: int64(s.NamesWould.Hide),
		counters.WouldBar: int64(s.NamesWould.Refuse),
		counters.Resumed:  int64(s.Resumed), counters.Renewed: int64(s.Renewed), counters.Parked: int64(s.Parked),
		counters.Waited: int64(s.Waited),
	}
	used := c.link.usage()
	n[counters.Errors], n[counters.UpstreamIn], n[counters.UpstreamOut] = int64(used.errors), used.in, used.out
	return n
}

// countErrors counts a failure, and what it costs of the errors that Exchange
// allows a connection (docs/exchange.md#ten-errors).
func (c *conn) countErrors(f backend.Failure) {
	if f.Errors() > 0 {
		c.srv.totals.Failures.Count(string(f.Kind))
	}
	c.link.addErrors(f.Errors())
}

// openAttrs returns the attributes of the log line "session open".
func (c *conn) openAttrs() []any {
	l := c.login
	attrs := []any{"user", l.identity.User, "form", string(l.attempt.Form), "profile", l.profile.Name}
	if l.isHeld() {
		asked := l.asClaimed()
		attrs = append(attrs, "caller", cmp.Or(asked.Admin, asked.User))
	}
	if l.identity.Admin != "" {
		attrs = append(attrs, "admin", l.identity.Admin)
	}
	if c.link.upstream.TLS != "" {
		attrs = append(attrs, "upstream_tls", c.link.upstream.TLS)
	}
	if l.why != "" {
		attrs = append(attrs, "why", l.why)
	}
	if c.set.opts.Observe {
		attrs = append(attrs, "mode", "observe")
	}
	return attrs
}

// logEnd writes the last log line of a session.
func (c *conn) logEnd(err error, took time.Duration) {
	c.publish()
	attrs := []any{"reason", endReason(err), "took", took.Round(time.Millisecond)}
	if c.login == nil {
		level := slog.LevelInfo
		if c.attempts.turnedAway { // guessing clients come in floods
			level = slog.LevelDebug
		}
		c.log.Log(context.Background(), level, "connection ended before a login", attrs...)
		return
	}
	l := c.login
	l.journal.End(c.journalTotals(endReason(err)))
	if !c.log.Enabled(context.Background(), slog.LevelInfo) {
		return
	}
	c.tally.repairs.Lock()
	for name, n := range c.tally.repairs.fixes {
		c.tally.stats.Fixes.Count(slices.Repeat([]string{name}, n)...)
	}
	c.tally.repairs.Unlock()
	fixes := []string{} // sorted, so that log lines can be compared
	for _, name := range slices.Sorted(maps.Keys(c.tally.stats.Fixes)) {
		fixes = append(fixes, name+"="+strconv.Itoa(c.tally.stats.Fixes[name]))
	}
	attrs = append(attrs, "user", l.identity.User, "form", string(l.attempt.Form), "profile", l.profile.Name)
	for i, name := range counters.Names {
		attrs = append(attrs, name, c.tally.published[i])
	}
	attrs = append(attrs, "fixes", strings.Join(fixes, ","), "waited", c.tally.stats.Waited.Round(time.Millisecond))
	c.log.Info("session end", attrs...)
}

// endReason returns the words of the log for why a session ended.
func endReason(err error) string {
	switch {
	case errors.Is(err, errDone):
		return "logout"
	case errors.Is(err, io.EOF):
		return "client closed the connection"
	}
	return err.Error()
}
