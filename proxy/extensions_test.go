package proxy

import (
	"strings"
	"testing"

	"exgate/backend/exchangesim"
)

// What Exchange does not know is answered here. Sent to it, twenty of these would close the connection twice.
func TestExtensionsAreAnsweredHere(t *testing.T) {
	g, sim := newSimulated(t, exchangesim.Config{Profile: "exchange2016"}, withProfile(repairing(true)))
	c := g.loginSimulated()
	c.do("SELECT INBOX (CONDSTORE)", "OK [READ-WRITE] SELECT completed.")
	before := sum(sim.Stats().Commands)
	for _, command := range []string{
		"GETACL INBOX", "MYRIGHTS INBOX", "LISTRIGHTS INBOX bob", "SETACL INBOX bob lr", "DELETEACL INBOX bob",
		"GETQUOTA \"\"", "GETQUOTAROOT INBOX", "SETQUOTA \"\" (STORAGE 5)",
		"GETMETADATA INBOX /shared/comment", "SETMETADATA INBOX (/shared/comment \"x\")",
		"GETANNOTATION INBOX \"/comment\" \"value.shared\"", "SETANNOTATION INBOX \"/comment\" (\"value.shared\" NIL)",
		"SORT (DATE) US-ASCII ALL", "UID SORT (DATE) US-ASCII ALL", "THREAD REFERENCES US-ASCII ALL", "UID THREAD REFERENCES US-ASCII ALL",
		"LANGUAGE de", "COMPARATOR", "NOTIFY NONE", "ESEARCH ALL", "CANCELUPDATE \"x\"", "RLIST \"\" \"*\"", "RLSUB \"\" \"*\"",
		"CONVERSIONS \"*\" \"*\"", "GETJMAPACCESS",
		"SELECT INBOX (QRESYNC (1 2))", "EXAMINE INBOX (CONDSTORE ANNOTATE)", "STATUS INBOX (HIGHESTMODSEQ SIZE)",
		"FETCH 1 (FLAGS) (CHANGEDSINCE 5)", "FETCH 1 (MODSEQ)", "STORE 1 (UNCHANGEDSINCE 5) +FLAGS (\\Seen)",
	} {
		c.do(command, "BAD Exchange does not know …")
	}
	if n := sum(sim.Stats().Commands) - before; n != 0 {
		t.Errorf("%d commands have reached Exchange", n)
	}
	c.do("NOOP", "OK NOOP completed.") // the mailbox is still selected
	c.do("CHECK", "OK CHECK completed.")
}

func sum(counts map[string]int) (n int) {
	for _, count := range counts {
		n += count
	}
	return n
}

// The rest of a command is carried out without what Exchange does not know.
func TestExtensionsAreRemoved(t *testing.T) {
	for _, tt := range []struct{ command, upstream string }{
		{"SELECT INBOX (CONDSTORE)", "SELECT INBOX"},
		{"SELECT INBOX  (condstore)", "SELECT INBOX"},
		{"STATUS INBOX (MESSAGES HIGHESTMODSEQ UNSEEN SIZE)", "STATUS INBOX (MESSAGES UNSEEN)"},
		{"STATUS INBOX (DELETED DELETED-STORAGE MAILBOXID APPENDLIMIT UIDNEXT)", "STATUS INBOX (UIDNEXT)"},
		{"STATUS \"A B\" (MESSAGES)", "STATUS \"A B\" (MESSAGES)"},
		{"STATUS INBOX MESSAGES", "STATUS INBOX MESSAGES"},
		{"STATUS INBOX ()", "STATUS INBOX ()"},
	} {
		t.Run(tt.command, func(t *testing.T) {
			c, u := newGateway(t, withProfile(repairing(true))).login()
			c.C("a1 " + tt.command)
			u.C("a1 " + tt.upstream)
			u.S("a1 OK done")
			c.S("a1 OK done")
		})
	}
}

// An upstream that announces an extension gets its commands.
func TestExtensionsAreRelayed(t *testing.T) {
	g := newGateway(t, withProfile(repairing(true)))
	c := g.dial()
	c.S("* OK …")
	c.C("a0 LOGIN alice secret")
	u := g.accept()
	u.S("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready")
	u.C("xg1 LOGIN …")
	u.S("xg1 OK [CAPABILITY IMAP4rev1 QUOTA ACL THREAD=REFERENCES CONDSTORE] done")
	c.until("a0 OK …")
	for _, command := range []string{"GETQUOTAROOT INBOX", "GETACL INBOX", "THREAD REFERENCES US-ASCII ALL",
		"SELECT INBOX (CONDSTORE)", "STATUS INBOX (HIGHESTMODSEQ)", "FETCH 1 (MODSEQ)"} {
		c.C("a1 " + command)
		u.C("a1 " + command)
		u.S("a1 OK done")
		c.S("a1 OK done")
	}
	c.C("a2 SORT (DATE) US-ASCII ALL")
	c.S("a2 BAD Exchange does not know SORT…")
}

