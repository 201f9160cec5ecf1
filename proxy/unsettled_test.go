package proxy

import (
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"exgate/backend/exchangesim"
	"exgate/proxy/ledger"
	"exgate/proxy/mailbox"
)

// An Exchange that does not answer holds up a LOGOUT for limits.Settle, wherever it hangs.
func TestUnsettledMessageOfASilentExchange(t *testing.T) {
	const (
		ready = "S * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready\nC xg1 LOGIN …"
		opens = ready + "\nS xg1 OK [CAPABILITY IMAP4rev1] done\nC xg2 STATUS …\nS xg2 OK done\nC xg3 SELECT INBOX"
	)
	for name, script := range map[string]string{
		"at the greeting": "",
		"at the login":    ready,
		"at SELECT":       opens,
		"at the look":     opens + "\nS xg3 OK done\nC xg4 NOOP",
	} {
		t.Run(name, func(t *testing.T) {
			var records *ledger.Ledger
			g := newGateway(t, withProfile(exchangeProfile), resuming, func(o *Options, l *limits) {
				l.Settle = 50 * time.Millisecond // Side and SideTurn are longer than the test waits for a reply
				records = ledger.Open(ledger.Options{File: filepath.Join(t.TempDir(), "ledger.db"), Log: o.Log})
				o.Ledger = records
				t.Cleanup(records.Close)
			})
			j := records.Session(ledger.Session{ID: "earlier", Account: "alice"})
			m := &ledger.Message{Mailbox: "INBOX", Exchange: "INBOX", MessageID: "<lost@example.com>", Mark: ledger.Mark{UIDValidity: 1, Next: 7}}
			j.Begin(m)
			j.Intend(m)()
			m.Outcome = ledger.Unknown
			j.Done(m)
			j.End(ledger.Totals{})
			c, u := g.login()
			c.C("a1 LOGOUT")
			g.accept().play(script)
			u.C("a1 LOGOUT")
			u.S("* BYE bye")
			u.S("a1 OK done")
			c.until("a1 OK …", "* …")
			if line := g.logged("looked for a message whose outcome was not known"); line["known"] != false {
				t.Errorf("the log says %v", line)
			}
		})
	}
}

// A message whose outcome is not known, and which its client does not send again, is looked for
// when a session of the account ends. A client that sends it again after all stores it once.
func TestUnsettledMessage(t *testing.T) {
	lost := strings.Replace(cleanMessage, "Message-ID: <", "Message-ID: <lost.", 1)
	id := mailbox.ReadAbout([]byte(lost)).MessageID
	for _, tt := range []struct {
		name   string
		stored bool
		ago    time.Duration
		want   string
		again  string // the outcome of the row when the message comes again; "": it does not
		fault  string // meets the look
	}{
		{"stored", true, 2 * time.Minute, "stored", "found", ""},
		{"absent", false, 2 * time.Minute, "failed", "stored", ""},
		{"not there yet", false, 0, "unknown", "", ""},
		{"stored, and the look loses its connection", true, 2 * time.Minute, "stored", "", "cut:FETCH:1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "ledger.db")
			var records *ledger.Ledger
			p := exchangeProfile
			p.Name = "exchange2016"
			g, sim := newSimulated(t, exchangesim.Config{Profile: p.Name}, withProfile(p), resuming, func(o *Options, l *limits) {
				l.Replay = time.Millisecond
				records = ledger.Open(ledger.Options{File: file, Log: o.Log, Now: func() time.Time { return time.Now().Add(-tt.ago) }})
				o.Ledger = records
				t.Cleanup(records.Close)
			})
			g.put(cleanMessage, "", logsOut)
			records.Flush()
			place := strings.Split(ask(t, file, "SELECT s.upstream || ' ' || s.account || ' ' || uid_validity || ' ' || uid FROM messages m "+
				"JOIN sessions s ON s.id = m.session_id"), " ")
			validity, _ := strconv.Atoi(place[2])
			uid, _ := strconv.Atoi(place[3])
			j := records.Session(ledger.Session{ID: "earlier", Upstream: place[0], Account: place[1]})
			m := &ledger.Message{Mailbox: "INBOX", Exchange: "INBOX", MessageID: id, Size: int64(len(lost)), Sum: sha256.Sum256([]byte(lost)),
				Mark: ledger.Mark{UIDValidity: uint32(validity), Next: uint32(uid) + 1}}
			j.Begin(m)
			j.Intend(m)()
			m.Outcome = ledger.Unknown
			j.Done(m)
			j.End(ledger.Totals{})
			if tt.stored {
				if _, err := sim.Deliver("alice", "INBOX", nil, time.Now(), []byte(lost)); err != nil {
					t.Fatal(err)
				}
			}

			if tt.fault != "" {
				if err := sim.AddFault(tt.fault); err != nil {
					t.Fatal(err)
				}
			}
			g.put(strings.Replace(cleanMessage, "Message-ID: <", "Message-ID: <other.", 1), "", logsOut)
			records.Flush()
			row := fmt.Sprintf("SELECT outcome || ' ' || uid FROM messages WHERE message_id = '%s' ORDER BY id", id)
			want := tt.want + " 0"
			if tt.stored {
				want = fmt.Sprintf("%s %d", tt.want, uid+1)
			}
			if got := ask(t, file, row); got != want {
				t.Errorf("the ledger says %q, want %q", got, want)
			}

			if tt.again == "" {
				return
			}
			g.put(lost, "", logsOut)
			records.Flush()
			if n := len(sim.Messages("alice", "INBOX")); n != 3 {
				t.Errorf("%d messages, want 3", n)
			}
			if got := ask(t, file, strings.Replace(row, "ORDER BY id", "ORDER BY id DESC", 1)); !strings.HasPrefix(got, tt.again+" ") {
				t.Errorf("when it came again, the ledger says %q, want %q", got, tt.again)
			}
		})
	}
}
