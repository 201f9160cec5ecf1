package cluster

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"exgate/proxy/ledger"
	"exgate/proxy/mailbox"
	"exgate/proxy/testkit"
)

// claimants are two gateways, or two sessions of one, that store messages for bob.
var claimants = map[string]func(t *testing.T) (a, b *mailbox.Claims){
	"memory": func(*testing.T) (a, b *mailbox.Claims) {
		c := mailbox.NewClaims((*Cluster)(nil).Peers("", "bob"))
		return c, c
	},
	"redis": func(t *testing.T) (a, b *mailbox.Claims) {
		r := testkit.StartRedis(t)
		return mailbox.NewClaims(join(t, r).Peers("", "bob")), mailbox.NewClaims(join(t, r).Peers("", "Bob"))
	},
}

// keyOf returns what a message with this header is known by.
func keyOf(t *testing.T, header string) mailbox.MessageKey {
	t.Helper()
	f, err := mailbox.ReadFingerprint(bytes.NewBufferString(header + "\r\n\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	return mailbox.MessageKey{Fingerprint: f}
}

const (
	withID    = "Message-ID: <m@x>\r\nSubject: m\r\nFrom: a@x\r\nDate: Mon, 01 Jan 2024 10:00:00 +0000"
	withoutID = "Subject: m\r\nFrom: a@x\r\nDate: Mon, 01 Jan 2024 10:00:00 +0000"
	onlyID    = "Message-ID: <m@x>"
)

// begins begins the APPEND of a message to Drafts, which goes up.
func begins(t *testing.T, c *mailbox.Claims, header string) *mailbox.Claim {
	t.Helper()
	i, err := c.Enter(t.Context(), "drafts", keyOf(t, header), testkit.WaitLimit)
	if err != nil {
		t.Fatal(err)
	}
	i.SetMark(7, 10)
	i.Sending()
	return i
}

// waits checks that an APPEND does not begin before ends has run.
func waits(t *testing.T, c *mailbox.Claims, box, header string, ends func()) {
	t.Helper()
	soon, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := c.Enter(soon, box, keyOf(t, header), time.Hour); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("an equal message does not wait: %v", err)
	}
	began := make(chan *mailbox.Claim, 1)
	go func() {
		i, _ := c.Enter(context.Background(), box, keyOf(t, header), 2*testkit.WaitLimit)
		began <- i
	}()
	ends()
	select {
	case i := <-began:
		i.Close()
	case <-time.After(testkit.WaitLimit):
		t.Fatal("an equal message waits for ever")
	}
}

// Equal messages that sessions store at the same moment go up one after the other, whichever gateways they have.
func TestEqualsConform(t *testing.T) {
	tests := map[string]func(t *testing.T, a, b *mailbox.Claims){
		"the first is stored": func(t *testing.T, a, b *mailbox.Claims) {
			first := begins(t, a, withID)
			waits(t, b, "drafts", withID, func() { first.Stored(&imap.AppendData{UIDValidity: 7, UID: 10}) })
		},
		"the first is refused": func(t *testing.T, a, b *mailbox.Claims) {
			first := begins(t, a, withID)
			first.Refused()
			waits(t, b, "drafts", withID, first.Close)
		},
		"its outcome is not known": func(t *testing.T, a, b *mailbox.Claims) {
			first := begins(t, a, withID)
			waits(t, b, "drafts", onlyID, first.Close)
		},
		"the second has no Message-ID": func(t *testing.T, a, b *mailbox.Claims) {
			first := begins(t, a, withID)
			waits(t, b, "drafts", withoutID, first.Close)
		},
		"the first has none": func(t *testing.T, a, b *mailbox.Claims) {
			first := begins(t, a, withoutID)
			waits(t, b, "drafts", withID, first.Close)
		},
		"neither has": func(t *testing.T, a, b *mailbox.Claims) {
			first := begins(t, a, withoutID)
			waits(t, b, "drafts", withoutID, first.Close)
		},
		"nobody waits for ever": func(t *testing.T, a, b *mailbox.Claims) {
			first := begins(t, a, withID)
			defer first.Close()
			i, err := b.Enter(t.Context(), "drafts", keyOf(t, withID), 20*time.Millisecond)
			if err != nil {
				t.Fatal(err)
			}
			i.Close()
		},
		"the client leaves": func(t *testing.T, a, b *mailbox.Claims) {
			first := begins(t, a, withID)
			ctx, cancel := context.WithCancelCause(t.Context())
			gone := errors.New("gone")
			time.AfterFunc(20*time.Millisecond, func() { cancel(gone) })
			if _, err := b.Enter(ctx, "drafts", keyOf(t, withID), time.Hour); err != gone {
				t.Error(err)
			}
			first.Close()
			begins(t, b, withID).Close() // the one that left is in nobody's way
		},
		"others do not wait": func(t *testing.T, a, b *mailbox.Claims) {
			defer begins(t, a, withID).Close()
			for name, m := range map[string]struct{ box, header string }{
				"another mailbox":    {"inbox", withID},
				"another Message-ID": {"drafts", "Message-ID: <n@x>\r\n" + withoutID},
				"another subject":    {"drafts", "Subject: n\r\nFrom: a@x\r\nDate: Mon, 01 Jan 2024 10:00:00 +0000"},
				"no header":          {"drafts", "X: y"},
			} {
				ctx, cancel := context.WithTimeout(t.Context(), testkit.WaitLimit)
				i, err := b.Enter(ctx, m.box, keyOf(t, m.header), time.Hour)
				cancel()
				if err != nil {
					t.Errorf("%s: %v", name, err)
					continue
				}
				i.Close()
			}
		},
	}
	for how, open := range claimants {
		for name, run := range tests {
			t.Run(how+"/"+name, func(t *testing.T) {
				t.Parallel()
				a, b := open(t)
				run(t, a, b)
			})
		}
	}
}

// enter begins an APPEND of a gateway, and returns its lease and what the others may have stored.
func enter(t *testing.T, c *Cluster, patience time.Duration) (mailbox.Lease, int) {
	t.Helper()
	l, others, err := c.Peers("", "bob").Enter(t.Context(), mailbox.Shared{Mailbox: "drafts", ID: "<m@x>"}, patience)
	if err != nil {
		t.Fatal(err)
	}
	return l, others
}

// What a gateway may have stored under a UID that is not known is remembered by the others, for a time; a UID that is
// known is among those that no look takes.
func TestEqualsOfOthers(t *testing.T) {
	r := testkit.StartRedis(t)
	one, two := join(t, r), join(t, r)
	uids := func() []uint32 {
		return messages{two}.UIDs(ledger.Place("", "bob", "Drafts"), ledger.Mark{UIDValidity: 7}, 0)
	}
	first, _ := enter(t, one, 0)
	late, others := enter(t, two, 0)
	if others != manyStored {
		t.Errorf("while one is on its way, others may have stored %d", others)
	}
	mark := mailbox.Mark{UIDValidity: 7, Next: 11}
	othersOf := func(l mailbox.Lease) int {
		n, _ := l.Others(mark)
		return n
	}
	if n := othersOf(first); n != manyStored {
		t.Errorf("the first hears of %d of the one that has lost patience", n)
	}
	first.End(2, 7, []uint32{10, 11})
	testkit.Eventually(t, "it has ended", func() bool { return othersOf(late) == 2 })
	if got := uids(); !slices.Equal(got, []uint32{10, 11}) {
		t.Errorf("UIDs %v", got)
	}
	if _, got := late.Others(mark); !slices.Equal(got, []uint32{11}) {
		t.Errorf("UIDs from the mark on: %v", got)
	}
	first.End(0, 7, []uint32{12}) // it was found
	testkit.Eventually(t, "nothing is left of it", func() bool { return othersOf(late) == 0 })
	if got := uids(); !slices.Equal(got, []uint32{10, 11, 12}) {
		t.Errorf("UIDs %v", got)
	}
	late.End(0, 0, nil)
	testkit.Eventually(t, "nothing is left in Redis", func() bool {
		keys, err := one.client.Keys(t.Context(), one.keys.equal("*")).Result()
		return err == nil && len(keys) == 0
	})
}

// The APPEND of a gateway that was killed is waited for until the gateway may be taken for dead. What it may have stored
// is remembered.
func TestEqualsOfAKilledGateway(t *testing.T) {
	r := testkit.StartRedis(t)
	killed, other := join(t, r), join(t, r)
	enter(t, killed, 0)
	killed.cancel()
	killed.work.Wait()
	began := time.Now()
	_, others := enter(t, other, time.Hour)
	if took := time.Since(began); took < silentAfter-2*beatEvery || took > lookFor+time.Second {
		t.Errorf("the message has waited for %s", took)
	}
	if others != manyStored {
		t.Errorf("the other may have stored %d", others)
	}
}

// Without Redis a gateway goes on. When Redis is back, the others know of what is still on its way, and of nothing that
// has ended meanwhile.
func TestEqualsWithoutRedis(t *testing.T) {
	r := testkit.StartRedis(t)
	one, two := join(t, r), join(t, r)
	ended, _ := enter(t, one, 0)
	open, _, err := one.Peers("", "bob").Enter(t.Context(), mailbox.Shared{Mailbox: "sent", ID: "<m@x>"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	r.Kill()
	testkit.Eventually(t, "both have lost Redis", func() bool { return !one.hasRedis() && !two.hasRedis() })
	ended.End(0, 0, nil)
	if _, others := enter(t, two, time.Hour); others != 0 {
		t.Errorf("others may have stored %d", others)
	}
	r.Start()
	testkit.Eventually(t, "Redis knows of one", func() bool {
		if !one.hasRedis() || !two.hasRedis() {
			return false
		}
		keys, err := one.client.Keys(t.Context(), one.keys.equal("*")).Result()
		return err == nil && len(keys) == 1
	})
	open.End(0, 0, nil)
	testkit.Eventually(t, "Redis knows of none", func() bool {
		keys, err := one.client.Keys(t.Context(), one.keys.equal("*")).Result()
		return err == nil && len(keys) == 0
	})
}
