package proxy

import (
	"cmp"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"exgate/backend/exchangesim"
	"exgate/config/profile"
	"exgate/proxy/ledger"
	"exgate/proxy/testkit"
)

// recording returns a setup that keeps a ledger, which the test closes at its end.
func recording(t *testing.T) func(*Options, *limits) {
	file := filepath.Join(t.TempDir(), "ledger.db")
	return func(o *Options, _ *limits) {
		o.Ledger = ledger.Open(ledger.Options{File: file, Log: o.Log})
		t.Cleanup(o.Ledger.Close)
	}
}

// put appends a message to INBOX in a session of its own, which ends as end says.
func (g *gateway) put(message, flags string, end func(*client)) {
	g.t.Helper()
	open := g.srv.Totals().Connections
	c := g.loginSimulated()
	c.upload("INBOX ("+flags+")", message)
	end(c)
	c.close()
	testkit.Eventually(g.t, "the end of the session", func() bool { return g.srv.Totals().Connections == open })
}

// The ways in which a client ends after an APPEND.
func answered(c *client) { c.until("a1 OK …", "* …") }
func goesOn(c *client)   { answered(c); c.C("a2 NOOP"); c.until("a2 OK …", "* …") }
func logsOut(c *client)  { answered(c); c.C("a2 LOGOUT"); c.until("a2 OK …", "* …") }
func breaksOff(c *client) {
	answered(c)
	c.nc.(*net.TCPConn).SetLinger(0)
}

// checks breaks off after a command, as offlineimap says CHECK after each APPEND; checksTwice has the answer to one.
func checks(c *client) {
	answered(c)
	c.C("a2 NOOP")
	c.until("a2 OK …", "* …")
	c.nc.(*net.TCPConn).SetLinger(0)
}
func checksTwice(c *client) {
	answered(c)
	c.C("a2 NOOP")
	c.until("a2 OK …", "* …")
	c.C("a3 NOOP")
	c.until("a3 OK …", "* …")
	c.nc.(*net.TCPConn).SetLinger(0)
}

// A client that loses its connection after the OK of Exchange sends the message again without
// a look. The message is stored once, with its flag. Two messages that were both answered are
// two, though they are equal.
func TestMessageThatIsSentAgainIsStoredOnce(t *testing.T) {
	other := strings.Replace(cleanMessage, "Nothing", "Something", 1) // of the same Message-ID
	for _, tt := range []struct {
		name     string
		end      func(*client)
		messages []string
		want     int
		keeps    bool // another session of the account stays open
	}{
		{"answer lost", breaksOff, []string{cleanMessage, cleanMessage}, 1, false},
		{"answer lost twice", breaksOff, []string{cleanMessage, cleanMessage, cleanMessage}, 1, false},
		{"answer lost beside another session", breaksOff, []string{cleanMessage, cleanMessage, cleanMessage}, 1, true},
		{"answer to the next command lost", checks, []string{cleanMessage, cleanMessage}, 1, false},
		{"next command answered", checksTwice, []string{cleanMessage, cleanMessage}, 2, false},
		{"both answered", goesOn, []string{cleanMessage, cleanMessage}, 2, false},
		{"both answered, and logged out", logsOut, []string{cleanMessage, cleanMessage}, 2, false},
		{"marked anew by mbsync", breaksOff, []string{"X-TUID: abcdefghijkl\r\n" + cleanMessage, "X-TUID: ABCDEFGHIJKL\r\n" + cleanMessage}, 1, false},
		{"marked by offlineimap once more in each attempt", breaksOff, []string{
			cleanMessage, "X-OfflineIMAP: 12-3\r\n" + cleanMessage, "X-OfflineIMAP: 12-3\r\nX-OfflineIMAP: 4-567\r\n" + cleanMessage,
		}, 1, false},
		{"another body", breaksOff, []string{cleanMessage, other}, 2, false},
		{"another message meanwhile", breaksOff, []string{cleanMessage, other, cleanMessage}, 2, false},
	} {
		for _, profile := range []string{"exchange2007", "exchange2016"} {
			t.Run(profile+" "+tt.name, func(t *testing.T) {
				g, sim := newRecorded(t, profile)
				if tt.keeps {
					c := g.loginSimulated()
					defer c.close()
				}
				for _, message := range tt.messages {
					g.put(message, `\Flagged`, tt.end)
				}
				all := sim.Messages("alice", "INBOX")
				if len(all) != tt.want {
					t.Fatalf("%d messages, want %d", len(all), tt.want)
				}
				for _, m := range all {
					if !m.OutlookFlagged {
						t.Errorf("UID %d lacks its flag: %s", m.UID, fmt.Sprint(m.Flags))
					}
				}
			})
		}
	}
}

