package survey

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"exgate/backend"
	"exgate/backend/exchangesim"
	"exgate/config/profile"
)

// world is a simulated server, and a person who looks in Outlook.
type world struct {
	t      *testing.T
	server *exchangesim.Server
	addr   string
	ahead  atomic.Int64 // how far the simulated clock is ahead
}

func simulate(t *testing.T, c exchangesim.Config) *world {
	t.Helper()
	w := &world{t: t}
	c.Now = func() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) }
	server, err := exchangesim.New(c)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l, exchangesim.ImplicitTLS) }()
	t.Cleanup(func() {
		server.Close()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	w.server, w.addr = server, l.Addr().String()
	if err := server.MakeFolder("bob", "Public Folders"); err != nil { // what EX-85 is about
		t.Fatal(err)
	}
	return w
}

// options survey bob's mailbox, with everything allowed.
func (w *world) options() Options {
	w.t.Helper()
	roots, err := w.server.RootCAs()
	if err != nil {
		w.t.Fatal(err)
	}
	profileOf := func(e backend.Evidence) profile.Profile {
		name, _ := backend.Detect(e)
		return profile.Named(name)
	}
	up, err := backend.NewUpstream(backend.Options{
		Address: w.addr, RootCAs: roots, ServerName: "localhost",
		Login: backend.LoginOptions{Domains: []string{exchangesim.Domain}, UPN: exchangesim.UPNSuffix},
	}, func(e backend.Evidence) backend.Choice {
		forms := backend.FormsFor(e, profileOf(e).Forms, profile.Named(profile.Online).Forms)
		return backend.Choice{Forms: forms, Verify: true, Identify: true}
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return Options{
		Upstream: up, Identity: backend.Identity{User: "bob@example.com", AsSent: "bob@example.com"},
		Credential: backend.Credential{Password: backend.NewSecret("bobpass")},
		Profile:    profileOf, Connections: 5, Idle: 11 * time.Minute, News: 2 * time.Second,
		Other:      &backend.Identity{User: "alice", Admin: "bob", Domain: exchangesim.Domain},
		MaxBackoff: time.Minute, WrongPassword: true, Ask: w.ask, Now: time.Now,
		Progress: func(format string, args ...any) { w.t.Logf(format, args...) },
		Save:     func(*State) error { return nil },
		Wait: func(ctx context.Context, d time.Duration) error {
			if d >= time.Minute {
				w.ahead.Add(int64(d))
				return ctx.Err()
			}
			return backend.Sleep(ctx, d)
		},
	}
}

// ask looks where the question says.
func (w *world) ask(_ context.Context, question string) (Answer, error) {
	_, rest, _ := strings.Cut(question, "the folder "+prefix)
	folder := prefix + strings.FieldsFunc(rest, func(r rune) bool { return r != '-' && (r < '0' || r > '9') })[0]
	yes := func(b bool) (Answer, error) { return answer(b).Answer, nil }
	switch {
	case strings.Contains(question, "Remove the folder"):
		return Yes, w.server.RemoveFolder("bob", folder, "sl/ash")
	case strings.Contains(question, "sl/ash"):
		return Yes, w.server.MakeFolder("bob", folder, "sl/ash")
	case strings.Contains(question, "copy an item"):
		_, err := w.server.Deliver("bob", folder, nil, time.Now(),
			[]byte("Subject: broken\r\nX-Exchangesim-Unconvertible: yes\r\n\r\nText.\r\n"))
		return Yes, err
	}
	messages := w.server.Messages("bob", folder)
	last := messages[len(messages)-1]
	switch {
	case strings.Contains(question, "no flag"):
		return yes(!last.OutlookFlagged)
	case strings.Contains(question, "category"):
		return yes(last.OutlookCategory != "")
	case strings.Contains(question, "receipt"):
		return yes(last.WouldSendReceipt)
	}
	return Unknown, fmt.Errorf("an unknown question: %s", question)
}

// untellable cannot be told apart in the simulator, where another quirk hides it.
var untellable = map[string]string{
	"EX-42": "no such folder can be made while EX-43 drops the blank",
	"EX-25": "hidden by EX-26 where both are on",
	"EX-73": "the server does not say Server Unavailable. 15 of itself",
}

// The survey finds exactly the quirks of each profile.
func TestEachProfile(t *testing.T) {
	for _, name := range exchangesim.Profiles() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := simulate(t, exchangesim.Config{Profile: name})
			state := &State{}
			if err := Run(t.Context(), w.options(), state); err != nil {
				t.Fatal(err)
			}
			w.compare(state)
			w.clean()
		})
	}
}

