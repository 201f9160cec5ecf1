package survey

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"exgate/backend"
	"exgate/backend/exchangesim"
)

// What happens to the server in the midst of a survey does not change what is found.
func TestFaults(t *testing.T) {
	for _, tt := range []struct{ name, fault string }{
		{"connections lost after some bytes", "cut:SEARCH:1"},
		{"a FETCH cut", "cut:FETCH:1"},
		{"BYE in place of a reply", "bye:14:CREATE:1"},
		{"a lost reply to APPEND", "lost-append-reply:1"},
		{"an APPEND throttled", "throttle:20ms:3"},
		{"the account throttled", "throttle-account:bob:50ms:no"},
		{"throttled, and closed", "throttle-account:bob:50ms:bad-bye"},
		{"slow replies", "slow:5ms"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := simulate(t, exchangesim.Config{Profile: "exchange2013", Faults: []string{tt.fault}})
			o, state := w.options(), &State{}
			o.WrongPassword = false
			if err := Run(t.Context(), o, state); err != nil {
				t.Fatal(err)
			}
			w.compare(state)
			w.clean()
		})
	}
}

// A throttle that does not end stops the survey. The next run goes on where it ended, and removes what was left.
func TestThrottledForLong(t *testing.T) {
	w := simulate(t, exchangesim.Config{})
	o, state := w.options(), &State{}
	o.MaxBackoff = time.Millisecond
	saved := 0
	o.Save = func(*State) error {
		if saved++; saved == 11 { // the first saves the name of the folder
			return w.server.AddFault("throttle-account:bob:1h:no")
		}
		return nil
	}
	if err := Run(t.Context(), o, state); !errors.Is(err, errThrottled) {
		t.Fatalf("the error is %v", err)
	}
	found := len(state.Findings)
	if found < 10 || found == len(table()) {
		t.Fatalf("%d findings", found)
	}
	w.server.ClearFaults()
	o.Save = func(*State) error { return nil }
	if err := Run(t.Context(), o, state); err != nil {
		t.Fatal(err)
	}
	w.compare(state)
	w.clean()
}

// An interrupted survey removes its folders, and the next run asks only what is missing.
func TestInterrupted(t *testing.T) {
	w := simulate(t, exchangesim.Config{})
	file := filepath.Join(t.TempDir(), "state.json")
	state, err := Load(file, "account")
	if err != nil {
		t.Fatal(err)
	}
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	o := w.options()
	o.Save = func(s *State) error {
		if len(s.Findings) == 20 {
			interrupt()
		}
		return s.Store(file)
	}
	if err := Run(ctx, o, state); !errors.Is(err, context.Canceled) {
		t.Fatalf("the error is %v", err)
	}
	w.clean()
	if state, err = Load(file, "account"); err != nil || len(state.Findings) < 20 {
		t.Fatalf("%d findings, %v", len(state.Findings), err)
	}
	asked := 0
	o.Progress = func(format string, _ ...any) {
		if strings.HasPrefix(format, "%d of %d") {
			asked++
		}
	}
	had := len(state.Findings)
	if err := Run(t.Context(), o, state); err != nil {
		t.Fatal(err)
	}
	if want := len(table()) - had; asked != want {
		t.Errorf("the second run asked %d questions, want %d", asked, want)
	}
	w.compare(state)
	if _, err := Load(file, "another"); err == nil {
		t.Error("the state of another login is taken")
	}
}

