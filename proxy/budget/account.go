package budget

import (
	"maps"
	"slices"
	"time"
)

// quarterOf returns the number of the quarter of an hour that has the time.
func quarterOf(t time.Time) int64 { return t.UnixMilli() / Quarter.Milliseconds() }

// isFree returns the time from which a quarter does not count any more.
func isFree(q int64) time.Time { return time.UnixMilli((q + 1) * Quarter.Milliseconds()).Add(Day) }

func (a *account) add(at time.Time, n Amount) {
	q := quarterOf(at)
	a.spent[q] = a.spent[q].plus(n)
}

// forget drops what does not count any more.
func (a *account) forget(now time.Time) {
	isOver := func(q int64, _ Amount) bool { return !isFree(q).After(now) }
	maps.DeleteFunc(a.spent, isOver)
	maps.DeleteFunc(a.untold, isOver)
}

// used returns what counts now.
func (a *account) used(now time.Time) (sum Amount) {
	a.forget(now)
	for _, n := range a.spent {
		sum = sum.plus(n)
	}
	return sum
}

// check returns why a message of size bytes does not fit, and nil if it does. It has taken own
// already.
func (a *account) check(now time.Time, limit, own Amount, size int64) *Over {
	if limit == (Amount{}) {
		return nil
	}
	used, taken := a.used(now), a.taken.minus(own)
	total := used.plus(taken)
	next := total.plus(Amount{1, size})
	overMessages := limit.Messages > 0 && next.Messages > limit.Messages
	overBytes := limit.Bytes > 0 && next.Bytes > limit.Bytes
	switch {
	case limit.Bytes > 0 && size > limit.Bytes:
		return &Over{Key: "bytes_per_day", Used: total.Bytes, Of: limit.Bytes, Size: size}
	case !overMessages && !overBytes:
		return nil
	}
	// Go through the quarters, the oldest first, until enough is free. What is on its way counts
	// as stored now.
	at := isFree(quarterOf(now))
	key, of, count := "", int64(0), int64(0)
	for _, q := range append(slices.Sorted(maps.Keys(a.spent)), quarterOf(now)) {
		if overBytes {
			key, of, count = "bytes_per_day", limit.Bytes, total.Bytes
		} else {
			key, of, count = "messages_per_day", limit.Messages, total.Messages
		}
		next = next.minus(a.spent[q])
		at = isFree(q)
		overMessages = limit.Messages > 0 && next.Messages > limit.Messages
		overBytes = limit.Bytes > 0 && next.Bytes > limit.Bytes
		if !overMessages && !overBytes {
			break
		}
	}
	return &Over{Key: key, Used: count, Of: of, Size: size, At: at}
}

// State is what an account, or all accounts of an upstream, have used of their limits.
type State struct {
	Used, Limit Amount
	Until       time.Time // when the message fits that was refused last; zero: none waits
}

func (a *account) state(now time.Time, limit Amount) State {
	if a == nil {
		return State{Limit: limit}
	}
	return State{Used: a.used(now).plus(a.taken), Limit: limit, Until: a.until(now, limit)}
}

// until returns when the message fits that was refused last; zero if none waits.
func (a *account) until(now time.Time, limit Amount) time.Time {
	if a.refused == nil {
		return time.Time{}
	}
	over := a.check(now, limit, Amount{}, *a.refused)
	if over == nil {
		return time.Time{}
	}
	return over.At
}

// Of returns the state of an account.
func (b *Books) Of(upstream, user string) State {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.accounts[keyOf(upstream, user)].state(b.now(), b.limits[upstream].Each)
}

// All returns the state of all accounts of an upstream together, and the number of accounts
// that have had a message refused and wait.
func (b *Books) All(upstream string) (all State, waiting int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now, limits := b.now(), b.limits[upstream]
	if limits.Each != (Amount{}) { // else none waits: all APPENDs need b.mu, and there may be thousands of accounts
		for k, a := range b.accounts {
			if k.upstream == upstream && !a.until(now, limits.Each).IsZero() {
				waiting++
			}
		}
	}
	return b.all[upstream].state(now, limits.All), waiting
}
