package proxy

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"exgate/backend/exchangesim"
	"exgate/proxy/delivery"
	"exgate/proxy/testkit"
)

// A throttle that comes at any request of a command is waited out, whether the client's command is relayed or exgate
// asks Exchange itself, and whatever Exchange does with the connection. The client gets OK, and each command is run once.
func TestThrottleAnywhere(t *testing.T) {
	commands := []struct{ name, command string }{
		{"CREATE", "CREATE Projects"},
		{"CREATE below a new parent", "CREATE Projects/2026"},
		{"RENAME", "RENAME Old Papers"},
		{"DELETE", "DELETE Old"},
		{"SELECT", "SELECT Drafts"},
		{"STATUS", "STATUS Drafts (MESSAGES)"},
		{"SUBSCRIBE", "SUBSCRIBE Drafts"},
		{"LIST", `LIST "" *`},
		{"FETCH", "UID FETCH 1:* FLAGS"},
		{"STORE", `STORE 1 +FLAGS (\Seen)`},
		{"SEARCH", "SEARCH ALL"},
		{"COPY", "COPY 1 Drafts"},
		{"MOVE", "MOVE 1 Drafts"},
		{"EXPUNGE", "EXPUNGE"},
		{"APPEND", "APPEND Drafts {20+}\r\nSubject: once\r\n\r\nok"},
	}
	mapped := exchangeProfile
	mapped.Names = apartNames
	for profileName, prof := range map[string]func(*Options, *limits){
		"names as they are": withProfile(exchangeProfile), "names mapped": withProfile(mapped),
	} {
		for _, shape := range []string{"no", "bad", "bad-bye"} {
			for _, tt := range commands {
				t.Run(profileName+", "+tt.name+", "+shape, func(t *testing.T) {
					t.Parallel()
					throttledAt(t, prof, tt.command, shape)
				})
			}
		}
	}
}

// throttledAt runs a command in a new mailbox again and again. The first time Exchange throttles the first request that
// the command causes, then the second, and so on until there is no such request.
func throttledAt(t *testing.T, prof func(*Options, *limits), command, shape string) {
	for at := 1; ; at++ {
		g, sim := newSimulated(t, exchangesim.Config{}, prof, resuming, func(_ *Options, l *limits) {
			l.Looks, l.Linger, l.Replay = []time.Duration{0, 50 * time.Millisecond}, 0, 20*time.Millisecond
			l.Reconnect, l.ReconnectPause = testkit.WaitLimit, time.Millisecond
		})
		for _, mailbox := range []string{"INBOX", "Drafts"} {
			if _, err := sim.Deliver("alice", mailbox, nil, testTime, []byte("Subject: there\r\n\r\n")); err != nil {
				t.Fatal(err)
			}
		}
		c := g.loginSimulated()
		c.C("a0 CREATE Old")
		c.until("a0 OK …", "* …")
		c.C("a0 SELECT INBOX")
		c.until("a0 OK …", "* …")
		if prof := g.srv.settings.Load().opts.Upstreams[0].Profiles(""); at > 1 && prof.Names.Case != "" {
			c.C(`a1 LIST "" *`) // the list of folders is read once
			c.until("a1 OK …", "* …")
		}
		backoff := "80ms"
		if shape == "bad-bye" { // the close must come before the command is sent again, also on a busy machine
			backoff = "250ms"
		}
		if err := sim.AddFault(fmt.Sprintf("throttle-account:alice:%s:%s@%d", backoff, shape, max(1, at-1))); err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.Split(command, "\r\n") {
			if line == command || strings.HasPrefix(line, "APPEND") {
				line = "a2 " + line
			}
			c.raw(line + "\r\n")
		}
		reply := c.tagged("a2")
		struck := 0
		for _, n := range sim.Stats().Strikes {
			struck += n
		}
		copies := len(sim.Messages("alice", "Drafts"))
		c.close()
		if !strings.HasPrefix(reply, "a2 OK ") {
			t.Fatalf("throttled at request %d: the client was told %s\n%s", at, reply, g.log)
		}
		if n := len(sim.Messages("alice", "INBOX")) + copies; copies > 2 || n > 3 {
			t.Fatalf("throttled at request %d: the command was run %d times\n%s", at, n-2, g.log)
		}
		if struck == 0 {
			if at == 1 {
				t.Fatal("no request of the command was throttled")
			}
			return
		}
	}
}

