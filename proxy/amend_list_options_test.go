package proxy

import (
	"strings"
	"testing"

	"exgate/backend/exchangesim"
)

// LIST with options of RFC 5258 and RFC 5819, of which Exchange knows none.
func TestListOptions(t *testing.T) {
	prof := repairing(true)
	prof.Names = apartNames
	g, sim := newSimulated(t, exchangesim.Config{Profile: "exchange2016"}, withProfile(prof))
	if _, err := sim.Deliver("alice", "INBOX", nil, testTime, []byte("Subject: x\r\n\r\ny\r\n")); err != nil {
		t.Fatal(err)
	}
	c := g.loginSimulated()
	c.do("CREATE Work", "OK CREATE completed.")
	c.do("CREATE \"Work/a b\"", "OK CREATE completed.")
	c.do("SUBSCRIBE Work", "OK SUBSCRIBE completed.")
	for _, tt := range []struct {
		command string
		want    []string // parts of the reply; with "!" what must not be in it
	}{
		{`LIST "" "*" RETURN (STATUS (UNSEEN))`, []string{"* STATUS INBOX (UNSEEN 1)", "* STATUS Work (UNSEEN 0)", `* STATUS "Work/a b" (UNSEEN 0)`, `* LIST (\HasChildren) "/" Work`, "OK LIST completed."}},
		{`LIST "" % RETURN (SUBSCRIBED STATUS (MESSAGES HIGHESTMODSEQ))`, []string{"* STATUS INBOX (MESSAGES 1)", "!Work/a b", `* LIST (\HasChildren \Subscribed) "/" Work`}},
		{`LIST "" Work RETURN (status (messages unseen) children)`, []string{"* STATUS Work (MESSAGES 0 UNSEEN 0)", "!INBOX"}},
		{`LIST "" (INBOX Work) RETURN (STATUS (SIZE))`, []string{"* LIST", "!STATUS", "OK LIST completed."}},
		{`LIST (SUBSCRIBED) "" "*"`, []string{`* LIST (\HasChildren \Subscribed) "/" Work`, "!a b", "!LSUB (", "OK LSUB completed."}},
		{`LIST (SUBSCRIBED RECURSIVEMATCH) "" "*" RETURN (CHILDREN STATUS (MESSAGES))`, []string{`* LIST (\HasChildren \Subscribed) "/" Work`, "* STATUS Work (MESSAGES 0)", "!a b"}},
		{`LIST (REMOTE) "" INBOX`, []string{"INBOX", "OK LIST completed."}},
		{`LIST (REMOTE FOO) "" INBOX`, []string{"BAD Exchange does not know the selection option FOO"}},
		{`LIST "" INBOX RETURN (MYRIGHTS)`, []string{"BAD Exchange does not know the return option MYRIGHTS"}},
		{`LIST "" INBOX RETURN (STATUS (UNSEEN)`, []string{"BAD LIST: the return options"}},
		{`LIST "" INBOX RETURN STATUS`, []string{"BAD LIST: RETURN"}},
		{`LIST "" INBOX RETURN (STATUS ())`, []string{"BAD LIST: STATUS"}},
	} {
		t.Run(tt.command, func(t *testing.T) {
			c.C("l1 " + tt.command)
			lines := []string{""}
			for !strings.HasPrefix(lines[len(lines)-1], "l1 ") {
				lines = append(lines, c.S("…"))
			}
			all := strings.Join(lines, "\n")
			for _, want := range tt.want {
				if text, absent := strings.CutPrefix(want, "!"); absent == strings.Contains(all, text) {
					t.Errorf("%q: %s", want, all)
				}
			}
		})
	}
	if n := sim.Stats().Bads; n != 0 {
		t.Errorf("%d errors at Exchange", n)
	}
}

// A mailbox whose STATUS is refused has none, and the LIST is answered all the same.
func TestListWithRefusedStatus(t *testing.T) {
	prof := repairing(true)
	prof.Names = apartNames
	g, _ := newSimulated(t, exchangesim.Config{Profile: "exchange2016",
		Faults: []string{"refuse:STATUS:1:NO Server Unavailable. 15"}}, withProfile(prof))
	c := g.loginSimulated()
	c.C(`l1 LIST "" (INBOX Drafts) RETURN (STATUS (MESSAGES))`)
	c.S(`* LIST (\HasNoChildren) "/" INBOX`)
	c.S(`* LIST (\HasNoChildren) "/" Drafts`)
	c.S("* STATUS Drafts (MESSAGES 0)")
	c.S("l1 OK LIST completed.")
	c.do("NOOP", "OK NOOP completed.")
}
