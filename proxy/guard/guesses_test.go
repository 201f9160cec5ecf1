package guard

import (
	"context"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"exgate/backend"
	"exgate/proxy/testkit"
)

func TestGuesses(t *testing.T) {
	clock := &testkit.Clock{T: time.Unix(0, 0)}
	g := NewGuesses()
	g.now = clock.Now
	g.SetLimit(20)
	try := func(name, address string, how Outcome) time.Duration {
		t.Helper()
		who := Guess{address, name}
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
	if wait := try("bob", "192.0.2.3", Succeeded); wait <= 0 || wait > forgiveAfter {
		t.Errorf("at an unknown address the name is refused for %s", wait)
	}
	clock.Add(forgiveAfter)
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
	g := NewGuesses()
	g.SetLimit(8)
	var mu sync.Mutex
	asked, most, passed := 0, 0, 0
	var all sync.WaitGroup
	for range 200 {
		all.Go(func() {
			who := Guess{"192.0.2.1", "bob"}
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
			who := Guess{"192.0.2.9", "alice"}
			if refused, err := g.Enter(t.Context(), who); err != nil || refused > 0 {
				t.Errorf("refused for %s, %v", refused, err)
			}
			g.Leave(who, Succeeded)
		})
	}
	all.Wait()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	who := Guess{"192.0.2.7", "carol"}
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
	g := NewGuesses()
	g.SetLimit(20)
	for i := range maxGuesses {
		who := Guess{fmt.Sprint(i), fmt.Sprint("user", i)}
		if _, err := g.Enter(t.Context(), who); err != nil {
			t.Fatal(err)
		}
		g.Leave(who, Failed)
	}
	if n := len(g.failed); n > maxGuesses {
		t.Errorf("%d counts", n)
	}
}

func TestNewGuess(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.1:1234": "192.0.2.1", "[::ffff:192.0.2.1]:5": "192.0.2.1",
		"[2001:db8:1:2:3:4:5:6]:9": "2001:db8:1:2::", "[fe80::1%eth0]:9": "fe80::",
	} {
		tcp, err := net.ResolveTCPAddr("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		if g := NewGuess(tcp, backend.Claim{Authcid: "Bob"}); g.address != want || g.name != "bob" {
			t.Errorf("%s: %+v", address, g)
		}
	}
}
