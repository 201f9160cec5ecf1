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