// losesTheAnswerInBox has a client store cleanMessage in a new mailbox, and leave without a proof that it has the answer.
func (g *gateway) losesTheAnswerInBox() {
	g.t.Helper()
	c := g.loginSimulated()
	c.C("c1 CREATE Box")
	c.until("c1 OK …")
	c.upload("Box", cleanMessage)
	breaksOff(c)
	c.close()
	testkit.Eventually(g.t, "the end of the session", func() bool { return g.srv.Totals().Connections == 0 })
}

// makesBoxAnew removes that mailbox, and makes another one of this name.
func (c *client) makesBoxAnew() {
	c.t.Helper()
	for _, command := range []string{"DELETE", "CREATE"} {
		c.C("d1 " + command + " Box")
		c.until("d1 OK …")
	}
}

// A mailbox that was removed and made anew does not have the message of which the client has no answer: it is sent. One that
// has another UIDVALIDITY and has the message may have it from that attempt or from another one.
func TestMessageThatIsSentAgainIntoAnotherMailbox(t *testing.T) {
	for _, tt := range []struct {
		name, says string
		anew       func(*client, *exchangesim.Server)
	}{
		{"made anew", "a1 OK …", func(c *client, _ *exchangesim.Server) {
			c.makesBoxAnew()
		}},
		{"with the message", "a1 BAD [UNAVAILABLE] …has an equal message…; it is not known whether the message was stored", func(_ *client, sim *exchangesim.Server) {
			if err := sim.ChangeUIDValidity("alice", "Box"); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g, sim := newRecorded(t, "exchange2016")
			g.losesTheAnswerInBox()
			c := g.loginSimulated()
			tt.anew(c, sim)
			c.close()
			c = g.loginSimulated()
			c.upload("Box", cleanMessage)
			c.until(tt.says, "* …")
			if n := len(sim.Messages("alice", "Box")); n != 1 {
				t.Errorf("%d messages, want 1", n)
			}
		})
	}
}

// A STATUS that Exchange cannot carry out now is asked for again: before a message, since a message is not found again without
// its mark, and in the look for an earlier one.
func TestStatusThatFailsIsAskedForAgain(t *testing.T) {
	quick := func(_ *Options, l *limits) {
		l.Replay = time.Millisecond
		scaledLooks(l)
	}
	const busy = "refuse:STATUS:1:NO Server Unavailable. 15"
	t.Run("before a message", func(t *testing.T) {
		g, sim := newRecorded(t, "exchange2016", quick)
		c := g.loginSimulated()
		c.C("c1 STATUS INBOX (MESSAGES)")
		c.until("c1 OK …", "* …")
		if err := sim.AddFault(busy); err != nil {
			t.Fatal(err)
		}
		c.upload("Drafts", cleanMessage)
		answered(c)
		if mark := g.inLedger("SELECT mark_next FROM messages"); mark == "0" {
			t.Errorf("the message went up without a mark\n%s", g.log)
		}
	})
	t.Run("in the look for an earlier one", func(t *testing.T) {
		g, sim := newRecorded(t, "exchange2016", quick)
		g.losesTheAnswerInBox()
		c := g.loginSimulated()
		c.upload(`INBOX (\Flagged)`, cleanMessage) // the side connection is open after that, with its own STATUS
		answered(c)
		if err := sim.AddFault(busy); err != nil {
			t.Fatal(err)
		}
		c.upload("Box", cleanMessage)
		answered(c)
		if n := len(sim.Messages("alice", "Box")); n != 1 {
			t.Errorf("%d messages, want 1\n%s", n, g.log)
		}
	})
}

