package proxy

import (
	"slices"
	"strings"
	"testing"

	"exgate/backend/folders"
)

// TestApart creates, uses and deletes two mailboxes whose names differ in case.
func TestApart(t *testing.T) {
	c, sim, g := newMapped(t, apartNames)
	for _, name := range []string{"Trash", "trash", "TRASH", "Trash/Sub", "trash/sub", `"trail "`, "&2DzfiQ-"} {
		c.do("CREATE "+name, "OK CREATE completed.")
	}
	want := []string{"TRASH", "Trash", "Trash/Sub", "trail ", "trash", "trash/sub", "&2DzfiQ-"}
	if got := c.list("*"); !containsAll(got, want) {
		t.Fatalf("listed %q", got)
	}
	if got := c.list("tr%"); !slices.Equal(got, []string{"trail ", "trash"}) {
		t.Errorf("tr%%: %q", got)
	}
	if got := c.list("trash/*"); !slices.Equal(got, []string{"trash/sub"}) {
		t.Errorf("trash/*: %q", got)
	}
	if got := c.list("trash"); !slices.Equal(got, []string{"trash"}) {
		t.Errorf("trash: %q", got)
	}
	for i, name := range []string{"Trash", "trash", "TRASH"} {
		for range i + 1 {
			c.C("x2 APPEND " + name + " {10+}\r\nSubject: x")
			c.until("x2 OK …")
		}
		c.do("STATUS "+name+" (MESSAGES)", "OK …")
	}
	c.C("s1 STATUS trash (MESSAGES)")
	c.S("* STATUS trash (MESSAGES 2)")
	c.S("s1 OK …")
	c.do("SELECT trash", "OK …")
	c.do("COPY 1:2 Trash", "OK …")
	c.do("COPY 1:2 nowhere", "NO [TRYCREATE] …")
	c.C("s2 STATUS Trash (MESSAGES)")
	c.S("* STATUS Trash (MESSAGES 3)")
	c.S("s2 OK …")
	c.do("CREATE trash", "NO Mailbox already exists.")

	// A second gateway maps the same names in the same way.
	again := startGateway(t, ListenInsecurePlaintext, g.srv.settings.Load().opts.Upstreams[0].Backend.Address, withProfile(mapping(apartNames)))
	c2 := again.loginSimulated()
	c2.C("s1 STATUS TRASH (MESSAGES)")
	c2.S("* STATUS TRASH (MESSAGES 3)")
	c2.S("s1 OK …")

	c.do("DELETE Trash/Sub", "OK …")
	c.do("DELETE Trash", "OK …")
	if got := c.list("*"); slices.Contains(got, "Trash") || !containsAll(got, []string{"trash", "TRASH", "trash/sub"}) {
		t.Errorf("after DELETE: %q", got)
	}
	c.do("RENAME trash Trash", "OK …")
	c.do("RENAME TRASH trash", "OK …")
	if got := c.list("*"); slices.Contains(got, "TRASH") || !containsAll(got, []string{"Trash", "trash", "Trash/sub"}) {
		t.Errorf("after RENAME: %q, and %q in Exchange", got, sim.Mailboxes("alice"))
	}
	c2.C("s1 STATUS trash (MESSAGES)")
	c2.S("* STATUS trash (MESSAGES 3)")
	c2.S("s1 OK …")
}

func containsAll(list, want []string) bool {
	return !slices.ContainsFunc(want, func(w string) bool { return !slices.Contains(list, w) })
}

func TestMerge(t *testing.T) {
	o := apartNames
	o.Case = folders.Merge
	c, sim, g := newMapped(t, o)
	c.do("CREATE Trash", "OK CREATE completed.")
	c.do("CREATE trash", "OK CREATE completed: Trash is the same mailbox (names.case: merge)")
	c.C("x2 APPEND trash {10+}\r\nSubject: x")
	c.until("x2 OK …")
	if n := len(sim.Messages("alice", "Trash")); n != 1 {
		t.Errorf("%d messages in Trash", n)
	}
	c.C("s1 STATUS trash (MESSAGES)")
	c.S("* STATUS trash (MESSAGES 1)")
	c.S("s1 OK …")
	g.logged("clients use several names for one mailbox")
	for _, command := range []string{`STORE 1 +FLAGS (\Deleted)`, `UID STORE 1 FLAGS.SILENT \Deleted`, "EXPUNGE", "UID EXPUNGE 1", "MOVE 1 INBOX"} {
		c.do("SELECT trash", "OK …")
		c.do(command, "NO [CANNOT] …")
	}
	c.do(`STORE 1 +FLAGS (\Flagged)`, "OK …")
	c.do("SELECT INBOX", "OK …")
	c.do("EXPUNGE", "OK …")

	c.C("x4 CREATE {4+}\r\ncaf\xe9")
	c.until("x4 NO [CANNOT] the name of the mailbox is neither modified UTF-7 nor UTF-8 …")

	// A name whose only difference is a replaced character has no second name.
	c.do(`CREATE "trail "`, "OK CREATE completed.")
	c.C("x3 APPEND \"trail \" {10+}\r\nSubject: x")
	c.until("x3 OK …")
	c.do(`SELECT "trail "`, "OK …")
	c.do(`STORE 1 +FLAGS (\Deleted)`, "OK …")
	c.do("EXPUNGE", "OK …")
}

// Exchange creates the parents of a mailbox unasked. A client that creates such a parent afterwards gets OK, once.
func TestImpliedParents(t *testing.T) {
	c, _, _ := newMapped(t, apartNames)
	c.do("CREATE a/b/c", "OK …")
	c.do("CREATE a", "OK CREATE completed.")
	c.do("CREATE a/b", "OK …")
	c.do("CREATE a", "NO Mailbox already exists.")
	c.do("CREATE a/b/c", "NO Mailbox already exists.")
}

// Another program creates a mailbox just before the client does, with a name that differs in case.
func TestMadeByOthers(t *testing.T) {
	c, sim, _ := newMapped(t, apartNames)
	c.do("STATUS Drafts (MESSAGES)", "OK …")
	if _, err := sim.Deliver("alice", "Later", nil, testTime, []byte("Subject: x\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	c.do("CREATE later", "OK …")
	if got := c.list("*"); !containsAll(got, []string{"Later", "later"}) {
		t.Errorf("%q", got)
	}
}

// A resumed session selects the mailbox by its name in Exchange.
func TestResumeUnderAnotherName(t *testing.T) {
	g := newGateway(t, withProfile(mapping(apartNames)), func(o *Options, _ *limits) { o.Upstreams[0].Resume = true })
	c, u := g.login()
	c.C("a1 SELECT trash")
	u.listed("xg2", "INBOX", "Trash")
	_, suffixed, _ := strings.Cut(u.C("a1 SELECT trash_exgate_…"), "SELECT ")
	u.S("* 0 EXISTS")
	u.S("* OK [UIDVALIDITY 7] x")
	u.S("* OK [UIDNEXT 1] x")
	u.S("a1 OK done")
	c.until("a1 OK done", "* …")
	u.close()
	c.C("a2 NOOP")
	u = g.accept()
	u.S("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready")
	u.C(`xg1 LOGIN "alice" "secret"`)
	u.S("xg1 OK [CAPABILITY " + capabilities + "] done")
	u.C("xg2 SELECT " + suffixed)
	u.S("* 0 EXISTS")
	u.S("* OK [UIDVALIDITY 8] x")
	u.S("* OK [UIDNEXT 1] x")
	u.S("xg2 OK done")
	c.S(`* BYE … the mailbox "trash" is another one now…`)
}
