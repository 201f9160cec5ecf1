package proxy

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"exgate/backend/exchangesim"
	"exgate/proxy/budget"
	"exgate/proxy/ledger"
	"exgate/proxy/testkit"
)

// withBudget limits what each account may store in a day.
func withBudget(limit budget.Amount) func(*Options, *limits) {
	return func(o *Options, _ *limits) { o.Upstreams[0].Budget.Each = limit }
}

func TestBudget(t *testing.T) {
	size := int64(len(cleanMessage))
	sync := fmt.Sprintf("{%d}", size)
	for _, tt := range []struct {
		name   string
		limit  budget.Amount
		refuse func(*client) // a second message
	}{
		{"messages", budget.Amount{Messages: 1}, func(c *client) {
			c.C("a2 APPEND INBOX " + sync) // the literal is not asked for
			c.S("a2 NO [LIMIT] nothing was stored: alice@example.com has used 1 of 1 messages in 24 hours; " +
				"by upstream.pace.messages_per_day it goes on at … UTC")
		}},
		{"bytes", budget.Amount{Bytes: 2*size - 1}, func(c *client) {
			c.C("a2 APPEND INBOX " + sync)
			c.S(fmt.Sprintf("a2 NO [LIMIT] nothing was stored: alice@example.com has used %d of %d bytes in 24 hours; "+
				"by upstream.pace.bytes_per_day it goes on at … UTC", size, 2*size-1))
		}},
		{"a literal that is not asked for", budget.Amount{Messages: 1}, func(c *client) {
			c.raw(fmt.Sprintf("a2 APPEND INBOX {%d+}\r\n%s\r\n", size, cleanMessage))
			c.S("a2 NO [LIMIT] …")
		}},
		{"larger than the budget", budget.Amount{Bytes: size + 10}, func(c *client) {
			c.C(fmt.Sprintf("a2 APPEND INBOX {%d}", size+11))
			c.S(fmt.Sprintf("a2 NO [TOOBIG] the message has %d bytes, and upstream.pace.bytes_per_day allows %d in "+
				"24 hours: it never fits, and stays where it is", size+11, size+10))
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g, sim := newSimulated(t, exchangesim.Config{Profile: "exchange2016"}, withProfile(exchangeProfile),
				withBudget(tt.limit))
			c := g.loginSimulated()
			c.upload("INBOX", cleanMessage)
			answered(c)
			tt.refuse(c)
			c.C("a3 NOOP") // the session goes on
			c.until("a3 OK …", "* …")
			c.close()
			if n := len(sim.Messages("alice", "INBOX")); n != 1 {
				t.Errorf("%d messages, want 1", n)
			}
			line := g.logged("message refused")
			if line["rule"] != "budget" || line["user"] != "alice@example.com" {
				t.Errorf("the log says %v", line)
			}
			if n := g.srv.Totals().MessagesRefused["budget"]; n != 1 {
				t.Errorf("%d refused messages are counted", n)
			}
			if last := g.srv.Snapshot().Refusals[0]; last.Explain != "budget" {
				t.Errorf("the last refusal is %+v", last)
			}
		})
	}
}

// With over_budget: disconnect, the session ends with the reason. A message that never fits is refused all the same.
func TestDisconnectOverBudget(t *testing.T) {
	size := int64(len(cleanMessage))
	g, _ := newSimulated(t, exchangesim.Config{Profile: "exchange2016"}, withProfile(exchangeProfile),
		withBudget(budget.Amount{Bytes: size}), func(o *Options, _ *limits) { o.Upstreams[0].Budget.Disconnect = true })
	c := g.loginSimulated()
	c.C(fmt.Sprintf("a1 APPEND INBOX {%d}", size+1))
	c.S("a1 NO [TOOBIG] …")
	c.upload("INBOX", cleanMessage)
	answered(c)
	c.raw(fmt.Sprintf("a2 APPEND INBOX {%d+}\r\n%s\r\n", size, cleanMessage))
	c.S(fmt.Sprintf("* BYE [LIMIT] nothing was stored: alice@example.com has used %d of %d bytes …", size, size))
	c.gone()
}

