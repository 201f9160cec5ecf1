// Package orders has the orders of the operator about users: whose logins and commands wait, and whose sessions are
// traced. Names of users that differ only in case are one.
package orders

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// Holds has the users that the operator has paused: their logins and their commands wait. A hold ends with the
// gateway, but goes on in one that takes over.
type Holds struct {
	mu      sync.Mutex
	all     bool
	users   map[string]bool // in lower case
	changed chan struct{}   // closed when a hold ends; nil: nobody waits
}

const (
	// Everybody stands for all users in an order.
	Everybody = "all"
	// Max limits the users that orders name: of each kind of order.
	Max = 10_000
)

// ErrTooMany is the error of an order that names one user too many.
var ErrTooMany = fmt.Errorf("orders for %d users are in force: take some back first", Max)

// Add begins a hold.
func (h *Holds) Add(who string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if who == Everybody {
		h.all = true
		return nil
	}
	if len(h.users) >= Max {
		return ErrTooMany
	}
	if h.users == nil {
		h.users = make(map[string]bool)
	}
	h.users[fold(who)] = true
	return nil
}

// Remove ends the hold of a user, or every hold.
func (h *Holds) Remove(who string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case who == Everybody:
		h.all = false
		clear(h.users)
	case !h.users[fold(who)] && h.all:
		return errors.New("all users are paused: resume all of them")
	case !h.users[fold(who)]:
		return fmt.Errorf("%s is not paused", who)
	default:
		delete(h.users, fold(who))
	}
	if h.changed != nil {
		close(h.changed)
		h.changed = nil
	}
	return nil
}

// Holds reports whether the commands of a user wait.
func (h *Holds) Holds(user string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.all || len(h.users) > 0 && h.users[fold(user)]
}

// IsNone reports whether there is no hold.
func (h *Holds) IsNone() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return !h.all && len(h.users) == 0
}

// Users returns the users that are paused, sorted.
func (h *Holds) Users() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	users := slices.Sorted(maps.Keys(h.users))
	if h.all {
		users = append([]string{Everybody}, users...)
	}
	return users
}

// Await waits until no hold concerns the user, or ctx ends.
func (h *Holds) Await(ctx context.Context, user string) error {
	for h.Holds(user) {
		h.mu.Lock()
		if h.changed == nil {
			h.changed = make(chan struct{})
		}
		changed, held := h.changed, h.all || h.users[fold(user)]
		h.mu.Unlock()
		if !held {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

func fold(user string) string { return strings.ToLower(user) }
