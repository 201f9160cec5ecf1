package guard

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"exgate/backend"
	"exgate/proxy/testkit"
)

func TestGuesses(t *testing.T) {
	clock := &testkit.Clock{T: time.Unix(0, 0)}
	g := NewGuesses(nil)
	g.now = clock.Now
	g.SetLimit(20)
	try := func(name, address string, how Outcome) time.Duration {
		t.Helper()
		who := Guess{address: address, name: name}
		refused, err := g.Enter(t.Context(), who)
		if err != nil {
			t.Fatal(err)
		}
		if refused == 0 {
			g.Leave(who, how)
		}
		return refused
	}
	passed := func(n int, name func(int) string, address func(int) string) (through int) {
		for i := range n {
			if try(name(i), address(i), Failed) == 0 {
				through++
			}
		}
		return through
	}
	same := func(s string) func(int) string { return func(int) string { return s } }
	numbered := func(prefix string) func(int) string { return func(i int) string { return fmt.Sprint(prefix, i) } }

	if n := passed(1000, same("bob"), same("192.0.2.1")); n != 5 {
		t.Errorf("one name from one address: %d passed", n)
	}
	if n := passed(1000, numbered("user"), same("192.0.2.1")); n != 15 {
		t.Errorf("many names from the same address: %d passed more", n)
	}
	if try("bob", "192.0.2.2", Succeeded) != 0 {
		t.Error("guesses at one address keep the name out at another address")
	}
	if n := passed(1000, same("bob"), numbered("198.51.100.")); n != 45 {
		t.Errorf("one name from many addresses: %d passed more", n)
	}
	if try("bob", "192.0.2.2", Succeeded) != 0 {
		t.Error("a name is refused at an address where it has logged in before")
	}
	if wait := try("bob", "192.0.2.3", Succeeded); wait <= 0 || wait > ForgiveAfter {
		t.Errorf("at an unknown address the name is refused for %s", wait)
	}
	clock.Add(ForgiveAfter)
	if try("bob", "192.0.2.3", Succeeded) != 0 {
		t.Error("no failure is forgiven after a minute")
	}
	if n := passed(1000, same("bob"), same("192.0.2.1")); n != 1 {
		t.Errorf("after a minute %d passed", n)
	}
	clock.Add(time.Hour)
	for range 10 { // a failure and then a success never add up
		if try("alice", "192.0.2.1", Failed)+try("alice", "192.0.2.1", Succeeded) != 0 {
			t.Error("a user who mistypes now and then is refused")
		}
	}
	g.SetLimit(0)
	if n := passed(1000, same("bob"), same("192.0.2.1")); n != 1000 {
		t.Errorf("without a bound %d passed", n)
	}
}

