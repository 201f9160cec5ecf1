package proxy

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"reflect"
	"sync"
	"testing"
	"time"

	"exgate/backend"
	"exgate/backend/exchangesim"
	"exgate/proxy/handover"
	"exgate/proxy/ledger"
	"exgate/proxy/slots"
	"exgate/proxy/status"
	"exgate/proxy/testkit"
)

// heirs is an Heir whose gateway is known later than the Forerunner.
type heirs struct{ srv *Server }

func (h *heirs) Adopt(upstream, account string) { h.srv.Adopt(upstream, account) }
func (h *heirs) AdoptRest()                     { h.srv.AdoptRest() }

// A client leaves the old gateway in the midst of an APPEND, and sends the message again at the new one. That waits
// until the old one has stored the message, finds it, and stores it once.
func TestMessageOfAnAccountInTheHandOver(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ledger.db")
	before, sim := newSimulated(t, exchangesim.Config{Profile: "exchange2016"}, withProfile(exchangeProfile), resuming,
		func(o *Options, _ *limits) {
			o.Ledger = ledger.Open(ledger.Options{File: file, Log: o.Log})
			t.Cleanup(o.Ledger.Close)
		})
	const message = "Message-ID: <once@example.com>\r\n\r\nabc\r\n"
	command := fmt.Sprintf("b APPEND INBOX {%d+}\r\n%s\r\n", len(message), message)
	heir, ended := new(heirs), make(chan struct{})
	var forerunner *handover.Forerunner
	after := startGateway(t, ListenInsecurePlaintext, before.srv.settings.Load().opts.Upstreams[0].Backend.Address,
		withProfile(exchangeProfile), resuming, func(o *Options, l *limits) {
			o.Ledger = ledger.Open(ledger.Options{File: file, Log: o.Log, Inherits: true})
			t.Cleanup(o.Ledger.Close)
			forerunner = handover.NewForerunner(func(context.Context) (status.Drain, error) {
				return before.srv.Drained(), nil
			}, heir, o.Log)
			o.Forerunner = forerunner
			l.Forerunner = 50 * time.Millisecond
		})
	heir.srv = after.srv

	if err := sim.AddFault("slow:150ms"); err != nil {
		t.Fatal(err)
	}
	leaving := before.dial()
	leaving.S("* OK …")
	leaving.C("a LOGIN alice alicepass")
	leaving.S("a OK …")
	leaving.raw(command)
	testkit.Eventually(t, "the old gateway sends the message", func() bool {
		return len(sim.Messages("alice", "INBOX")) == 1
	})
	leaving.close()
	drained := make(chan struct{})
	go func() {
		before.srv.Drain(t.Context())
		close(drained)
	}()
	followed := make(chan struct{})
	go func() {
		forerunner.Follow(t.Context(), ended)
		close(followed)
	}()
	again := after.dial()
	again.S("* OK …")
	again.C("a LOGIN alice alicepass")
	again.S("a OK …")
	again.raw(command)
	again.until("b OK [APPENDUID …")
	<-drained
	close(ended)
	<-followed
	if n := len(sim.Messages("alice", "INBOX")); n != 1 {
		t.Errorf("%d messages, want 1", n)
	}
	after.logged("a message whose answer was lost came again")
	again.close()
}