// A client sends two equal messages at once, as mbsync does, and loses its connection while the second is on its way. It
// has the answer to the first, and sends the second again, without a proof of that.
func TestSecondOfTwoMessagesIsSentAgain(t *testing.T) {
	for _, profile := range []string{"exchange2007", "exchange2016"} {
		for _, fault := range []string{"hang-append:100", "lost-append-reply"} { // Exchange has a part of the second, or all
			t.Run(profile+" "+fault, func(t *testing.T) {
				g, sim := newRecorded(t, profile, func(_ *Options, l *limits) { scaledLooks(l) })
				c := g.loginSimulated()
				command := fmt.Sprintf("a1 APPEND INBOX {%d+}\r\n%s\r\n", len(cleanMessage), cleanMessage)
				half := len(command) / 2
				c.raw(command + command[:half])
				answered(c)
				if err := sim.AddFault(fault); err != nil {
					t.Fatal(err)
				}
				c.raw(command[half:])
				testkit.Eventually(t, "the second goes up", func() bool { // it may be found before this looks
					return g.inLedger("SELECT (SELECT count(*) FROM intents) + (SELECT count(*) FROM messages)") == "2"
				})
				c.nc.(*net.TCPConn).SetLinger(0)
				c.close()
				testkit.Eventually(t, "the end of the session", func() bool { return g.srv.Totals().Connections == 0 })
				g.put(cleanMessage, "", goesOn)
				if n := len(sim.Messages("alice", "INBOX")); n != 2 {
					t.Errorf("%d messages, want 2\n%s", n, g.log)
				}
			})
		}
	}
}

// mbsync looks for its messages itself when it has selected the mailbox, and sends only those that it has not found. So
// what was known to be stored, and was there at SELECT, is another message. What has come since is the one that it sends.
func TestMbsyncLooksForItsMessagesItself(t *testing.T) {
	const first, second = "X-TUID: abcdefghijkl\r\n" + cleanMessage, "X-TUID: ABCDEFGHIJKL\r\n" + cleanMessage
	for _, tt := range []struct {
		name  string
		fault string // meets the first APPEND
		on    string // the profile; "": exchange2016
		late  bool   // SELECT comes before the first message
		cut   bool   // the upstream connection is cut after SELECT, and the mailbox selected again
		same  bool   // the mark is the same: another client has got the message from mbsync
		want  int
	}{
		{"stored", "", "", false, false, false, 2},
		{"stored, and Exchange's answer was lost", "lost-append-reply", "", false, false, false, 2},
		{"stored after the look", "", "", true, false, false, 1},
		{"stored after the look, and before the mailbox is selected again", "", "", true, true, false, 1},
		{"stored a moment ago, and FETCH may not show it yet", "", profile.Online, false, false, false, 1},
		{"stored, and sent by another client", "", "", false, false, true, 1},
		{"not stored", "lost-append", "", false, false, false, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g, sim := newRecorded(t, cmp.Or(tt.on, "exchange2016"), func(_ *Options, l *limits) { scaledLooks(l) })
			again := g.loginSimulated()
			selects := func() {
				again.C("b1 SELECT INBOX")
				again.until("b1 OK …", "* …")
			}
			if tt.late {
				selects()
			}
			if tt.fault != "" {
				if err := sim.AddFault(tt.fault); err != nil {
					t.Fatal(err)
				}
			}
			c := g.loginSimulated()
			c.upload("INBOX", first)
			switch tt.fault {
			case "":
				answered(c)
			case "lost-append-reply": // a reset may overtake what it follows
				testkit.Eventually(t, "exgate has found the message", func() bool {
					return g.inLedger("SELECT count(*) FROM messages WHERE outcome = 'stored'") == "1"
				})
			}
			c.nc.(*net.TCPConn).SetLinger(0)
			c.close()
			testkit.Eventually(t, "the end of the session", func() bool { return g.srv.Totals().Connections == 1 })
			if tt.cut {
				if err := sim.AddFault("cut:NOOP"); err != nil {
					t.Fatal(err)
				}
				again.C("b2 NOOP")
				again.until("b2 OK …", "* …")
			}
			if !tt.late {
				selects()
			}
			if tt.same {
				again.upload("INBOX", first)
			} else {
				again.upload("INBOX", second)
			}
			answered(again)
			if n := len(sim.Messages("alice", "INBOX")); n != tt.want {
				t.Errorf("%d messages, want %d\n%s", n, tt.want, g.log)
			}
			if got := g.inLedger("SELECT count(*) FROM messages WHERE outcome = 'stored'"); got != fmt.Sprint(tt.want) {
				t.Errorf("the ledger has %s that are stored, want %d", got, tt.want)
			}
		})
	}
}

