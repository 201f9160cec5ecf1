package proxy

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"exgate/backend/exchangesim"
	"exgate/proxy/orders"
	"exgate/proxy/status"
	"exgate/proxy/testkit"
)

// A paused user's commands wait, with the client kept patient, and go on after the resumption.
func TestPause(t *testing.T) {
	for _, who := range []string{"ALICE", orders.Everybody} {
		t.Run(who, func(t *testing.T) {
			g := newGateway(t, shortWaits)
			c, u := g.login()
			if n, err := g.srv.Pause(who); n != 1 || err != nil {
				t.Errorf("pause: %d, %v", n, err)
			}
			c.C("a1 NOOP")
			c.until("* OK exgate: still working: " + pausedText)
			g.session("a paused session", inState(status.StatePaused))
			if got := strings.Join(g.srv.Snapshot().Paused, " "); got != strings.ToLower(who) {
				t.Errorf("paused: %q", got)
			}
			if n, err := g.srv.Resume(who); n != 1 || err != nil {
				t.Errorf("resume: %d, %v", n, err)
			}
			u.C("a1 NOOP")
			u.S("a1 OK done")
			c.until("a1 OK done")
		})
	}
}

// Another user's commands, a command in flight and a LOGOUT do not wait.
func TestPauseConcernsNothingElse(t *testing.T) {
	g := newGateway(t)
	c, u := g.login()
	if n, err := g.srv.Pause("bob"); n != 0 || err != nil {
		t.Errorf("pause: %d, %v", n, err)
	}
	c.C("a1 NOOP")
	u.C("a1 NOOP")
	if _, err := g.srv.Pause("alice"); err != nil {
		t.Error(err)
	}
	u.S("a1 OK done")
	c.S("a1 OK done")
	c.C("a2 LOGOUT")
	u.C("a2 LOGOUT")
	u.S("* BYE bye")
	u.S("a2 OK done")
	c.S("* BYE bye")
	c.S("a2 OK done")
	c.ends()
}

func TestPausedLoginAndAppend(t *testing.T) {
	g, sim := newSimulated(t, exchangesim.Config{}, withProfile(exchangeProfile), shortWaits)
	if _, err := g.srv.Pause("alice@example.com"); err != nil {
		t.Fatal(err)
	}
	c := g.dial()
	c.S("* OK …")
	c.C("a0 LOGIN alice@example.com alicepass")
	c.until("* OK exgate: still working: " + pausedText)
	if n := sim.Stats().Logins; n != 0 {
		t.Errorf("%d logins at Exchange during the pause", n)
	}
	resume := func() {
		t.Helper()
		if _, err := g.srv.Resume("alice@example.com"); err != nil {
			t.Error(err)
		}
	}
	resume()
	c.until("a0 OK …")
	if _, err := g.srv.Pause("alice@example.com"); err != nil {
		t.Fatal(err)
	}
	c.C("a1 APPEND INBOX {24+}")
	c.raw("Subject: x\r\n\r\ntext text.\r\n")
	c.until("* OK exgate: still working: " + pausedText)
	if n := g.session("a paused session", inState(status.StatePaused)).Stored; n != 0 {
		t.Errorf("%d messages stored during the pause", n)
	}
	resume()
	c.until("a1 OK …")
}

// Whatever ends a session ends it also during a pause.
func TestPauseEndsWithTheSession(t *testing.T) {
	for name, end := range map[string]struct {
		does func(g *gateway, c *client)
		says string
	}{
		"kick":  {func(g *gateway, _ *client) { g.srv.Kick("alice", false) }, "* BYE " + kicked},
		"drain": {func(g *gateway, _ *client) { g.srv.Drain(g.t.Context()) }, "* BYE exgate is stopping; log in again later"},
		"left":  {func(_ *gateway, c *client) { c.close() }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t)
			c, _ := g.login()
			if _, err := g.srv.Pause("alice"); err != nil {
				t.Fatal(err)
			}
			c.C("a1 NOOP")
			g.session("a paused session", inState(status.StatePaused))
			ended := make(chan struct{})
			go func() { defer close(ended); end.does(g, c) }()
			if end.says != "" {
				c.until(end.says)
				c.ends()
			}
			<-ended
			testkit.Eventually(t, "no session", func() bool { return len(g.srv.Snapshot().Sessions) == 0 })
		})
	}
}

func TestOrdersThatAreWrong(t *testing.T) {
	g := newGateway(t)
	nan, much, less := math.NaN(), 2e6, -1.0
	for name, order := range map[string]func() (int, error){
		"bob is not paused":              func() (int, error) { return g.srv.Resume("bob") },
		"bob has the configured pace":    func() (int, error) { return g.srv.Pace("bob", nil) },
		"NaN is not a pace":              func() (int, error) { return g.srv.Pace("bob", &nan) },
		"2e+06 is not a pace":            func() (int, error) { return g.srv.Pace("bob", &much) },
		"-1 is not a pace":               func() (int, error) { return g.srv.Pace("bob", &less) },
		"traces are kept in state_dir, ": func() (int, error) { return g.srv.Trace("bob", true) },
	} {
		if _, err := order(); err == nil || !strings.HasPrefix(err.Error(), name) {
			t.Errorf("got %v, want %s", err, name)
		}
	}
	if _, err := g.srv.Pause(orders.Everybody); err != nil {
		t.Error(err)
	}
	if _, err := g.srv.Resume("bob"); err == nil || !strings.Contains(err.Error(), "all users are paused") {
		t.Errorf("resume of one of all: %v", err)
	}
}

