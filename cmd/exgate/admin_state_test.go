package main

import (
	"sync"
	"testing"

	"exgate/proxy/testkit"
)

// While a password is not proven, its logins go one by one, in the order of the list. Then they go together.
func TestAdminStateGoesByTheList(t *testing.T) {
	var a adminState
	leave := a.enter(9)
	var mu sync.Mutex
	var order []int
	var logins sync.WaitGroup
	for _, line := range []int{4, 2, 3} {
		logins.Go(func() {
			leave := a.enter(line)
			defer leave()
			mu.Lock()
			defer mu.Unlock()
			order = append(order, line)
			a.note(line == 3, true)
		})
		testkit.Eventually(t, "it waits", func() bool {
			a.mu.Lock()
			defer a.mu.Unlock()
			return len(a.waiting) > 0 && a.waiting[len(a.waiting)-1].line == line
		})
	}
	a.note(false, true)
	leave()
	leave() // does nothing
	logins.Wait()
	if len(order) != 3 || order[0] != 2 || order[1] != 3 || !a.isProven || a.missed > 1 {
		t.Errorf("the lines went in the order %v: %+v", order, &a)
	}
	one, other := a.enter(1), a.enter(2) // at once: none waits
	one()
	other()
}