// mbsync looks for a mark once. A message of unknown outcome that was late then, and is there at the next SELECT, is the one
// that mbsync sends again with a third mark.
func TestMbsyncMissesALateMessage(t *testing.T) {
	g, sim := newRecorded(t, "exchange2016")
	other := strings.Replace(cleanMessage, "Message-ID: <", "Message-ID: <other.", 1)
	g.put(other, "", logsOut)
	var mark ledger.Mark
	place := strings.Split(g.inLedger("SELECT s.upstream || ',' || s.account || ',' || uid_validity || ' ' || (uid + 1) FROM messages m "+
		"JOIN sessions s ON s.id = m.session_id"), ",")
	fmt.Sscan(place[2], &mark.UIDValidity, &mark.Next)
	j := g.srv.settings.Load().opts.Ledger.Session(ledger.Session{ID: "earlier", Upstream: place[0], Account: place[1]})
	m := &ledger.Message{Mailbox: "INBOX", Exchange: "INBOX", Sum: sha256.Sum256([]byte(cleanMessage)), Mark: mark}
	j.Begin(m)
	j.Intend(m)()
	m.Outcome = ledger.Unknown
	j.Done(m)
	j.End(ledger.Totals{})
	if _, err := sim.Deliver("alice", "INBOX", nil, time.Now(), []byte("X-TUID: abcdefghijkl\r\n"+cleanMessage)); err != nil {
		t.Fatal(err)
	}
	c := g.loginSimulated()
	c.C("b1 SELECT INBOX")
	c.until("b1 OK …", "* …")
	c.upload("INBOX", "X-TUID: ABCDEFGHIJKL\r\n"+cleanMessage)
	answered(c)
	if n := len(sim.Messages("alice", "INBOX")); n != 2 {
		t.Errorf("%d messages, want the other one and this one\n%s", n, g.log)
	}
}

// The row of an attempt in which nothing went up is not in doubt: that of the earlier attempt is.
func TestRowOfAMessageThatIsNotSentAgain(t *testing.T) {
	g, sim := newRecorded(t, "exchange2016")
	g.losesTheAnswerInBox()
	if err := sim.ChangeUIDValidity("alice", "Box"); err != nil {
		t.Fatal(err)
	}
	c := g.loginSimulated()
	c.upload("Box", cleanMessage)
	c.until("a1 BAD [UNAVAILABLE] …", "* …")
	if got := g.inLedger("SELECT group_concat(outcome) FROM (SELECT outcome FROM messages ORDER BY id)"); got != "stored,failed" {
		t.Errorf("outcomes %s, want stored,failed", got)
	}
	c.close()
	testkit.Eventually(t, "the session has ended", func() bool { return g.srv.Totals().Connections == 0 })
	if n := g.srv.Totals().Counters["messages_unknown"]; n != 0 {
		t.Errorf("%d messages count as unknown, want 0", n)
	}
}

