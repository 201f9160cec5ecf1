package proxy

import (
	"testing"

	"exgate/backend/exchangesim"
)

// A request of exgate's own that only reads is sent again when the connection is lost over it: the client does not learn
// of it.
func TestLostRequests(t *testing.T) {
	prof := repairing(true)
	prof.Names = apartNames
	for _, tt := range []struct {
		name, fault string
		quirks      []string
		command     string
		want        []string
	}{
		{"STATUS of each mailbox", "cut:STATUS", nil, `LIST "" INBOX RETURN (STATUS (MESSAGES))`,
			[]string{`* LIST (\Marked \HasNoChildren) "/" INBOX`, "* STATUS INBOX (MESSAGES 1)", "a2 OK LIST completed."}},
		{"its reply", "cut-reply:STATUS:3", nil, `LIST "" INBOX RETURN (STATUS (MESSAGES))`,
			[]string{`* LIST (\Marked \HasNoChildren) "/" INBOX`, "* STATUS INBOX (MESSAGES 1)", "a2 OK LIST completed."}},
		{"the list of folders", "cut:LIST", nil, "STATUS Drafts (MESSAGES)",
			[]string{"* STATUS Drafts (MESSAGES 0)", "a2 OK STATUS completed."}},
		{"the list of folders, lost twice", "cut-reply:LIST:40:2", nil, "STATUS Drafts (MESSAGES)",
			[]string{"* STATUS Drafts (MESSAGES 0)", "a2 OK STATUS completed."}},
		{"flags that were set", "cut:UID FETCH", []string{"store-without-uid"}, `UID STORE 1 +FLAGS (\Seen)`,
			[]string{`* 1 FETCH (FLAGS (\Seen))`, `* 1 FETCH (UID 1 FLAGS (\Seen))`, "a2 OK STORE completed."}},
		{"a message without data", "cut:UID FETCH@2", []string{"missing-data"}, "UID FETCH 2 BODY.PEEK[]",
			[]string{"a2 OK FETCH completed."}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g, sim := newSimulated(t, exchangesim.Config{Quirks: tt.quirks}, withProfile(prof), resuming)
			if _, err := sim.Deliver("alice", "INBOX", nil, testTime, []byte("Subject: x\r\n\r\ny\r\n")); err != nil {
				t.Fatal(err)
			}
			c := g.loginSimulated()
			c.C("a1 SELECT INBOX")
			c.until("a1 OK …", "* …")
			if err := sim.AddFault(tt.fault); err != nil {
				t.Fatal(err)
			}
			c.C("a2 " + tt.command)
			for _, want := range tt.want {
				c.S(want)
			}
			g.logged("session resumed")
		})
	}
}
