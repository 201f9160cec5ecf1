package main

import (
	"cmp"
	"slices"
	"sync"
)

// The bounds on the failures of one account. An admin whose password has never been
// accepted has few, since each may count towards a lock-out. Later many mailboxes in a row
// may fail, since only their names are wrong then.
const (
	maxUnproven     = 3
	maxProvenMisses = 200
)

// adminState is what is known of the password of one admin. The zero value knows nothing.
type adminState struct {
	mu       sync.Mutex
	isProven bool
	missed   int // in a row

	isTested bool // a login tests the password
	waiting  []adminLogin
}

// adminLogin is a login that waits for another one with the same password.
type adminLogin struct {
	line int       // of the list
	turn chan bool // gets whether the login tests the password
}

// mayTry reports whether another login with the password is harmless enough.
func (a *adminState) mayTry() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.isProven && a.missed < maxProvenMisses || a.missed < maxUnproven
}

func (a *adminState) note(opens, isGuess bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case opens:
		a.isProven, a.missed = true, 0
	case isGuess:
		a.missed++
	}
}

// enter waits until the password is proven, or no other login tests it. Of those that wait, the
// first line of the list goes first: if it is right, misspelt ones behind it use up no tries.
// leave may be called more than once.
func (a *adminState) enter(line int) (leave func()) {
	a.mu.Lock()
	if a.isProven || !a.isTested {
		isTest := !a.isProven
		a.isTested = isTest
		a.mu.Unlock()
		return a.leave(isTest)
	}
	turn := make(chan bool, 1)
	a.waiting = append(a.waiting, adminLogin{line, turn})
	a.mu.Unlock()
	return a.leave(<-turn)
}

// leave returns the function that ends a login.
func (a *adminState) leave(isTest bool) func() {
	if !isTest {
		return func() {}
	}
	return sync.OnceFunc(func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.isTested = !a.isProven && len(a.waiting) > 0; a.isTested {
			slices.SortFunc(a.waiting, func(x, y adminLogin) int { return cmp.Compare(x.line, y.line) })
			a.waiting[0].turn <- true
			a.waiting = a.waiting[1:]
			return
		}
		for _, w := range a.waiting {
			w.turn <- false
		}
		a.waiting = nil
	})
}
