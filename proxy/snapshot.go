package proxy

import (
	"cmp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"exgate/proxy/progress"
	"exgate/proxy/routing"
	"exgate/proxy/status"
)

// Snapshot returns what the gateway does now.
func (s *Server) Snapshot() status.Snapshot {
	now := time.Now()
	all := status.Snapshot{
		Time: now, Draining: s.draining.Err() != nil, Sessions: []status.Session{},
		Accounts: s.progress.Describe(s.accounts.describe(now)), Refusals: s.progress.Refusals(),
		CountedSince: s.progress.Since(),
		Paused:       append([]string{}, s.holds.Users()...),
		Cluster:      s.Cluster(),
	}
	for i := range all.Accounts {
		a := &all.Accounts[i]
		a.Budget = shownBudget(s.budgets.Of(status.UpstreamKey(a.Upstream), a.User))
	}
	logins := s.logins.all()
	for _, c := range s.allSessions() {
		all.Sessions = append(all.Sessions, c.describe(logins[c]))
	}
	slices.SortFunc(all.Sessions, func(a, b status.Session) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.ID, b.ID))
	})
	for _, to := range s.settings.Load().router.Targets {
		upstream := s.budgetOf(to)
		upstream.Address, upstream.PassedOver = strings.Join(to.Backend.Addresses(), ", "), to.Server.PassedOver()
		upstream.Slots, upstream.Queued = to.Slots.Used(), to.Slots.Queued()
		for _, session := range all.Sessions {
			if session.Upstream == upstream.Name {
				upstream.Sessions++
			}
		}
		for _, account := range all.Accounts {
			if account.Upstream == upstream.Name && !account.ThrottledUntil.IsZero() {
				upstream.Throttled++
			}
		}
		all.Upstreams = append(all.Upstreams, upstream)
	}
	return all
}

// Budgets returns the upstreams with their names and budgets. Unlike Snapshot, it looks at no session, and at no
// account without a budget: monitoring asks for it again and again.
func (s *Server) Budgets() (all []status.Upstream) {
	for _, to := range s.settings.Load().router.Targets {
		all = append(all, s.budgetOf(to))
	}
	return all
}

func (s *Server) budgetOf(to *routing.Target) status.Upstream {
	state, waiting := s.budgets.All(to.Name)
	return status.Upstream{Name: status.UpstreamName(to.Name), Budget: shownBudget(state), OverBudget: waiting}
}

// Cluster returns the state of the gateway's cluster; nil if there is none.
func (s *Server) Cluster() *status.Cluster { return s.accounts.cluster.State() }

// allSessions returns the sessions, also those before the login, in no order.
func (s *Server) allSessions() []*conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*conn, 0, len(s.sessions))
	for c := range s.sessions {
		all = append(all, c)
	}
	return all
}

// describe returns the accounts with sessions.
func (a *accounts) describe(now time.Time) []status.Account {
	all := []status.Account{}
	a.mu.Lock()
	for _, shared := range a.open {
		one := status.Account{
			User: shared.user, Upstream: status.UpstreamName(shared.upstream), Sessions: shared.sessions,
			AppendPerSecond: shared.Appends.Rate(), FetchPerSecond: shared.Fetches.Rate(),
		}
		if d := shared.Throttle.Remaining(); d > 0 {
			one.ThrottledUntil = now.Add(d)
		}
		all = append(all, one)
	}
	a.mu.Unlock()
	return all
}

// describe returns what the session does. l is its login; nil: it has none. Any goroutine may call describe.
func (c *conn) describe(l *login) status.Session {
	one := status.Session{
		ID: c.id, Client: c.client.tcp.RemoteAddr().String(), Since: c.client.began, State: status.StateLogin,
		Outcomes: c.tally.outcomes(),
	}
	one.Program = c.client.programName()
	if l != nil {
		one.User, one.Admin, one.Upstream = l.identity.User, l.identity.Admin, status.UpstreamName(l.target.Name)
		one.Profile = l.profile.Name
		if l.isHeld() {
			asked := l.asClaimed()
			one.Caller = cmp.Or(asked.Admin, asked.User)
		}
	}
	doing, state := c.link.describe(&one)
	if l != nil {
		one.State, one.Detail = state, doing
	}
	if state, what, until := c.waiting.now(); state != "" {
		one.State, one.Detail, one.Until = state, what, until
	}
	return one
}

// describe writes the mailbox and the protection of the session into one, and returns the command that is being
// carried out, and the session's state after a login.
func (l *link) describe(one *status.Session) (doing string, state status.State) {
	l.mu.Lock()
	defer l.mu.Unlock()
	one.TLS, one.Mailbox = l.bell.client.secure, l.view.ClientName()
	switch {
	case !l.rested.IsZero() && l.state == linkParked:
		return "", status.StateParked
	case !l.rested.IsZero(), l.bell.idling && len(l.flight) == 0: // also after a command that exgate has refused
		state = status.StateIdle
	default:
		state = status.StateSending
	}
	if len(l.flight) > 0 {
		doing = l.flight[0].name()
	}
	return doing, state
}

// outcomes returns the counters that the session has published.
func (t *tally) outcomes() status.Outcomes {
	t.mu.Lock()
	defer t.mu.Unlock()
	return progress.OutcomesOf(&t.published)
}

// programName returns the name and version of the client by its last ID; "" if it has sent none.
func (s *clientSide) programName() string {
	if program := s.program.Load(); program != nil {
		return *program
	}
	return ""
}

// plainText returns a client's text without its control characters and the bytes that are no UTF-8.
func plainText(text string) string {
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, text)
}

// Kick ends sessions: the one with this ID, or all sessions of a user, in any case. Commands under way are finished
// first, unless now is set. It returns the number of sessions.
func (s *Server) Kick(who string, now bool) (ended int) {
	logins := s.logins.all()
	for _, c := range s.allSessions() {
		l := logins[c]
		if c.id != who && (l == nil || !strings.EqualFold(l.identity.User, who)) {
			continue
		}
		ended++
		if now || l == nil {
			c.cutOff()
		} else {
			c.link.dismiss(kicked)
		}
	}
	return ended
}

// kicked is the reason that the client of a kicked session is told.
const kicked = "an administrator has ended this session"