// The folders of a run that was killed are removed, whatever else is there stays.
func TestKilled(t *testing.T) {
	w := simulate(t, exchangesim.Config{})
	for _, name := range []string{"exgate-survey-20250101-000000", "exgate-survey-mine", "Files"} {
		if err := w.server.MakeFolder("bob", name); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.server.MakeFolder("bob", "exgate-survey-20250101-000000", "nnn"); err != nil {
		t.Fatal(err)
	}
	state := &State{Made: []string{"Files"}}
	if err := Run(t.Context(), w.options(), state); err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, name := range w.server.Mailboxes("bob") {
		if strings.HasPrefix(name, "exgate") || name == "Files" {
			left = append(left, name)
		}
	}
	if len(left) != 1 || left[0] != "exgate-survey-mine" {
		t.Errorf("the folders %q are left", left)
	}
}

// The survey spares lock-outs and the budget of errors: no wrong password unless it is told, and never ten errors on a
// connection but where it looks for them.
func TestSpares(t *testing.T) {
	w := simulate(t, exchangesim.Config{Profile: "exchange2010"})
	o, state := w.options(), &State{}
	o.WrongPassword, o.Other = false, nil
	var failed int
	o.Progress = func(string, ...any) {}
	if err := Run(t.Context(), o, state); err != nil {
		t.Fatal(err)
	}
	for _, f := range state.Findings {
		for _, line := range f.Words {
			if strings.Contains(line, "LOGIN failed") || strings.Contains(line, "AUTHENTICATE failed") {
				failed++
			}
			if f.ID != "EX-02" && f.ID != "EX-06" && strings.Contains(line, "BYE Connection closed. 14") {
				t.Errorf("%s: %s", f.ID, line)
			}
		}
	}
	if failed > 0 {
		t.Errorf("%d logins failed", failed)
	}
}

// Login failures end the survey, and are not repeated.
func TestLoginRefused(t *testing.T) {
	for _, tt := range []struct {
		name, password, fault string
		kind                  backend.Kind
	}{
		{"a wrong password", "wrong", "", backend.KindCredentials},
		// May be a wrong password, too: Exchange gives no reason.
		{"not available", "bobpass", "refuse:LOGIN:9:NO Server Unavailable. 15", backend.KindLoginUnavailable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := exchangesim.Config{}
			if tt.fault != "" {
				c.Faults = []string{tt.fault}
			}
			w := simulate(t, c)
			o := w.options()
			o.Credential.Password = backend.NewSecret(tt.password)
			if err := Run(t.Context(), o, &State{}); backend.FailureOf(err).Kind != tt.kind {
				t.Errorf("the error is %v", err)
			}
			if n := w.refusedLogins(); n != 1 {
				t.Errorf("%d logins were refused", n)
			}
		})
	}
}

// A wrong password is tried once, and only if it is allowed.
func TestWrongPasswordOnce(t *testing.T) {
	for _, allowed := range []bool{true, false} {
		w := simulate(t, exchangesim.Config{})
		o, state := w.options(), &State{}
		o.WrongPassword, o.Other = allowed, nil
		for range 2 { // the second run has nothing to ask
			if err := Run(t.Context(), o, state); err != nil {
				t.Fatal(err)
			}
		}
		want := 0
		if allowed {
			want = 1
		}
		if n := w.refusedLogins(); n != want {
			t.Errorf("%d logins were refused, want %d", n, want)
		}
		if f, _ := state.Find("M-02"); allowed && f.Answer != Yes || !allowed && f.Answer != Unknown {
			t.Errorf("the finding is %s", f.short())
		}
	}
}

// refusedLogins counts the logins that failed.
func (w *world) refusedLogins() int {
	stats := w.server.Stats()
	return stats.Commands["LOGIN"] + stats.Commands["AUTHENTICATE"] - stats.Logins
}

// Connections that are lost at random make no finding wrong: at worst it is unknown, and the next run asks again.
func TestLostAtRandom(t *testing.T) {
	for _, seed := range []int{1, 2, 3} {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			w := simulate(t, exchangesim.Config{
				Profile: "exchange-online", Faults: []string{fmt.Sprintf("random:%d:0.02:cut,cut-reply,half-close", seed)},
			})
			o, state := w.options(), &State{}
			o.Idle = 0
			for range 20 {
				if err := Run(t.Context(), o, state); err == nil {
					break
				}
			}
			w.server.ClearFaults()
			state.Forget()
			if err := Run(t.Context(), w.options(), state); err != nil {
				t.Fatal(err)
			}
			w.compare(state)
			w.clean()
		})
	}
}

