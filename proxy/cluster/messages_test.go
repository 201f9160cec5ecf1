package cluster

import (
	"crypto/sha256"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"exgate/proxy/ledger"
	"exgate/proxy/testkit"
)

func openLedger(t *testing.T, c *Cluster) *ledger.Ledger {
	t.Helper()
	l := ledger.Open(ledger.Options{File: filepath.Join(t.TempDir(), "ledger.db")})
	t.Cleanup(l.Close)
	c.ShareLedger(l)
	return l
}

var ledgers = map[string]func(t *testing.T) (a, b *ledger.Ledger){
	"memory": func(t *testing.T) (a, b *ledger.Ledger) {
		l := openLedger(t, nil)
		return l, l
	},
	"redis": func(t *testing.T) (a, b *ledger.Ledger) {
		r := testkit.StartRedis(t)
		return openLedger(t, join(t, r)), openLedger(t, join(t, r))
	},
}

// session begins a session that stores messages.
func session(l *ledger.Ledger, id string) *ledger.Journal {
	return l.Session(ledger.Session{ID: id, Account: "bob", Profile: "exchange2016"})
}

func message(text string) *ledger.Message {
	return &ledger.Message{
		Mailbox: "Sent", Exchange: "Sent", Size: int64(len(text)), Sum: sha256.Sum256([]byte(text)),
		Mark: ledger.Mark{UIDValidity: 9, Next: 7},
	}
}

// goesUp has the message of a session go up.
func goesUp(j *ledger.Journal, m *ledger.Message) {
	j.Begin(m)
	j.Intend(m)()
}

// isStored has it stored under the UID, and its client told.
func isStored(j *ledger.Journal, m *ledger.Message, uid uint32) {
	m.Outcome, m.UIDValidity, m.UID = ledger.Stored, 9, uid
	j.Done(m)
	j.Told()
}

// eventually waits until a session has an earlier attempt for a message.
func eventually(t *testing.T, j *ledger.Journal, m *ledger.Message) (e *ledger.Earlier) {
	t.Helper()
	testkit.Eventually(t, "the earlier attempt is known", func() bool {
		e = j.Earlier(m)
		return e != nil
	})
	return e
}

