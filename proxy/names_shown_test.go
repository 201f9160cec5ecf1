package proxy

import (
	"slices"
	"strings"
	"testing"

	"exgate/backend/folders"
	"exgate/proxy/amend"
)

func TestPrefix(t *testing.T) {
	o := apartNames
	o.Prefix = "backup/alice"
	c, sim, _ := newMapped(t, o)
	c.do("SELECT INBOX", "OK …") // exgate creates it: no client would
	c.do("CREATE Work/2026", "OK …")
	if got := c.list("*"); !slices.Equal(got, []string{"INBOX", "Work", "Work/2026"}) {
		t.Errorf("listed %q", got)
	}
	if got := sim.Mailboxes("alice"); !containsAll(got, []string{"backup/alice/INBOX", "backup/alice/Work/2026"}) {
		t.Errorf("in Exchange %q", got)
	}
	c.C("n1 NAMESPACE")
	c.S(`* NAMESPACE (("" "/")) NIL NIL`)
	c.S("n1 OK …")
}

// LSUB with a pattern that ends in % returns parents that are not subscribed (RFC 3501 section 6.3.9).
func TestLsubParents(t *testing.T) {
	c, _, _ := newMapped(t, apartNames)
	c.do("CREATE a/b/c", "OK …")
	c.do("CREATE a/b/d", "OK …")
	c.do("SUBSCRIBE a/b/c", "OK …")
	c.do("SUBSCRIBE a/b/d", "OK …")
	for pattern, want := range map[string]string{"a%": `* LSUB (\Noselect) "/" a`, "a/%": `* LSUB (\Noselect) "/" a/b`, "a/b/c": `* LSUB (\HasNoChildren) "/" a/b/c`} {
		c.C(`l1 LSUB "" "` + pattern + `"`)
		c.S(want)
		c.S("l1 OK …")
	}
}

// Clients may be shown another separator, so that a "/" can be part of a name.
func TestSeparator(t *testing.T) {
	o := apartNames
	o.Separator = "."
	c, sim, _ := newMapped(t, o)
	c.do("CREATE a/b.c", "OK …")
	c.C("l1 LIST \"\" a%.c")
	c.S(`* LIST (\HasNoChildren) "." a/b.c`)
	c.S("l1 OK …")
	c.C("n1 NAMESPACE")
	c.S(`* NAMESPACE (("" ".")) NIL NIL`)
	c.S("n1 OK …")
	c.C(`l2 LIST "" ""`)
	c.S(`* LIST (\Noselect \HasChildren) "." ""`)
	c.S("l2 OK …")
	if got := sim.Mailboxes("alice"); !slices.Contains(got, "a&IhU-b/c") {
		t.Errorf("in Exchange %q", got)
	}
}

func TestHiddenAndSpecialUse(t *testing.T) {
	o := apartNames
	o.Hide = []folders.Class{folders.Calendar, folders.Contacts, folders.Notes}
	o.SpecialUse = true
	c, _, _ := newMapped(t, o)
	c.C(`l1 LIST "" "*"`)
	for _, want := range []string{
		`* LIST (\HasNoChildren) "/" INBOX`, `* LIST (\HasNoChildren \Trash) "/" "Deleted Items"`, `* LIST (\HasNoChildren \Drafts) "/" Drafts`,
		`* LIST (\HasNoChildren) "/" Journal`, `* LIST (\HasNoChildren \Junk) "/" "Junk Email"`, `* LIST (\HasNoChildren) "/" Outbox`,
		`* LIST (\HasNoChildren \Sent) "/" "Sent Items"`, `* LIST (\HasNoChildren) "/" Tasks`, "l1 OK …",
	} {
		c.S(want)
	}
	c.C(`l2 LIST (SPECIAL-USE) "" "S*" RETURN (SPECIAL-USE)`)
	c.S(`* LIST (\HasNoChildren \Sent) "/" "Sent Items"`)
	c.S("l2 OK …")
	c.C(`l3 LSUB "" "C*"`)
	c.S("l3 OK …")
	c.C("c1 CAPABILITY")
	c.S("* CAPABILITY … SPECIAL-USE…")
	c.S("c1 OK …")
	c.do("SELECT Calendar", "NO …")
	c.do("CREATE Notes", "OK …") // the client's own folder, not Exchange's for notes
	if got := c.list("N*"); !slices.Equal(got, []string{"Notes"}) {
		t.Errorf("%q", got)
	}
}

func TestReservedAndLong(t *testing.T) {
	o := apartNames
	o.Reserved, o.Longest = []string{"Files"}, 64
	c, sim, _ := newMapped(t, o, "reserved-files")
	long := strings.Repeat("ab ", 60) + "c"
	for _, name := range []string{"Files", `"` + long + `"`} {
		c.do("CREATE "+name, "OK …")
		c.C("x2 APPEND " + name + " {10+}\r\nSubject: x")
		c.until("x2 OK …")
	}
	if got := c.list("*"); !containsAll(got, []string{"Files", long}) {
		t.Errorf("listed %q", got)
	}
	if n := len(sim.Messages("alice", "Files_renamed_by_imapsync")); n != 1 {
		t.Errorf("%d messages in imapsync's Files, of %q", n, sim.Mailboxes("alice"))
	}
}

func TestBlankEndOn2007(t *testing.T) {
	o := apartNames
	o.RefuseBlankEnd = true
	g := newGateway(t, withProfile(mapping(o)))
	c, u := g.login()
	for i, command := range []string{`SELECT "Foo "`, `STATUS "Foo " (MESSAGES)`, `COPY 1 "Foo "`} {
		c.C("a1 " + command)
		if i == 0 {
			u.listed("xg2", "INBOX", `"Foo "`)
		}
		c.S("a1 NO [CANNOT] … rename the mailbox…")
	}
	c.C("a2 APPEND \"Foo \" {3}")
	c.S("a2 NO [CANNOT] … rename the mailbox…")
	c.C(`a3 RENAME "Foo " Foo`)
	u.C(`a3 RENAME "Foo " Foo`)
	u.S("a3 OK done")
	c.S("a3 OK done")
}

// A LIST is compared with what the account has, so that its patterns are bounded.
func TestPatternsAreBounded(t *testing.T) {
	c, sim, _ := newMapped(t, apartNames)
	fits := "(" + strings.Repeat("nobody ", amend.MaxPatterns-1) + "INBOX)"
	c.C(`a1 LIST "" ` + fits)
	c.until("a1 OK …", "* LIST …INBOX")
	before := sim.Stats().Commands["LIST"]
	for _, tt := range []struct{ reference, patterns string }{
		{`""`, "(" + strings.Repeat("x*%y*z*%w*q*%v*u*%t* ", 2900) + ")"},
		{`""`, "(" + strings.Repeat("x ", amend.MaxPatterns+1) + ")"},
		{`""`, strings.Repeat("*%", 30_000)},
		{strings.Repeat("*%", 300), "(" + strings.Repeat("x ", amend.MaxPatterns) + ")"},
	} {
		for _, verb := range []string{"LIST", "LSUB"} {
			c.C("a2 " + verb + " " + tt.reference + " " + tt.patterns)
			c.S("a2 NO [LIMIT] " + verb + " takes at most 100 patterns of 8192 bytes in all here: ask for * and choose")
		}
	}
	if n := sim.Stats().Commands["LIST"]; n != before {
		t.Errorf("%d were sent on", n-before)
	}
}