// watchedLog is a handler of the log that calls see with each message before it is written.
type watchedLog struct {
	slog.Handler
	see func(message string)
}

func (l watchedLog) Handle(ctx context.Context, r slog.Record) error {
	l.see(r.Message)
	return l.Handler.Handle(ctx, r)
}

func (l watchedLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return watchedLog{l.Handler.WithAttrs(attrs), l.see}
}

func (l watchedLog) WithGroup(name string) slog.Handler {
	return watchedLog{l.Handler.WithGroup(name), l.see}
}

// What a refusal means is noted before the session's goroutine learns of the reply: it would send the next command at
// once. Here that goroutine has all the time that it needs.
func TestRefusalIsJudgedFirst(t *testing.T) {
	for name, tt := range map[string]struct {
		before int    // errors that the connection has had
		reply  string // to a1
	}{
		"throttle":     {0, "NO Request is throttled. Suggested Backoff Time: 600000 milliseconds"},
		"eighth error": {renewAt - 1, "BAD Command Argument Error. 11"},
	} {
		t.Run(name, func(t *testing.T) {
			judging, judged := make(chan struct{}), make(chan struct{})
			release := sync.OnceFunc(func() { close(judged) })
			defer release()
			g := exchangeResuming(t, func(o *Options, _ *limits) {
				seen := 0
				o.Log = slog.New(watchedLog{o.Log.Handler(), func(message string) {
					if message != "Exchange refused a command" {
						return
					}
					if seen++; seen == tt.before+1 {
						close(judging)
						<-judged
					}
				}})
			})
			c, u := g.login()
			for range tt.before {
				c.C("a0 NOOP x")
				u.C("a0 NOOP x")
				u.S("a0 BAD Command Argument Error. 11")
				c.S("a0 BAD Command Argument Error. 11")
			}
			c.C("a1 NOOP")
			u.C("a1 NOOP")
			c.C("a2 NOOP")
			u.S("a1 " + tt.reply)
			<-judging
			u.silent()
			release()
			c.nc.Close()
		})
	}
}

// A throttled command is sent again after the back-off. Throttles come in three shapes (docs/exchange.md#throttling).
func TestThrottledCommandIsSentAgain(t *testing.T) {
	for name, tt := range map[string]struct {
		reply  string
		closes bool
	}{
		"NO":          {"a1 NO Request is throttled. Suggested Backoff Time: 5 milliseconds", false},
		"BAD":         {"a1 BAD Request is throttled. Suggested Backoff Time: 5 milliseconds", false},
		"BAD and BYE": {"a1 BAD Request is throttled. Suggested Backoff Time: 5 milliseconds\r\n* BYE Connection closed. 14", true},
	} {
		t.Run(name, func(t *testing.T) {
			g := exchangeResuming(t)
			c, u := g.login()
			c.raw("a1 FETCH 1 FLAGS\r\na2 NOOP\r\n")
			u.C("a1 FETCH 1 FLAGS")
			u.S(tt.reply)
			if tt.closes {
				u.close()
				u = g.relogin()
			}
			u.C("a1 FETCH 1 FLAGS")
			u.S("a1 OK done")
			c.S("a1 OK done")
			u.C("a2 NOOP")
			u.S("a2 OK done")
			c.S("a2 OK done")
		})
	}
	t.Run("again and again", func(t *testing.T) {
		c, u := exchangeResuming(t).login()
		c.C("a1 FETCH 1 FLAGS")
		for range delivery.MaxTries {
			u.C("a1 FETCH 1 FLAGS")
			u.S("a1 NO Request is throttled. Suggested Backoff Time: 1 milliseconds")
		}
		u.C("a1 FETCH 1 FLAGS")
		u.S("a1 NO Request is throttled. Suggested Backoff Time: 1 milliseconds")
		c.S("a1 NO Request is throttled. Suggested Backoff Time: 1 milliseconds")
		noop(c, u)
	})
}
