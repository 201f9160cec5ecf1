package proxy

import (
	"fmt"
	"strings"
	"testing"

	"exgate/backend/exchangesim"
	"exgate/proxy/testkit"
)

// What became of the messages of an account outlives its sessions, and the refusals name no words of a mail.
func TestProgressOutlivesSessions(t *testing.T) {
	g, _ := newSimulated(t, exchangesim.Config{}, withProfile(exchangeProfile))
	for range 2 {
		c := g.dial()
		c.S("* OK …")
		c.C("a0 LOGIN Alice@example.com alicepass")
		c.until("a0 OK …")
		c.C("a1 APPEND INBOX {29+}")
		c.raw("Subject: topsecret\r\n\r\nwords\r\n\r\n")
		c.until("a1 OK …")
		c.C("a2 APPEND INBOX {300000000}")
		c.until("a2 NO [TOOBIG] …")
		c.C("a3 APPEND nowhere {29+}")
		c.raw("Subject: topsecret\r\n\r\nwords\r\n\r\n")
		c.until("a3 NO …")
		c.close()
		testkit.Eventually(t, "no session", func() bool { return len(g.srv.Snapshot().Sessions) == 0 })
	}
	c := g.dial()
	c.S("* OK …")
	c.C("a0 LOGIN bob@example.com wrong")
	c.until("a0 NO …")
	now := g.srv.Snapshot()
	if len(now.Accounts) != 1 {
		t.Fatalf("accounts: %+v", now.Accounts)
	}
	if a := now.Accounts[0]; a.User != "Alice@example.com" || a.Sessions != 0 || a.Stored != 2 || a.Refused != 4 || a.LastActive.IsZero() {
		t.Errorf("got %+v", a)
	}
	var got []string
	for _, r := range now.Refusals {
		got = append(got, fmt.Sprintf("%s of %s %s %d %s", r.What, r.User, r.Mailbox, r.Size, r.Explain))
		if r.Explain != "" && r.Title == "" {
			t.Errorf("%s has no title", r.Explain)
		}
	}
	if len(got) != 5 || !strings.HasPrefix(got[0], "login of bob@example.com  0 ") || got[2] != "message of Alice@example.com INBOX 300000000 too-big" ||
		!strings.HasPrefix(got[1], "message of Alice@example.com nowhere 29") {
		t.Errorf("refusals:\n%s", strings.Join(got, "\n"))
	}
	if all := fmt.Sprintf("%+v", now); strings.Contains(all, "topsecret") || strings.Contains(all, "words") || strings.Contains(all, "wrong") {
		t.Errorf("a secret is in %s", all)
	}
}
