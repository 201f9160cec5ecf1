package guard

import (
	"fmt"
	"testing"
	"time"

	"exgate/backend"
	"exgate/proxy/testkit"
)

func TestProofsExcuse(t *testing.T) {
	clock := &testkit.Clock{T: time.Unix(0, 0)}
	p := NewProofs(nil)
	p.now = clock.Now
	right, wrong := backend.NewSecret("right"), backend.NewSecret("wrong")
	missed := func(password backend.Secret) bool { return p.Miss("", "admin", password) }
	if missed(right) {
		t.Error("a password that no server has accepted excuses a failure")
	}
	p.Add("", "admin", right, true)
	p.Add("", "admin", backend.Secret{}, true)
	if missed(wrong) || missed(backend.Secret{}) || p.Miss("", "bob", right) || p.Miss("other", "admin", right) {
		t.Error("the proof of one password excuses another login")
	}
	for i := range maxMisses {
		if !missed(right) {
			t.Fatalf("failure %d of a proven admin counts", i+1)
		}
	}
	if missed(right) {
		t.Error("the failures of a proven admin have no bound")
	}
	if missed(wrong) {
		t.Error("a wrong password is excused")
	}
	p.Add("", "admin", right, true)
	if !missed(right) {
		t.Error("after another success the failures count")
	}
	clock.Add(provenFor + time.Second)
	if missed(right) {
		t.Error("an old proof excuses a failure")
	}
	for i := range maxProofs + 10 {
		p.Add("", fmt.Sprint("user", i), right, true)
	}
	if len(p.proven) > maxProofs {
		t.Errorf("%d proofs are remembered", len(p.proven))
	}
}

// A full memory of proofs forgets the old ones first, and keeps those that it has when one of them is proven again.
func TestProofsMakeRoom(t *testing.T) {
	clock := &testkit.Clock{T: time.Unix(0, 0)}
	p := NewProofs(nil)
	p.now = clock.Now
	password := backend.NewSecret("right")
	fill := func(name string, n int) {
		for i := range n {
			p.Add("", fmt.Sprint(name, i), password, true)
		}
	}
	kept := func(name string, n int) (found int) {
		for i := range n {
			if p.Miss("", fmt.Sprint(name, i), password) {
				found++
			}
		}
		return found
	}
	fill("early", 6000)
	clock.Add(provenFor / 2)
	fill("late", maxProofs-6000)
	p.Add("", "late0", password, true)
	if n := kept("early", 6000) + kept("late", maxProofs-6000); n != maxProofs {
		t.Errorf("%d proofs are left", n)
	}
	clock.Add(provenFor/2 + time.Second)
	fill("new", 6000)
	if late, new := kept("late", maxProofs-6000), kept("new", 6000); late != maxProofs-6000 || new != 6000 {
		t.Errorf("%d and %d of the young proofs are left", late, new)
	}
	clock.Add(provenFor / 2)
	fill("newer", 4000)
	if newer := kept("newer", 4000); newer != 4000 || len(p.proven) != maxProofs {
		t.Errorf("%d of the youngest proofs are left, of %d", newer, len(p.proven))
	}
}

// BenchmarkProofs is a login that is proven, where more accounts log in than proofs are kept.
func BenchmarkProofs(b *testing.B) {
	for _, accounts := range []int{maxProofs / 2, 3 * maxProofs} {
		b.Run(fmt.Sprintf("accounts=%d", accounts), func(b *testing.B) {
			p := NewProofs(nil)
			password := backend.NewSecret("right")
			names := make([]string, accounts)
			for i := range names {
				names[i] = fmt.Sprintf("account%d@example.com", i)
				if i < maxProofs {
					p.Add("", names[i], password, true)
				}
			}
			for i := 0; b.Loop(); i++ {
				p.Add("", names[(maxProofs+i)%accounts], password, true)
			}
		})
	}
}