// Many logins at once do not pass the bound before the first has failed.
func TestGuessesAtOnce(t *testing.T) {
	g := NewGuesses(nil)
	g.SetLimit(8)
	var mu sync.Mutex
	asked, most, passed := 0, 0, 0
	var all sync.WaitGroup
	for range 200 {
		all.Go(func() {
			who := Guess{address: "192.0.2.1", name: "bob"}
			refused, err := g.Enter(t.Context(), who)
			if err != nil || refused > 0 {
				return
			}
			mu.Lock()
			asked++
			passed++
			most = max(most, asked)
			mu.Unlock()
			mu.Lock()
			asked--
			mu.Unlock()
			g.Leave(who, Failed)
		})
	}
	all.Wait()
	if passed != 2 || most > 2 {
		t.Errorf("%d passed, %d at once", passed, most)
	}
	// All successful logins pass.
	for range 50 {
		all.Go(func() {
			who := Guess{address: "192.0.2.9", name: "alice"}
			if refused, err := g.Enter(t.Context(), who); err != nil || refused > 0 {
				t.Errorf("refused for %s, %v", refused, err)
			}
			g.Leave(who, Succeeded)
		})
	}
	all.Wait()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	who := Guess{address: "192.0.2.7", name: "carol"}
	for range 2 {
		if _, err := g.Enter(t.Context(), who); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := g.Enter(ctx, who); err == nil {
		t.Error("Enter does not wait for logins without an outcome")
	}
	if len(g.pending) != 3 {
		t.Errorf("logins without an outcome: %v", g.pending)
	}
}

func TestGuessesAreBounded(t *testing.T) {
	g := NewGuesses(nil)
	g.SetLimit(20)
	for i := range MaxGuesses {
		who := Guess{address: fmt.Sprint(i), name: fmt.Sprint("user", i)}
		if _, err := g.Enter(t.Context(), who); err != nil {
			t.Fatal(err)
		}
		g.Leave(who, Failed)
	}
	if n := len(g.failed); n > MaxGuesses {
		t.Errorf("%d counts", n)
	}
}

func TestNewGuess(t *testing.T) {
	for address, want := range map[string]Guess{
		"192.0.2.1:1234":              {address: "192.0.2.1", name: "bob"},
		"[::ffff:192.0.2.1]:5":        {address: "192.0.2.1", name: "bob"},
		"[2001:db8:1:2:3:4:5:6]:9":    {address: "2001:db8:1:2::", network: "2001:db8:1::/48", name: "bob"},
		"[2001:db8:1:ffff:3:4:5:6]:9": {address: "2001:db8:1:ffff::", network: "2001:db8:1::/48", name: "bob"},
		"[fe80::1%eth0]:9":            {address: "fe80::", network: "fe80::/48", name: "bob"},
	} {
		g := NewGuess(resolve(t, address), "Bob")
		if want.id = g.id; g != want {
			t.Errorf("%s: %+v", address, g)
		}
	}
	long := strings.Repeat("n", 3950)
	g, other := NewGuess(resolve(t, "192.0.2.1:1"), long+"a"), NewGuess(resolve(t, "192.0.2.1:1"), long+"b")
	if len(g.name) > maxName || g.name == other.name {
		t.Errorf("long names are kept as %q and %q", g.name, other.name)
	}
}

func resolve(t *testing.T, address string) net.Addr {
	t.Helper()
	tcp, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return tcp
}

// One /48 has 65,536 addresses as they are counted, and cannot fail on each of them.
func TestGuessesFromOneNetwork(t *testing.T) {
	g := NewGuesses(nil)
	clock := &testkit.Clock{T: time.Unix(0, 0)}
	g.now = clock.Now
	g.SetLimit(20)
	passed := 0
	for i := range 1000 {
		who := NewGuess(resolve(t, fmt.Sprintf("[2001:db8:1:%x::1]:9", i)), fmt.Sprint("user", i))
		refused, err := g.Enter(t.Context(), who)
		if err != nil {
			t.Fatal(err)
		}
		if refused == 0 {
			g.Leave(who, Failed)
			passed++
		}
	}
	if passed != 20*failuresPerNetwork {
		t.Errorf("%d passed", passed)
	}
	who := NewGuess(resolve(t, "[2001:db8:2::1]:9"), "bob")
	if refused, err := g.Enter(t.Context(), who); err != nil || refused > 0 {
		t.Errorf("another network is refused for %s, %v", refused, err)
	}
}

func TestConnectionsOfOneNetwork(t *testing.T) {
	var a Addresses
	a.SetLimit(1)
	var leaves []func()
	for i := range 1000 {
		if leave, ok := a.Enter(resolve(t, fmt.Sprintf("[2001:db8:1:%x::1]:9", i))); ok {
			leaves = append(leaves, leave)
		}
	}
	if len(leaves) != connectionsPerNetwork {
		t.Errorf("%d connections", len(leaves))
	}
	for _, leave := range leaves {
		leave()
	}
	if len(a.open) != 0 {
		t.Errorf("still open: %v", a.open)
	}
}

func TestProofs(t *testing.T) {
	p := NewProofs(nil)
	clock := &testkit.Clock{T: time.Unix(0, 0)}
	p.now = clock.Now
	right, wrong := backend.NewSecret("right"), backend.NewSecret("wrong")
	p.Add("old", "admin", right, true)
	p.Add("old", "carol", backend.Secret{}, true)
	for _, tt := range []struct {
		server, account string
		password        backend.Secret
		want            bool
	}{
		{"old", "admin", right, true}, {"old", "admin", wrong, false}, {"old", "bob", right, false}, {"new", "admin", right, false},
		{"old", "carol", backend.Secret{}, false}, {"ol", "dadmin", right, false},
	} {
		if p.Miss(tt.server, tt.account, tt.password) != tt.want {
			t.Errorf("%s at %s: not %v", tt.account, tt.server, tt.want)
		}
	}
	clock.Add(provenFor + 1)
	if p.Miss("old", "admin", right) {
		t.Error("a proof lasts for ever")
	}
	for i := range maxProofs + 10 {
		p.Add("old", fmt.Sprint(i), right, true)
	}
	if n := len(p.proven); n > maxProofs {
		t.Errorf("%d proofs", n)
	}
}

// What the peers knew before a login succeeded does not bring its failures back.
func TestLearnAfterSuccess(t *testing.T) {
	clock := &testkit.Clock{T: time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC)}
	g := NewGuesses(nil)
	g.now = clock.Now
	g.SetLimit(10)
	key := "bob at an address"
	asked := g.Now()
	clock.Add(time.Second)
	g.Forgive(key)
	if g.Learn(key, 5, asked); g.failures(key) != 0 {
		t.Errorf("%v failures from before", g.failures(key))
	}
	clock.Add(time.Second)
	if g.Learn(key, 5, g.Now()); g.failures(key) != 5 {
		t.Errorf("%v failures, want 5", g.failures(key))
	}
}