// A second survey of one mailbox is refused, whether the first one is at work, or begins at the same time. It leaves the
// folder of the first one alone.
func TestTwoAtOnce(t *testing.T) {
	const other = prefix + "20261129-120000"
	at := func(clock string) func() time.Time {
		now, err := time.Parse(time.RFC3339, "2026-11-29T"+clock+"Z")
		if err != nil {
			t.Fatal(err)
		}
		return func() time.Time { return now }
	}
	for _, tt := range []struct {
		name    string
		now     func() time.Time
		made    []string // by this survey's earlier run
		before  bool     // the folder is there before this survey begins; otherwise it comes before its own
		refused string   // what the error says; "": the survey is not refused
		left    bool     // the folder is there afterwards
	}{
		{"one is at work", at("13:59:00"), nil, true, "wait until 14:00 UTC", true},
		{"the other clock is ahead", at("11:50:00"), nil, true, "another survey is at work", true},
		{"one was killed long ago", at("14:00:00"), nil, true, "", false},
		{"this one was killed", at("12:01:00"), []string{other}, true, "", false},
		{"both begin, and the other is first", at("12:00:01"), nil, false, "another survey is at work", true},
		{"both begin, and this one is first", at("11:59:59"), nil, false, "", true},
		{"both begin in one second", at("12:00:00"), nil, false, "cannot create the survey's folder", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := simulate(t, exchangesim.Config{})
			o, state := w.options(), &State{Made: tt.made}
			for _, p := range table() { // nothing is left to ask
				state.add(Finding{ID: p.id, Answer: Unknown})
			}
			begun := false
			begin := func() {
				if begun {
					return
				}
				begun = true
				if err := w.server.MakeFolder("bob", other); err != nil {
					t.Error(err)
				}
			}
			if tt.before {
				begin()
			}
			o.Now, o.Save = tt.now, func(*State) error { begin(); return nil }
			err := Run(t.Context(), o, state)
			if tt.refused == "" && err != nil || tt.refused != "" && (err == nil || !strings.Contains(err.Error(), tt.refused)) {
				t.Errorf("the error is %v", err)
			}
			var left []string
			for _, name := range w.server.Mailboxes("bob") {
				if strings.HasPrefix(name, prefix) {
					left = append(left, name)
				}
			}
			if want := map[bool]string{true: other}[tt.left]; strings.Join(left, " ") != want {
				t.Errorf("the folders %q are left, want %q", left, want)
			}
		})
	}
}

// A message that FETCH shows, but not what was asked for, is not waited for.
func TestNoLag(t *testing.T) {
	w := simulate(t, exchangesim.Config{Quirks: []string{"missing-data", "no-substitute"}})
	o := w.options()
	var waited time.Duration
	o.Wait = func(ctx context.Context, d time.Duration) error { waited += d; return ctx.Err() }
	state := &State{}
	for _, p := range table() {
		if p.id != "EX-25" {
			state.add(Finding{ID: p.id, Answer: Unknown})
		}
	}
	if err := Run(t.Context(), o, state); err != nil {
		t.Fatal(err)
	}
	if f, _ := state.Find("EX-25"); f.Answer != Yes || waited > 0 {
		t.Errorf("the survey has waited for %s, and found %s", waited, f.short())
	}
}

// A person is told of the wait for a message that lags, and all waits of a run have a limit.
func TestLagIsBounded(t *testing.T) {
	w := simulate(t, exchangesim.Config{Faults: []string{"lagging-fetch:1h"}})
	o := w.options()
	var waited time.Duration
	var told []string
	o.Wait = func(ctx context.Context, d time.Duration) error { waited += d; return ctx.Err() }
	o.Now = func() time.Time { return time.Now().Add(waited) }
	o.Progress = func(format string, args ...any) { told = append(told, fmt.Sprintf(format, args...)) }
	o.Idle, o.Other = 0, nil
	if err := Run(t.Context(), o, &State{}); err != nil {
		t.Fatal(err)
	}
	all := strings.Join(told, "\n")
	if !strings.Contains(all, "waiting up to 45s") || !strings.Contains(all, "still waiting, 35s at most") {
		t.Errorf("the person is told %s", all)
	}
	if waited < lagLimit || waited > lagBudget+time.Minute {
		t.Errorf("the survey has waited for %s", waited)
	}
}