// compare holds the findings to the quirks of the simulated server.
func (w *world) compare(state *State) {
	w.t.Helper()
	for _, q := range exchangesim.Quirks() {
		f, ok := state.Find(q.ID)
		has := w.server.Has(q.Name)
		switch {
		case !ok:
			w.t.Errorf("%s %s has no finding", q.ID, q.Name)
		case f.Name != q.Name:
			w.t.Errorf("%s is called %q, and %q in the simulator", q.ID, f.Name, q.Name)
		case f.Answer == Unknown && untellable[q.ID] != "" && !has:
		case f.Answer != answer(has).Answer:
			w.t.Errorf("%s %s: %s, but the simulator has it: %v\n%s", q.ID, q.Name, f.short(), has, strings.Join(f.Words, "\n"))
		case f.Number != 0 && has && f.Number != w.server.Limit(q.Name) && w.server.Limit(q.Name) != 0:
			w.t.Errorf("%s %s: %d, want %d", q.ID, q.Name, f.Number, w.server.Limit(q.Name))
		}
	}
}

// clean fails if the survey has left something.
func (w *world) clean() {
	w.t.Helper()
	for _, name := range w.server.Mailboxes("bob") {
		if strings.Contains(name, prefix) || name == "Files" {
			w.t.Errorf("the folder %s is left", name)
		}
	}
}

// Each quirk is found alone, beside the profile's.
func TestEachQuirk(t *testing.T) {
	for _, q := range exchangesim.Quirks() {
		for _, on := range []bool{true, false} {
			if q.ID == "EX-01" && !on {
				continue // on a TLS port a LOGIN without TLS cannot be tried: the probe goes by its words
			}
			t.Run(fmt.Sprintf("%s/%v", q.Name, on), func(t *testing.T) {
				t.Parallel()
				quirks := []string{q.Name}
				if !on {
					quirks[0] = "no-" + q.Name
				}
				w := simulate(t, exchangesim.Config{Quirks: append(quirks, shown[q.ID]...)})
				o := w.options()
				state := &State{}
				for _, p := range table() { // the others are known: only this one is run
					if p.id != q.ID && !slices.Contains(needs[q.ID], p.id) {
						state.add(Finding{ID: p.id, Answer: Unknown})
					}
				}
				if err := Run(t.Context(), o, state); err != nil {
					t.Fatal(err)
				}
				f, _ := state.Find(q.ID)
				if f.Answer != answer(w.server.Has(q.Name)).Answer {
					t.Errorf("%s\n%s", f.short(), strings.Join(f.Words, "\n"))
				}
				w.clean()
			})
		}
	}
}

// needs are the probes that go before another.
var needs = map[string][]string{"EX-07": {"EX-06"}, "EX-73": {"EX-80"}}

// shown are quirks that must be on or off for another to show.
var shown = map[string][]string{
	"EX-07": {"no-oversize-closes"},
	"EX-42": {"no-blank-end-dropped"},
	"EX-25": {"no-substitute"},
	"EX-73": {"large-copy"},
}

// A mailbox with mail is refused, and left as it is.
func TestMail(t *testing.T) {
	w := simulate(t, exchangesim.Config{})
	if _, err := w.server.Deliver("bob", "Sent Items", nil, time.Now(), []byte("Subject: x\r\n\r\nx\r\n")); err != nil {
		t.Fatal(err)
	}
	before := w.server.Mailboxes("bob")
	if err := Run(t.Context(), w.options(), &State{}); !errors.Is(err, ErrMail) {
		t.Errorf("the error is %v", err)
	}
	if after := w.server.Mailboxes("bob"); !slices.Equal(before, after) {
		t.Errorf("the folders were %q, and are %q", before, after)
	}
}
