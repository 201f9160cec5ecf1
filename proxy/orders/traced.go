package orders

import (
	"fmt"
	"maps"
	"slices"
	"sync"
)

// Traced has the users whose sessions the operator has traced.
type Traced struct {
	mu    sync.Mutex
	users map[string]bool // in lower case
}

// Set begins or ends the order for a user.
func (u *Traced) Set(user string, on bool) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case !on && !u.users[fold(user)]:
		return fmt.Errorf("%s is not traced", user)
	case !on:
		delete(u.users, fold(user))
		return nil
	case len(u.users) >= Max:
		return ErrTooMany
	case u.users == nil:
		u.users = make(map[string]bool)
	}
	u.users[fold(user)] = true
	return nil
}

// Users returns the users that are traced, sorted.
func (u *Traced) Users() []string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.Sorted(maps.Keys(u.users))
}

// Has reports whether a user is traced.
func (u *Traced) Has(user string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.users) > 0 && u.users[fold(user)]
}