// The ordered pace is in force at once, for later sessions too, and until it is taken back.
func TestOrderedPace(t *testing.T) {
	prof := plainProfile
	prof.Pace.Each.Messages = 4
	g := newGateway(t, withProfile(prof))
	rates := func() (appends, fetches float64) {
		t.Helper()
		now := g.srv.Snapshot()
		if len(now.Accounts) != 1 {
			t.Fatalf("accounts: %+v", now.Accounts)
		}
		return now.Accounts[0].AppendPerSecond, now.Accounts[0].FetchPerSecond
	}
	expect := func(want float64) {
		t.Helper()
		if a, f := rates(); a != want || f != want {
			t.Errorf("%v and %v messages per second, want %v", a, f, want)
		}
	}
	c, _ := g.login()
	expect(4)
	for _, rate := range []float64{0.5, 0, 100} {
		if n, err := g.srv.Pace("Alice", &rate); n != 1 || err != nil {
			t.Errorf("pace: %d, %v", n, err)
		}
		expect(rate)
	}
	c.close()
	testkit.Eventually(t, "no session", func() bool { return len(g.srv.Snapshot().Sessions) == 0 })
	g.login()
	expect(100)
	if n, err := g.srv.Pace("alice", nil); n != 1 || err != nil {
		t.Errorf("the configured pace: %d, %v", n, err)
	}
	expect(4)
}

// withState gives the gateway a state directory.
func withState(dir string) func(*Options, *limits) {
	return func(o *Options, _ *limits) { o.State = dir }
}

// The trace of a user begins and ends while a session goes on, and never shows a secret.
func TestTraceOfAUser(t *testing.T) {
	for _, whole := range []bool{true, false} {
		name := "beside the trace of all"
		if !whole {
			name = "alone"
		}
		before := " E<S a2 OK done\n"
		if !whole { // its tag was not shown
			before = " E<S *** OK done\n"
		}
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			g := newGateway(t, withState(dir), func(o *Options, _ *limits) {
				if !whole {
					o.Trace = nil
				}
			})
			c, u := g.login()
			say := func(command string) {
				t.Helper()
				c.C(command)
				u.C(command)
				tag, _, _ := strings.Cut(command, " ")
				u.S(tag + " OK done")
				c.S(tag + " OK done")
			}
			say("a1 STATUS Before (MESSAGES)")
			// The line after a literal is hidden like the line before it, also if the trace begins between the two.
			c.C("a2 STATUS {6}")
			u.C("a2 STATUS {6}")
			u.S("+ go")
			c.S("+ go")
			if n, err := g.srv.Trace("ALICE", true); n != 1 || err != nil {
				t.Fatalf("trace: %d, %v", n, err)
			}
			if n, err := g.srv.Trace("alice", true); n != 1 || err != nil {
				t.Errorf("once more: %d, %v", n, err)
			}
			c.raw("Amidst (MESSAGES)\r\n")
			u.expect("Amidst (MESSAGES)")
			u.S("a2 OK done")
			c.S("a2 OK done")
			say("a3 STATUS During (MESSAGES)")
			c.C("a4 LOGIN alice topsecret")
			c.S("a4 BAD …")
			if n, err := g.srv.Trace("alice", false); n != 1 || err != nil {
				t.Errorf("trace off: %d, %v", n, err)
			}
			say("a5 STATUS After (MESSAGES)")
			files, err := os.ReadDir(filepath.Join(dir, "trace"))
			if err != nil || len(files) != 1 {
				t.Fatalf("files %v, %v", files, err)
			}
			text, err := os.ReadFile(filepath.Join(dir, "trace", files[0].Name()))
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range []string{" C>E a3 STATUS During (MESSAGES)\n", " E>S a3 STATUS During (MESSAGES)\n",
				" E<S a3 OK done\n", before, " C>E *** LOGIN *** (24 bytes)\n", " C<E *** BAD "} {
				if !strings.Contains(string(text), want) {
					t.Errorf("%q is not in the trace:\n%s", want, text)
				}
			}
			for _, secret := range []string{"Before", "After", "secret"} {
				if strings.Contains(string(text), secret) {
					t.Errorf("%q is in the trace:\n%s", secret, text)
				}
			}
			if _, err := g.srv.Trace("alice", false); err == nil {
				t.Error("the trace of a user who is not traced ends")
			}
		})
	}
}

// The trace of a later session begins after its login, of which it shows nothing.
func TestTraceOfLaterSessions(t *testing.T) {
	dir := t.TempDir()
	g := newGateway(t, withState(dir), func(o *Options, _ *limits) { o.Trace = nil })
	if n, err := g.srv.Trace("alice", true); n != 0 || err != nil {
		t.Fatalf("trace: %d, %v", n, err)
	}
	c, u := g.login()
	c.C("a1 NOOP")
	u.C("a1 NOOP")
	u.S("a1 OK done")
	c.S("a1 OK done")
	c.close()
	testkit.Eventually(t, "no session", func() bool { return len(g.srv.Snapshot().Sessions) == 0 })
	file := g.logged("the trace of a session begins")["file"].(string)
	text, err := os.ReadFile(file)
	if err != nil || !strings.Contains(string(text), "C>E a1 NOOP\n") || strings.Contains(string(text), "secret") {
		t.Errorf("%v:\n%s", err, text)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

// A trace that cannot be written keeps nobody from working.
func TestTraceThatCannotBeWritten(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "trace"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	g := newGateway(t, withState(dir))
	c, u := g.login()
	if _, err := g.srv.Trace("alice", true); err == nil {
		t.Error("no error")
	}
	c.C("a1 NOOP")
	u.C("a1 NOOP")
	u.S("a1 OK done")
	c.S("a1 OK done")
}
