package proxy

import (
	"strings"
	"testing"
	"time"

	"exgate/backend"
	"exgate/config/profile"
	"exgate/proxy/routing"
	"exgate/proxy/testkit"
)

// asksReady asks whether the gateway is ready, beside the test's goroutine.
func (g *gateway) asksReady() <-chan error {
	answer := make(chan error, 1)
	go func() { answer <- g.srv.Ready() }()
	return answer
}

// Without a session, exgate looks whether the upstream greets, and believes what it has seen for a while.
func TestReadyLooks(t *testing.T) {
	g := newGateway(t, func(_ *Options, l *limits) { l.Reachable, l.Unreachable = time.Hour, 0 })
	answer := g.asksReady()
	g.accept().S("* BYE Exchange starts")
	if err := <-answer; err == nil || !strings.Contains(err.Error(), "no upstream can be reached: ") ||
		!strings.Contains(err.Error(), "Exchange starts") {
		t.Errorf("an upstream that says BYE: %v", err)
	}
	answer = g.asksReady() // a failure counts for no time here
	g.accept().S("* OK ready")
	if err := <-answer; err != nil {
		t.Errorf("an upstream that greets: %v", err)
	}
	g.up.Close()
	if err := g.srv.Ready(); err != nil {
		t.Errorf("the success is forgotten: %v", err)
	}
}

func TestReadyWithASession(t *testing.T) {
	g := newGateway(t, func(_ *Options, l *limits) { l.Unreachable = time.Hour })
	c, _ := g.login()
	g.up.Close() // no other connection can be made
	if err := g.srv.Ready(); err != nil {
		t.Errorf("with a live session: %v", err)
	}
	c.close()
	testkit.Eventually(t, "no session", func() bool { return len(g.srv.Snapshot().Sessions) == 0 })
	for range 2 {
		if err := g.srv.Ready(); err == nil || !strings.Contains(err.Error(), "connection refused") {
			t.Errorf("without: %v", err)
		}
	}
	g.srv.Drain(t.Context())
	if err := g.srv.Ready(); err == nil || !strings.Contains(err.Error(), "is stopping") {
		t.Errorf("draining: %v", err)
	}
}

// One upstream of several is enough, and a silent one holds nobody up.
func TestReadyWithOneOfSeveral(t *testing.T) {
	silent, gone := testkit.Listen(t), testkit.Listen(t)
	defer silent.Close()
	gone.Close()
	further := func(name, address string) routing.Upstream {
		return routing.Upstream{Name: name, Match: []string{name}, Profile: "plain",
			Profiles: func(string) profile.Profile { return plainProfile },
			Backend:  backend.Options{Address: address, TLS: backend.TLSInsecureNone}}
	}
	g := newGateway(t, func(o *Options, l *limits) {
		o.Upstreams = append(o.Upstreams, further("silent", silent.Addr().String()), further("gone", gone.Addr().String()))
		l.Reach, l.Unreachable = time.Minute, 0
	})
	answer := g.asksReady()
	g.accept().S("* OK ready")
	if err := <-answer; err != nil {
		t.Errorf("one of three: %v", err)
	}
}