// A gateway that takes over holds an account to what the one before it has held it to: its throttle, its slower pace,
// also if its sessions have ended there, and the orders of the operator.
func TestWhatAHandOverHandsOver(t *testing.T) {
	paced := exchangeProfile
	paced.Pace = backend.Pacing{Each: backend.Rates{Messages: 8}}
	state := func(o *Options, _ *limits) { o.State = t.TempDir() }
	before, _ := newSimulated(t, exchangesim.Config{Profile: "exchange2016"}, withProfile(paced), resuming, state)
	old := before.loginSimulated()
	account := before.srv.accounts.get("", "Alice@example.com", paced.Pace, 0)
	account.Throttled(time.Minute)
	before.srv.accounts.close(account)
	perSecond := 2.0
	for _, err := range []error{
		second(before.srv.Pause("eve")), second(before.srv.Trace("Alice@example.com", true)), second(before.srv.Pace("joe", &perSecond)),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	heir, ended := new(heirs), make(chan struct{})
	var forerunner *handover.Forerunner
	after := startGateway(t, ListenInsecurePlaintext, before.srv.settings.Load().opts.Upstreams[0].Backend.Address,
		withProfile(paced), resuming, state, func(o *Options, _ *limits) {
			forerunner = handover.NewForerunner(func(context.Context) (status.Drain, error) {
				return before.srv.Drained(), nil
			}, heir, o.Log)
			o.Forerunner = forerunner
		})
	heir.srv = after.srv
	now := before.srv.Drained()
	after.srv.Obey(now.Orders)
	forerunner.Learn(now)
	drained, followed := make(chan struct{}), make(chan struct{})
	go func() {
		before.srv.Drain(t.Context())
		close(drained)
	}()
	go func() {
		forerunner.Follow(t.Context(), ended)
		close(followed)
	}()
	old.until("* BYE …")
	old.close()
	for range 2 { // the second session is held to the same, not to half of it
		c := after.loginSimulated()
		defer c.close()
	}
	accounts := after.srv.Snapshot().Accounts
	if n := len(accounts); n != 1 {
		t.Fatalf("%d accounts", n)
	}
	if a := accounts[0]; time.Until(a.ThrottledUntil) < 30*time.Second || a.AppendPerSecond < 4 || a.AppendPerSecond > 4.1 {
		t.Errorf("throttled until %s, pace %v; want a minute and 4", a.ThrottledUntil, a.AppendPerSecond)
	}
	if got := after.srv.Drained().Orders; !reflect.DeepEqual(got, before.srv.Drained().Orders) {
		t.Errorf("orders %+v, want %+v", got, before.srv.Drained().Orders)
	}
	after.logged("the trace of a session begins")
	<-drained
	close(ended)
	<-followed
}

func second(_ int, err error) error { return err }

// While the gateway before this one has all connections of an account, a login waits longer than for one that merely has
// a session: Exchange would refuse it.
func TestLoginWhileTheForerunnerHasAllConnections(t *testing.T) {
	for name, tt := range map[string]struct {
		sessions int
		waits    bool
	}{"all": {2, true}, "one": {1, false}} {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			asked, left := 0, false
			heir, ended, followed := new(heirs), make(chan struct{}), make(chan struct{})
			forerunner := handover.NewForerunner(func(context.Context) (status.Drain, error) {
				mu.Lock()
				defer mu.Unlock()
				asked++
				drain := status.Drain{Draining: true}
				for range tt.sessions {
					if !left {
						drain.Open = append(drain.Open, status.Owner{User: "alice@example.com"})
					}
				}
				return drain, nil
			}, heir, slog.New(slog.DiscardHandler))
			g, _ := newSimulated(t, exchangesim.Config{}, connections(slots.Limits{PerAccount: 3, MaxWait: time.Hour}),
				func(o *Options, l *limits) {
					o.Forerunner, l.Forerunner = forerunner, 10*time.Millisecond
				})
			heir.srv = g.srv
			go func() {
				forerunner.Follow(t.Context(), ended)
				close(followed)
			}()
			c := g.dial()
			c.S("* OK …")
			c.C("a0 LOGIN alice@example.com alicepass")
			if tt.waits {
				testkit.Eventually(t, "the login waits for longer than the limit", func() bool {
					mu.Lock()
					defer mu.Unlock()
					return asked > 5
				})
				if s := g.srv.Snapshot().Sessions; len(s) != 1 || s[0].Detail != forerunnerText {
					t.Errorf("meanwhile: %+v", s)
				}
				mu.Lock()
				left = true
				mu.Unlock()
			}
			c.until("a0 OK …")
			close(ended)
			<-followed
			c.close()
		})
	}
}
