package budget

import (
	"maps"
	"time"
)

// Peers are other gateways that store messages for the same accounts. Package cluster has some.
type Peers interface {
	// Losses counts how often the peers were lost: each time, they may have forgotten what they
	// were told. ok is false while they cannot be asked.
	Losses() (n int, ok bool)
	// Take changes what an account, and all accounts of its upstream, have used, if that keeps
	// to the limits. quarter is the one that changes; 0 is the present one. ok is false if the
	// peers cannot be asked.
	Take(upstream, user string, quarter int64, change Amount, limits Limits) (Taken, bool)
	// Tell tells of what an account has used, or all accounts of an upstream (user is ""): what
	// all gateways have known of, and what came since then, by quarter.
	Tell(upstream, user string, before, untold map[int64]Amount) (ok bool)
}

// Taken is the answer of peers.
type Taken struct {
	Fits      bool
	Quarter   int64 // that has changed
	Each, All map[int64]Amount
}

// Share has the books kept together with other gateways. The caller calls it before any other
// method.
func (b *Books) Share(peers Peers) { b.peers = peers }

// takeShared takes a share at the peers. isTaken is false if this gateway has to decide alone.
func (s *Share) takeShared(size int64) (over *Over, isTaken bool) {
	b := s.books
	if b.peers == nil || s.isAlone {
		return nil, false
	}
	limits := b.Limits(s.upstream)
	if !limits.HasAny() || !b.settle(s.upstream, s.user) {
		return nil, false
	}
	taken, ok := b.peers.Take(s.upstream, s.user, s.quarter, Amount{1, size}.minus(s.taken), limits)
	if !ok {
		return nil, false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	each, all := b.of(s.upstream, s.user)
	each.learn(taken.Each)
	all.learn(taken.All)
	if taken.Fits {
		each.refused, all.refused = nil, nil
		s.taken, s.quarter = Amount{1, size}, taken.Quarter
		return nil, true
	}
	over = s.over(size)
	return over, over != nil
}

// closeShared gives a share back to the peers, or leaves it with them.
func (s *Share) closeShared(spend bool) {
	b := s.books
	if !spend {
		change := Amount{}.minus(s.taken)
		if _, ok := b.peers.Take(s.upstream, s.user, s.quarter, change, Limits{}); ok {
			b.give(s, change)
		}
	}
	s.taken, s.quarter = Amount{}, 0
}

// give changes what this gateway knows of the peers' numbers.
func (b *Books) give(s *Share, change Amount) {
	b.mu.Lock()
	defer b.mu.Unlock()
	each, all := b.of(s.upstream, s.user)
	each.spent[s.quarter] = each.spent[s.quarter].plus(change)
	all.spent[s.quarter] = all.spent[s.quarter].plus(change)
}

// learn takes over what the peers know. Books.mu is held.
func (a *account) learn(spent map[int64]Amount) {
	a.spent = spent
	for q, n := range a.untold {
		a.spent[q] = a.spent[q].plus(n)
	}
}

// Settle tells the peers of all accounts of which they may not know.
func (b *Books) Settle() {
	b.mu.Lock()
	keys := make([]key, 0, len(b.accounts))
	for k := range b.accounts {
		keys = append(keys, k)
	}
	b.mu.Unlock()
	for _, k := range keys {
		if !b.settle(k.upstream, k.account) {
			return // and again when the peers are back
		}
	}
}

// settle tells the peers of an account, if they may not know of it, and reports whether they
// can be asked.
func (b *Books) settle(upstream, user string) (ok bool) {
	losses, ok := b.peers.Losses()
	if !ok {
		return false
	}
	b.mu.Lock()
	each, all := b.of(upstream, user)
	b.mu.Unlock()
	return b.tell(each, upstream, user, losses) && b.tell(all, upstream, "", losses)
}

// tell tells the peers of an account that has not told since the last loss.
func (b *Books) tell(a *account, upstream, user string, losses int) (ok bool) {
	b.mu.Lock()
	a.forget(b.now())
	isKnown := a.told > losses
	untold, before := maps.Clone(a.untold), make(map[int64]Amount, len(a.spent))
	for q, n := range a.spent {
		before[q] = n.minus(untold[q])
	}
	b.mu.Unlock()
	if isKnown {
		return true
	}
	if len(before) > 0 && !b.peers.Tell(upstream, user, before, untold) {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	a.told = max(a.told, losses+1)
	for q, n := range untold {
		if a.untold[q] = a.untold[q].minus(n); a.untold[q] == (Amount{}) {
			delete(a.untold, q)
		}
	}
	return true
}

// spendAlone notes that the peers do not know of what was stored. Books.mu is held.
func (a *account) spendAlone(at time.Time, n Amount) {
	if a.untold == nil {
		a.untold = make(map[int64]Amount)
	}
	q := quarterOf(at)
	a.untold[q] = a.untold[q].plus(n)
}
