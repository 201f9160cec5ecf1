package ledger

import (
	"path/filepath"
	"testing"
)

// slowPeers take their time to hear of an attempt.
type slowPeers struct {
	Peers
	told   []State
	waited bool
}

func (p *slowPeers) Tell(s State) (wait func()) {
	p.told = append(p.told, s)
	return func() { p.waited = true }
}

func (p *slowPeers) TellSoon(Attempt) {}

// The peers hear of a message while Exchange is asked for it, and it goes up when they have heard.
func TestIntendTellsPeers(t *testing.T) {
	l := Open(Options{File: filepath.Join(t.TempDir(), "ledger.db")})
	t.Cleanup(l.Close)
	peers := new(slowPeers)
	l.Share(peers)
	j := l.Session(Session{ID: "one", Account: "bob"})
	m := &Message{Exchange: "Sent", Mark: Mark{UIDValidity: 9, Next: 7}}
	j.Begin(m)
	wait := j.Intend(m)
	if len(peers.told) != 1 || peers.told[0].Mark != m.Mark {
		t.Errorf("they are told %+v", peers.told)
	}
	if peers.waited {
		t.Error("Intend itself waits")
	}
	if wait(); !peers.waited {
		t.Error("it goes up before they have heard")
	}
}