// What one gateway may have stored without its client knowing is looked for through any gateway, once.
func TestMessagesConform(t *testing.T) {
	tests := map[string]func(t *testing.T, a, b *ledger.Ledger){
		"the answer was lost": func(t *testing.T, a, b *ledger.Ledger) {
			one, again := session(a, "one"), session(b, "two")
			goesUp(one, message("m"))
			m := message("m")
			goesUp(one, m)
			isStored(one, m, 8)
			one.End(ledger.Totals{})
			first := eventually(t, again, message("m"))
			second := eventually(t, again, message("m"))
			if first.UID != 0 { // both are of the same millisecond
				first, second = second, first
			}
			if first.UID != 0 || first.Mark != (ledger.Mark{UIDValidity: 9, Next: 7}) {
				t.Errorf("the first has UID %d and mark %v", first.UID, first.Mark)
			}
			if second.UID != 8 || second.Mark != (ledger.Mark{UIDValidity: 9, Next: 8}) {
				t.Errorf("the second has UID %d and mark %v", second.UID, second.Mark)
			}
			if e := session(a, "three").Earlier(message("m")); e != nil {
				t.Error("two sessions look for the same")
			}
			if uids := first.Others(); !slices.Contains(uids, 8) {
				t.Errorf("UIDs of others: %v", uids)
			}
			if uids := second.Others(); len(uids) > 0 {
				t.Errorf("UIDs of others than 8: %v", uids)
			}
			second.Leave()
			if e := eventually(t, session(a, "four"), message("m")); e.UID != 8 {
				t.Errorf("the one that was given back has UID %d", e.UID)
			} else {
				e.Found(9, 8)
			}
			first.Absent()
			for _, l := range []*ledger.Ledger{a, b} {
				testkit.Eventually(t, "nothing is left", func() bool { return session(l, "last").Earlier(message("m")) == nil })
			}
		},
		"the second of two was lost": func(t *testing.T, a, b *ledger.Ledger) {
			one, told := session(a, "one"), message("m")
			goesUp(one, told)
			isStored(one, told, 8)
			goesUp(one, message("m"))
			one.End(ledger.Totals{})
			again := message("m")
			testkit.Eventually(t, "the second attempt is known", func() bool { // the first may be known before it
				e := session(b, "two").Earlier(again)
				if e == nil {
					return false
				}
				if e.UID == 0 {
					e.Absent()
					return true
				}
				e.Leave()
				return false
			})
			if e := session(b, "two").Earlier(again); e != nil {
				t.Errorf("the second is taken for the first, with UID %d", e.UID)
			}
			if e := eventually(t, session(b, "two"), message("m")); e.UID != 8 {
				t.Errorf("the first came again, and has UID %d", e.UID)
			}
		},
		"the answers of two sessions were lost": func(t *testing.T, a, b *ledger.Ledger) {
			one, two, m := session(a, "one-1"), session(b, "one-2"), message("m")
			goesUp(one, message("m"))
			one.End(ledger.Totals{})
			goesUp(two, m)
			isStored(two, m, 8)
			two.End(ledger.Totals{})
			again, uids := message("m"), map[uint32]bool{}
			for range 2 {
				e := eventually(t, session(b, "three"), again)
				uids[e.UID] = true
				e.Absent()
			}
			if !uids[0] || !uids[8] {
				t.Errorf("got the attempts with the UIDs %v", uids)
			}
		},
		"the message of an attempt is another than was told": func(t *testing.T, a, b *ledger.Ledger) {
			one, m := session(a, "one"), message("m")
			goesUp(one, m)
			isStored(one, m, 8)
			one.End(ledger.Totals{})
			eventually(t, session(b, "two"), message("m")).Found(9, 12) // mailbox.LandingOther
			three := session(a, "three")
			goesUp(three, message("m"))
			three.End(ledger.Totals{})
			third := eventually(t, session(a, "four"), message("m"))
			if uids := third.Others(); !slices.Contains(uids, 12) {
				t.Errorf("UIDs of others: %v, without that of the first attempt's message", uids)
			}
			third.Absent()
		},
		"the answer is proven": func(t *testing.T, a, b *ledger.Ledger) {
			one, m := session(a, "one"), message("m")
			goesUp(one, m)
			isStored(one, m, 8)
			one.Proven()
			one.End(ledger.Totals{})
			none(t, b)
		},
		"the session is open": func(t *testing.T, a, b *ledger.Ledger) {
			one, m := session(a, "one"), message("m")
			goesUp(one, m)
			none(t, b)
			isStored(one, m, 8)
			none(t, b)
		},
		"the message is another": func(t *testing.T, a, b *ledger.Ledger) {
			one, m := session(a, "one"), message("m")
			goesUp(one, m)
			one.End(ledger.Totals{})
			other := session(b, "two")
			for name, change := range map[string]func(m *ledger.Message){
				"sum":     func(m *ledger.Message) { m.Sum[0]++ },
				"mailbox": func(m *ledger.Message) { m.Exchange = "Drafts" },
			} {
				m := message("m")
				if change(m); other.Earlier(m) != nil {
					t.Errorf("another %s is the same message", name)
				}
			}
			carol := b.Session(ledger.Session{ID: "carol", Account: "carol", Profile: "exchange2016"})
			if carol.Earlier(message("m")) != nil {
				t.Error("another account has sent the same message")
			}
			eventually(t, other, message("m"))
		},
		"the outcome is not known": func(t *testing.T, a, b *ledger.Ledger) {
			one, m := session(a, "one"), message("m")
			goesUp(one, m)
			m.Outcome = ledger.Unknown
			one.Done(m)
			if e := eventually(t, session(b, "two"), message("m")); e.UID != 0 {
				t.Errorf("UID %d", e.UID)
			}
		},
		"it was refused": func(t *testing.T, a, b *ledger.Ledger) {
			one, m := session(a, "one"), message("m")
			goesUp(one, m)
			m.Outcome = ledger.Refused
			one.Done(m)
			one.End(ledger.Totals{})
			none(t, b)
		},
	}
	for how, open := range ledgers {
		for name, run := range tests {
			t.Run(how+"/"+name, func(t *testing.T) {
				t.Parallel()
				a, b := open(t)
				run(t, a, b)
			})
		}
	}
}