// A flag that Exchange lacks does not keep the others from being stored.
func TestStoreKeepsTheOtherFlags(t *testing.T) {
	for command, want := range map[string]string{
		`STORE 1 +FLAGS (\Seen $Label1 \Important)`: `\Seen`,
		`STORE 1 FLAGS (\Flagged NonJunk \Recent)`:  `\Flagged`,
		`STORE 1 FLAGS.SILENT (\Draft \Bogus)`:      `\Draft`,
		`STORE 1 FLAGS (\Important)`:                "",
	} {
		t.Run(command, func(t *testing.T) {
			g, sim := newSimulated(t, exchangesim.Config{Profile: "exchange2016"}, withProfile(repairing(true)))
			if _, err := sim.Deliver("alice", "INBOX", nil, testTime, []byte("Subject: x\r\n\r\ny\r\n")); err != nil {
				t.Fatal(err)
			}
			c := g.loginSimulated()
			c.do("SELECT INBOX", "OK [READ-WRITE] SELECT completed.")
			c.do(command, "OK STORE completed.")
			if got := strings.Join(sim.Messages("alice", "INBOX")[0].Flags, " "); got != want {
				t.Errorf("%q, want %q", got, want)
			}
		})
	}
}

// What is searched for is read key by key, so that a word of a text is not taken for a key.
func TestSearchKeys(t *testing.T) {
	const from, both = `FROM "a@b"`, `OR FROM "a@b" HEADER FROM "a@b"`
	for command, want := range map[string]string{ // BAD: answered here
		"SEARCH RETURN (ALL) UNSEEN":                     "BAD",
		"UID SEARCH return () UNSEEN":                    "BAD",
		"SEARCH OLDER 3600":                              "BAD",
		"SEARCH UNSEEN (NOT YOUNGER 5)":                  "BAD",
		"SEARCH MODSEQ 5":                                "BAD",
		"SEARCH X-GM-RAW \"has:attachment\"":             "BAD",
		"SEARCH OR SUBJECT x FUZZY BODY y":               "BAD",
		"UID SEARCH $":                                   "BAD",
		"SEARCH CHARSET UTF-8 SAVEDSINCE 1-Jan-2026":     "BAD",
		"SEARCH SUBJECT OLDER":                           "SEARCH SUBJECT OLDER",
		"SEARCH HEADER OLDER MODSEQ":                     "SEARCH HEADER OLDER MODSEQ",
		"SEARCH (BODY MODSEQ) TEXT \"RETURN (OLDER 1)\"": "SEARCH (BODY MODSEQ) TEXT \"RETURN (OLDER 1)\"",
		"SEARCH FROM a@b":                                "SEARCH " + both,
		"SEARCH from \"a@b\"":                            "SEARCH " + both,
		"SEARCH NOT (FROM a@b) UNSEEN":                   "SEARCH NOT (" + both + ") UNSEEN",
		"SEARCH OR FROM a@b FROM a@b":                    "SEARCH OR " + both + " " + both,
		"UID SEARCH CHARSET UTF-8 UID 1:* " + from:       "UID SEARCH CHARSET US-ASCII UID 1:* " + both,
		"SEARCH FROM ann":                                "SEARCH FROM ann",
		"SEARCH TO a@b SUBJECT FROM":                     "SEARCH TO a@b SUBJECT FROM",
		"SEARCH HEADER FROM a@b":                         "SEARCH HEADER FROM a@b",
		"SEARCH FROM \"a\\\"@b\"":                        "SEARCH FROM \"a\\\"@b\"",
		"SEARCH FROM":                                    "SEARCH FROM",
		"SEARCH":                                         "SEARCH",
	} {
		t.Run(command, func(t *testing.T) {
			c, u := newGateway(t, withProfile(repairing(true))).login()
			c.C("a1 " + command)
			if want == "BAD" {
				c.S("a1 BAD Exchange does not know …")
				return
			}
			u.C("a1 " + want)
			u.S("a1 OK done")
			c.S("a1 OK done")
		})
	}
}

// An address is found where FROM looks in the names only (EX-82).
func TestSearchFindsAddresses(t *testing.T) {
	g, sim := newSimulated(t, exchangesim.Config{Profile: "exchange2016", Quirks: []string{"from-name"}}, withProfile(repairing(true)))
	for _, from := range []string{"Ann <ann@example.com>", "Bob <bob@example.com>"} {
		if _, err := sim.Deliver("alice", "INBOX", nil, testTime, []byte("From: "+from+"\r\n\r\ny\r\n")); err != nil {
			t.Fatal(err)
		}
	}
	c := g.loginSimulated()
	c.do("SELECT INBOX", "OK [READ-WRITE] SELECT completed.")
	c.C("a1 SEARCH FROM ann@example.com")
	c.S("* SEARCH 1")
	c.S("a1 OK SEARCH completed.")
	c.C("a2 SEARCH NOT FROM ann@example.com")
	c.S("* SEARCH 2")
	c.S("a2 OK SEARCH completed.")
}