// A message that Exchange refuses does not count. One that the repair makes larger than the
// budget is refused before it is sent.
func TestBudgetCountsWhatExchangeTook(t *testing.T) {
	long := "Subject: x\r\nContent-Type: text/plain\r\n\r\n" + strings.Repeat("x ", 10_000) + "\r\n"
	for _, tt := range []struct{ name, fault, message, want string }{
		{"refused", "refuse:APPEND:NO no", cleanMessage, "a1 NO …"},
		{"larger after the repair", "", long, fmt.Sprintf("a1 NO [TOOBIG] the message has … bytes, and "+
			"upstream.pace.bytes_per_day allows %d …", len(long)+10)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g, sim := newSimulated(t, exchangesim.Config{Profile: "exchange2016"}, withProfile(exchangeProfile),
				withBudget(budget.Amount{Bytes: int64(len(tt.message) + 10)}))
			if tt.fault != "" {
				if err := sim.AddFault(tt.fault); err != nil {
					t.Fatal(err)
				}
			}
			c := g.loginSimulated()
			c.upload("INBOX", tt.message)
			c.until(tt.want, "* …")
			c.close()
			if used := g.srv.budgets.Of("", "alice@example.com").Used; used != (budget.Amount{}) {
				t.Errorf("a message that was not stored counts: %+v", used)
			}
			if n := len(sim.Messages("alice", "INBOX")); n != 0 {
				t.Errorf("%d messages, want none", n)
			}
		})
	}
}

// A new limit holds for a session that is open, also where no fix concerns its messages.
func TestReloadedBudgetHoldsForOpenSessions(t *testing.T) {
	g, sim := newSimulated(t, exchangesim.Config{Profile: "exchange2016"})
	c := g.loginSimulated()
	c.upload("INBOX", cleanMessage)
	answered(c)
	reload := func(limit budget.Amount) {
		opts := g.srv.settings.Load().opts
		opts.Upstreams[0].Budget.Each = limit
		if err := g.srv.Reload(opts); err != nil {
			t.Fatal(err)
		}
	}
	reload(budget.Amount{Messages: 1})
	c.upload("INBOX", cleanMessage) // the first one was not counted: nothing concerned it
	answered(c)
	c.C("a2 APPEND INBOX {10}")
	c.S("a2 NO [LIMIT] …")
	reload(budget.Amount{Messages: 2})
	c.upload("INBOX", cleanMessage)
	answered(c)
	c.close()
	if n := len(sim.Messages("alice", "INBOX")); n != 3 {
		t.Errorf("%d messages, want 3", n)
	}
}

// With a ledger, a restart forgets nothing; also a message counts whose fate is not known.
func TestBudgetSurvivesRestart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ledger.db")
	recorded := func(o *Options, _ *limits) {
		o.Ledger = ledger.Open(ledger.Options{File: file, Log: o.Log})
		t.Cleanup(o.Ledger.Close)
	}
	for run := range 2 {
		t.Run(fmt.Sprint(run), func(t *testing.T) {
			g, _ := newSimulated(t, exchangesim.Config{Profile: "exchange2016"}, withProfile(exchangeProfile), recorded,
				withBudget(budget.Amount{Messages: 2}))
			c := g.loginSimulated()
			c.upload("INBOX", cleanMessage)
			answered(c)
			if run == 1 {
				c.C("a2 APPEND INBOX {10}")
				c.S("a2 NO [LIMIT] nothing was stored: alice@example.com has used 2 of 2 messages …")
			}
			c.close()
			want := budget.Amount{Messages: int64(run + 1), Bytes: int64((run + 1) * len(cleanMessage))}
			testkit.Eventually(t, "the status has the messages of both runs", func() bool { // once the session rests
				past := g.srv.Snapshot()
				return past.Accounts[0].Stored == int64(run+1) && (run == 0 || !past.CountedSince.IsZero())
			})
			if used := g.srv.budgets.Of("", "ALICE@example.com").Used; used != want {
				t.Errorf("used %+v, want %+v", used, want)
			}
			g.srv.Close()
			g.srv.settings.Load().opts.Ledger.Close()
		})
	}
}

// Mode observe passes everything on, counts it, and says what the budget would have refused.
func TestObservedBudget(t *testing.T) {
	g, sim := newSimulated(t, exchangesim.Config{Profile: "exchange2016"}, withProfile(exchangeProfile),
		withBudget(budget.Amount{Messages: 1}), func(o *Options, _ *limits) { o.Observe = true })
	c := g.loginSimulated()
	for range 2 {
		c.upload("INBOX", cleanMessage)
		answered(c)
	}
	c.C("a2 NOOP")
	c.until("a2 OK …", "* …")
	c.close()
	if n := len(sim.Messages("alice", "INBOX")); n != 2 {
		t.Errorf("%d messages, want 2", n)
	}
	if used := g.srv.budgets.Of("", "alice@example.com").Used.Messages; used != 2 {
		t.Errorf("%d messages are counted, want 2", used)
	}
	if !strings.Contains(g.log.String(), `"would_refuse":"nothing was stored: alice@example.com has used 1 of 1 messages`) {
		t.Error("the log does not say that the budget would have refused a message")
	}
}
