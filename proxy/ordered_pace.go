package proxy

import (
	"fmt"
	"maps"
	"strings"

	"exgate/proxy/orders"
)

// maxPace is more messages per second than any Exchange takes.
const maxPace = 1_000_000

// Pace orders the messages per second of a user, in place of the configured pace; 0 is no limit. nil takes the order
// back. Pace returns the number of sessions that the user has now.
func (s *Server) Pace(user string, perSecond *float64) (sessions int, err error) {
	if perSecond != nil && (!(*perSecond >= 0) || *perSecond > maxPace) {
		return 0, fmt.Errorf("%v is not a pace: give messages per second, at most %d, or 0 for no limit", *perSecond,
			maxPace)
	}
	return s.accounts.setPace(user, perSecond)
}

// setPace orders the messages per second of a user on all upstreams.
func (a *accounts) setPace(user string, perSecond *float64) (sessions int, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, isOrdered := a.paces[foldCase(user)]
	switch {
	case perSecond == nil && !isOrdered:
		return 0, fmt.Errorf("%s has the configured pace", user)
	case perSecond == nil:
		delete(a.paces, foldCase(user))
	case len(a.paces) >= orders.Max && !isOrdered:
		return 0, orders.ErrTooMany
	default:
		a.paces[foldCase(user)] = *perSecond
	}
	for _, shared := range a.open {
		if strings.EqualFold(shared.user, user) {
			shared.SetMessages(a.paceOf(shared))
			sessions += shared.sessions
		}
	}
	return sessions, nil
}

// ordered returns the orders of setPace.
func (a *accounts) ordered() map[string]float64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return maps.Clone(a.paces)
}

// paceOf returns the messages per second of an account: by order, else as configured. a.mu is held.
func (a *accounts) paceOf(shared *account) float64 {
	if ordered, ok := a.paces[foldCase(shared.user)]; ok {
		return ordered
	}
	return shared.configured
}