// none checks that nothing is looked for.
func none(t *testing.T, l *ledger.Ledger) {
	t.Helper()
	if e := session(l, "none").Earlier(message("m")); e != nil {
		t.Errorf("it is looked for from %v", e.Mark)
	}
}

// The messages of a gateway that was killed are looked for as soon as it may be taken for dead.
func TestMessageOfAKilledGateway(t *testing.T) {
	r := testkit.StartRedis(t)
	killed := join(t, r)
	a, b := openLedger(t, killed), openLedger(t, join(t, r))
	goesUp(session(a, "one"), message("m"))
	none(t, b) // its gateway lives
	killed.cancel()
	killed.work.Wait()
	began := time.Now()
	if e := session(b, "two").Earlier(message("m")); e == nil {
		t.Errorf("it is not looked for after %s", time.Since(began))
	}
	if took := time.Since(began); took > lookFor {
		t.Errorf("the client has waited for %s", took)
	}
}

// A gateway that learns of its message's fate through another one does not look again, and its row says so.
func TestMessageFoundElsewhere(t *testing.T) {
	r := testkit.StartRedis(t)
	a, b := openLedger(t, join(t, r)), openLedger(t, join(t, r))
	one, m := session(a, "one"), message("m")
	goesUp(one, m)
	m.Outcome = ledger.Unknown
	one.Done(m)
	one.End(ledger.Totals{})
	eventually(t, session(b, "two"), message("m")).Found(9, 8)
	testkit.Eventually(t, "the gateway knows", func() bool {
		e := session(a, "three").Earlier(message("m"))
		if e != nil {
			e.Leave()
		}
		return e == nil
	})
}

// Without Redis a gateway knows its own messages. When Redis is back, all are known again.
func TestMessagesWithoutRedis(t *testing.T) {
	r := testkit.StartRedis(t)
	first, second := join(t, r), join(t, r)
	a, b := openLedger(t, first), openLedger(t, second)
	r.Kill()
	testkit.Eventually(t, "both have lost Redis", func() bool { return !first.hasRedis() && !second.hasRedis() })
	one := session(a, "one")
	goesUp(one, message("m"))
	one.End(ledger.Totals{})
	none(t, b)
	e := session(a, "two").Earlier(message("m"))
	if e == nil {
		t.Fatal("a gateway does not know its own message")
	}
	e.Leave()
	r.Start()
	eventually(t, session(b, "three"), message("m")).Found(9, 8)
	testkit.Eventually(t, "its gateway looks no more", func() bool {
		e := session(a, "four").Earlier(message("m"))
		if e != nil {
			e.Leave()
		}
		return e == nil
	})
}

// A client whose machine does not acknowledge an answer may come back through another gateway while its session is open.
func TestSilentClient(t *testing.T) {
	r := testkit.StartRedis(t)
	clock := &testkit.Clock{T: time.Now()}
	l := ledger.Open(ledger.Options{File: filepath.Join(t.TempDir(), "ledger.db"), Now: clock.Now})
	t.Cleanup(l.Close)
	join(t, r).ShareLedger(l)
	b := openLedger(t, join(t, r))
	arrived := make(chan struct{})
	j := l.Session(ledger.Session{ID: "one", Account: "bob", Profile: "exchange2016", Arrived: func() bool {
		select {
		case <-arrived:
			return true
		default:
			return false
		}
	}})
	m := message("m")
	goesUp(j, m)
	isStored(j, m, 8)
	none(t, b)
	clock.Add(time.Minute)
	eventually(t, session(b, "two"), message("m")).Leave()
	close(arrived)
	testkit.Eventually(t, "the client has it after all", func() bool {
		e := session(b, "three").Earlier(message("m"))
		if e != nil {
			e.Leave()
		}
		return e == nil
	})
}
