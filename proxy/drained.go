package proxy

import (
	"errors"
	"time"

	"exgate/backend"
	"exgate/proxy/budget"
	"exgate/proxy/status"
)

// Drained returns what the gateway that takes the place of this one must know. An account that it does not name has no
// session any more, and the ledger has all of the account's rows.
func (s *Server) Drained() status.Drain {
	drain := status.Drain{
		Draining: s.draining.Err() != nil, Open: []status.Owner{}, Throttled: s.accounts.throttled(time.Now()),
		Orders: status.Orders{Paused: s.holds.Users(), Traced: s.traced.Users(), Paces: s.accounts.ordered()},
	}
	for _, l := range s.logins.all() {
		drain.Open = append(drain.Open, status.Owner{Upstream: l.target.Name, User: l.identity.User})
	}
	s.settings.Load().opts.Ledger.Flush()
	return drain
}

// throttled returns the accounts that Exchange throttles or has throttled, also those without a session.
func (a *accounts) throttled(now time.Time) []status.Throttled {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := []status.Throttled{}
	for key, registry := range a.registries {
		registry.Held(func(user string, known *backend.Account) bool {
			one := status.Throttled{Owner: status.Owner{Upstream: key.upstream, User: user}, Part: 1}
			full, isOrdered := a.paces[user]
			if !isOrdered {
				full = key.pace.Each.Messages
			}
			if rate := known.Appends.Rate(); full > 0 && a.cluster == nil { // else Redis has the pace
				one.Part = rate / full
			}
			left := known.Throttle.Remaining()
			if left > 0 {
				one.Until = now.Add(left)
			}
			isHeld := left > 0 || one.Part < 1
			if isHeld {
				all = append(all, one)
			}
			return isHeld
		})
	}
	return all
}

// Obey takes the orders that the gateway before this one had from its operator.
func (s *Server) Obey(o status.Orders) {
	var err error
	for _, user := range o.Paused {
		_, e := s.Pause(user)
		err = errors.Join(err, e)
	}
	for _, user := range o.Traced {
		_, e := s.Trace(user, true)
		err = errors.Join(err, e)
	}
	for user, perSecond := range o.Paces {
		_, e := s.Pace(user, &perSecond)
		err = errors.Join(err, e)
	}
	log := s.settings.Load().opts.Log
	if err != nil {
		log.Error("orders that the gateway before this one had are not in force", "err", err)
	}
	if n := len(o.Paused) + len(o.Traced) + len(o.Paces); n > 0 {
		log.Info("orders of the gateway before this one hold on", "paused", o.Paused, "traced", o.Traced,
			"paces", o.Paces)
	}
}

// Adopt implements handover.Heir.
func (s *Server) Adopt(upstream, account string) {
	s.settings.Load().opts.Ledger.Adopt(upstream, account)
}

// AdoptRest implements handover.Heir. It also counts what the gateway before this one has stored since this one began,
// and the messages that Exchange has taken for commands there.
func (s *Server) AdoptRest() {
	opts := &s.settings.Load().opts
	opts.Ledger.AdoptRest()
	spent, err := opts.Ledger.Spent(time.Now().Add(-budget.Day-budget.Quarter), budget.Quarter)
	if err != nil {
		opts.Log.Warn("the budgets of a day (upstream.pace) lack what the gateway before this one has stored",
			"err", err)
	}
	for _, n := range spent {
		s.budgets.AtLeast(n.Upstream, n.Account, n.At, budget.Amount{Messages: n.Messages, Bytes: n.Bytes})
	}
	if err := s.poisons.Refresh(); err != nil {
		opts.Log.Warn("the messages that are not sent again", "err", err)
	}
}
