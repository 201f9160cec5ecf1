package slots

import "slices"

// Leases are where several gateways count the slots that they have. Package cluster has some.
type Leases interface {
	// Wake has Settle called soon, by one goroutine at a time. The pool's lock is held.
	Wake(p *Pool)
	// Take counts one more slot of this gateway, and reports whether the limits allow it to all gateways together. If
	// not, nothing is counted.
	Take(c Claim) bool
	// Tell says how many slots this gateway has. ok is false if that must be said again, after Retell.
	Tell(c Claim) (ok bool)
	// Gateways returns the number of gateways. Each of them may open a side connection.
	Gateways() int
}

// Claim is what a gateway has of the slots of an account and a login.
type Claim struct {
	Account, Login         string
	OfAccount, OfLogin     int // slots of this gateway; of Take, with the one that is taken
	MostAccount, MostLogin int // of all gateways together; 0: no limit
}

// pair is an account with a login.
type pair struct{ account, login string }

func (s *Slot) pair() pair { return pair{s.account, s.login} }

// isShared reports whether other gateways count, too. p.mu is held.
func (p *Pool) isShared() bool {
	return p.leases != nil && (p.limits.PerAccount > 0 || p.limits.PerLogin > 0)
}

// claim returns what the gateway has for a pair, and more. p.mu is held.
func (p *Pool) claim(of pair, more int) Claim {
	account, login := p.most()
	return Claim{
		Account: of.account, OfAccount: p.byAccount[of.account] + more,
		Login: of.login, OfLogin: p.byLogin[of.login] + more,
		MostAccount: account, MostLogin: login,
	}
}

// Retell has the leases told of all slots in use, since they may have been forgotten.
func (p *Pool) Retell() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forgetTold()
	p.grant()
}

// forgetTold notes that the leases know of no slot. p.mu is held.
func (p *Pool) forgetTold() {
	if !p.isShared() {
		return
	}
	for s := range p.inUse {
		p.untold[s.pair()] = struct{}{}
	}
}

// Settle tells the leases what has changed, and gives slots to waiters for whom the leases have room. Only Leases call
// it, from one goroutine. It holds no lock while it waits for the leases.
func (p *Pool) Settle() {
	refused := make(map[pair]bool)
	for {
		p.tell()
		w, claim := p.next(refused)
		if w == nil {
			return
		}
		if !p.leases.Take(claim) {
			refused[w.slot.pair()] = true
			continue
		}
		p.mu.Lock()
		if i := slices.Index(p.queue, w); i >= 0 {
			p.queue = slices.Delete(p.queue, i, i+1)
			p.give(w)
		} else { // the waiter has left meanwhile
			p.untold[w.slot.pair()] = struct{}{}
		}
		p.mu.Unlock()
	}
}

// tell tells the leases of the slots that have changed.
func (p *Pool) tell() {
	p.mu.Lock()
	var claims []Claim
	for of := range p.untold {
		claims = append(claims, p.claim(of, 0))
		delete(p.untold, of)
	}
	p.mu.Unlock()
	for _, c := range claims {
		if !p.leases.Tell(c) {
			p.mu.Lock()
			p.untold[pair{c.Account, c.Login}] = struct{}{}
			p.mu.Unlock()
		}
	}
}

// next returns the first waiter for whom there may be room, patient ones last; nil if there is none.
func (p *Pool) next(refused map[pair]bool) (*Waiter, Claim) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, isPatient := range []bool{false, true} {
		for _, w := range p.queue {
			if w.isPatient == isPatient && !refused[w.slot.pair()] && p.hasRoom(w.slot) {
				return w, p.claim(w.slot.pair(), 1)
			}
		}
	}
	return nil, Claim{}
}