// The account's side connection may have the mailbox selected that was removed. The one that was made anew, and has the
// message, is looked through all the same.
func TestMessageThatIsSentAgainWhileTheOldMailboxIsSelected(t *testing.T) {
	g, sim := newRecorded(t, "exchange2016")
	g.losesTheAnswerInBox()
	c := g.loginSimulated()
	c.upload(`Box (\Flagged)`, strings.Replace(cleanMessage, "clean", "other", 1)) // the flag is set on the side connection
	c.until("a1 OK …", "* …")
	direct := startGateway(t, ListenInsecurePlaintext, g.srv.settings.Load().opts.Upstreams[0].Backend.Address).loginSimulated()
	direct.makesBoxAnew()
	direct.upload("Box", cleanMessage)
	direct.until("a1 OK …")
	again := g.loginSimulated()
	again.upload("Box", cleanMessage)
	again.until("a1 BAD [UNAVAILABLE] …; it is not known whether the message was stored", "* …")
	if n := len(sim.Messages("alice", "Box")); n != 1 {
		t.Errorf("%d messages, want 1", n)
	}
}

// A gateway that drains still hears that the client has the answer to its last APPEND: by the client's next command.
func TestDrainHearsTheProof(t *testing.T) {
	for _, tt := range []struct {
		name, command, proven string
	}{
		{"next message", "a2 APPEND INBOX {5}\r\n", "1"},
		{"logout", "a2 LOGOUT\r\n", "1"},
		{"no next command", "", "0"},
		{"half a command", "a2 APPEND INB", "0"},
		{"another command, whose answer does not come", "a2 CHECK\r\n", "0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := provenAfterDrain(t, func(g *gateway, c *client) {
				before := g.l.read.Load()
				c.raw(tt.command)
				testkit.Eventually(t, "the command was read", func() bool { return g.l.read.Load() == before+int64(len(tt.command)) })
				c.nc.(*net.TCPConn).SetLinger(0)
				c.close()
			})
			if got != tt.proven {
				t.Errorf("proven is %s, want %s", got, tt.proven)
			}
		})
	}
}

// The rows of a session's messages are on the disk when LOGOUT is answered: the client may never come again, and then
// nobody would ask Exchange for a message whose outcome is not known.
func TestRowsAreOnTheDiskAtLogout(t *testing.T) {
	g, _ := newRecorded(t, "exchange2016")
	c := g.loginSimulated()
	c.upload("INBOX", cleanMessage)
	logsOut(c)
	file := g.srv.settings.Load().opts.Ledger.Options().File
	if got := ask(t, file, "SELECT count(*) FROM messages WHERE outcome = 'stored'"); got != "1" {
		t.Errorf("%s messages are stored, want 1", got)
	}
}

// provenAfterDrain returns whether the ledger has the proof for a message after which exgate has said BYE, since it drains,
// and the client has ended as end says.
func provenAfterDrain(t *testing.T, end func(*gateway, *client)) string {
	t.Helper()
	g, _ := newRecorded(t, "exchange2016")
	c := g.loginSimulated()
	c.upload("INBOX", cleanMessage)
	answered(c)
	drained := make(chan struct{})
	go func() {
		g.srv.Drain(t.Context())
		close(drained)
	}()
	c.S("* BYE exgate is stopping; log in again later")
	end(g, c)
	<-drained
	return g.inLedger("SELECT proven FROM messages")
}

// inLedger asks the gateway's ledger.
func (g *gateway) inLedger(query string) string {
	g.t.Helper()
	kept := g.srv.settings.Load().opts.Ledger
	kept.Flush()
	return ask(g.t, kept.Options().File, query)
}

// newRecorded starts a gateway with a ledger in front of a simulated Exchange.
func newRecorded(t *testing.T, profile string, more ...func(*Options, *limits)) (*gateway, *exchangesim.Server) {
	t.Helper()
	return newExchange(t, profile, append(more, recording(t))...)
}

// newExchange starts a gateway in front of a simulated Exchange of that profile.
func newExchange(t *testing.T, profile string, more ...func(*Options, *limits)) (*gateway, *exchangesim.Server) {
	t.Helper()
	p := exchangeProfile
	p.Name = profile
	setups := append([]func(*Options, *limits){withProfile(p), resuming}, more...)
	return newSimulated(t, exchangesim.Config{Profile: profile}, setups...)
}

// ask reads one value from a ledger.
func ask(t *testing.T, file, query string) (result string) {
	t.Helper()
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRow(query).Scan(&result); err != nil {
		t.Fatal(err)
	}
	return result
}
