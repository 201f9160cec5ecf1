package proxy

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"exgate/backend/exchangesim"
	"exgate/backend/folders"
	"exgate/config/profile"
)

// mapping returns an Exchange profile that maps names.
func mapping(o folders.Options) profile.Profile {
	return profile.Profile{Name: "exchange2016", Pipeline: 1, Names: o, Forms: exchangeProfile.Forms}
}

// testTime is the date of the messages in these tests.
var testTime = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

var apartNames = folders.Options{Case: folders.Apart, Characters: true, Longest: 250}

// listed answers the LIST by which the gateway reads the list of folders.
func (u *upstream) listed(tag string, mailboxes ...string) {
	u.t.Helper()
	u.C(tag + ` LIST "" "*"`)
	for _, m := range mailboxes {
		u.S(`* LIST (\HasNoChildren) "/" ` + m)
	}
	u.S(tag + " OK LIST completed.")
}

// commandsWithName are the commands in which exgate maps a name, in each place.
var commandsWithName = []string{
	"SELECT %s",
	"EXAMINE %s (CONDSTORE)",
	"STATUS %s (MESSAGES UIDNEXT)",
	"SUBSCRIBE %s",
	"UNSUBSCRIBE %s",
	"DELETE %s",
	"RENAME %s other",
	"RENAME other %s",
	"COPY 1:5 %s",
	"UID COPY 1:* %s",
	"MOVE 7 %s",
	"UID MOVE 7,9 %s",
	"GETQUOTAROOT %s",
	"GETACL %s",
	"SETACL %s bob lrs",
	"DELETEACL %s bob",
	"LISTRIGHTS %s bob",
	"MYRIGHTS %s",
	"GETMETADATA %s /private/comment",
	"GETMETADATA (DEPTH 1) %s /private/comment",
	"SETMETADATA %s (/private/comment x)",
	"GETANNOTATION %s * *",
	"SETANNOTATION %s * (x y)",
	`LIST "" %s`,
	`LSUB "" %s`,
}

// TestNameInEveryCommand checks each command with a mailbox name, in each place and each spelling of the argument: the
// name goes through the mapper.
func TestNameInEveryCommand(t *testing.T) {
	suffixed, err := folders.NewMapper(apartNames)
	if err != nil {
		t.Fatal(err)
	}
	have := folders.NewList("")
	have.Add("Trash")
	other, err := suffixed.Upstream("trash", have)
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range commandsWithName {
		for _, as := range []struct{ name, text string }{
			{"atom", "trash"}, {"quoted", `"trash"`}, {"literal", "{5}\r\ntrash"}, {"literal+", "{5+}\r\ntrash"},
		} {
			t.Run(command+" "+as.name, func(t *testing.T) {
				g := newGateway(t, withProfile(mapping(apartNames)))
				c, u := g.login()
				before, after, _ := strings.Cut(command, "%s")
				literal, value, isLiteral := strings.Cut(as.text, "\r\n")
				c.raw("a1 " + before + literal)
				if isLiteral {
					c.raw("\r\n")
					if !strings.HasSuffix(literal, "+}") {
						c.S("+ …")
					}
					c.raw(value)
				}
				c.raw(after + "\r\n")
				u.listed("xg2", "INBOX", "Trash", "other", other)
				u.C(fmt.Sprintf("a1 "+command, other))
				u.S("a1 NO done")
				c.S("a1 NO done")
			})
		}
	}
}

// list sends a LIST and returns the replies.
func (c *client) list(pattern string) []string {
	c.t.Helper()
	c.C(`l1 LIST "" "` + pattern + `"`)
	var names []string
	for line := c.S("…"); !strings.HasPrefix(line, "l1 "); line = c.S("…") {
		name, ok := strings.CutPrefix(line[strings.Index(line, `"/" `)+1:], `/" `)
		if !ok || !strings.HasPrefix(line, "* LIST (") {
			c.fatalf("not a LIST response")
		}
		names = append(names, strings.Trim(name, `"`))
	}
	return names
}

// newMapped starts a gateway that maps names, in front of a simulated Exchange, and logs alice in.
func newMapped(t *testing.T, o folders.Options, quirks ...string) (*client, *exchangesim.Server, *gateway) {
	t.Helper()
	g, sim := newSimulated(t, exchangesim.Config{Profile: "exchange2016", Quirks: quirks}, withProfile(mapping(o)))
	return g.loginSimulated(), sim, g
}

// do sends a command and expects the tagged reply. It skips what comes before.
func (c *client) do(command, want string) {
	c.t.Helper()
	c.C("x1 " + command)
	c.until("x1 "+want, "* …")
}

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

// If no names are mapped, commands are relayed byte for byte, with their literals.
func TestNamesOffIsDirect(t *testing.T) {
	g := newGateway(t, withProfile(mapping(folders.Options{})))
	c, u := g.login()
	for _, command := range []string{`SELECT "trash "`, `LIST "" "*"`, "CREATE R&D", `STATUS Trash(MESSAGES)`} {
		c.C("a1 " + command)
		u.C("a1 " + command)
		u.S("* LIST () \"/\" a\tb")
		u.S("a1 OK done")
		c.S("* LIST () \"/\" a\tb")
		c.S("a1 OK done")
	}
}

// A name that the server lists in 8 bits goes back to it as a literal, whose bytes
// wait for the "+" of the server, which the client does not see. A session with such
// a mailbox selected can be resumed.
func TestNameThatOnlyALiteralCarries(t *testing.T) {
	const listed, shown = "b\xc3\xbcro", "b&APw-ro"
	literal := fmt.Sprintf("{%d}", len(listed))
	for _, tt := range []struct{ client, before, after string }{
		{"SELECT " + shown, "SELECT ", ""},
		{"EXAMINE " + shown + " (CONDSTORE)", "EXAMINE ", " (CONDSTORE)"},
		{"STATUS " + shown + " (MESSAGES)", "STATUS ", " (MESSAGES)"},
		{"COPY 1 " + shown, "COPY 1 ", ""},
		{"DELETE " + shown, "DELETE ", ""},
		{"RENAME " + shown + " other", "RENAME ", " other"},
		{`LIST "" ` + shown, `LIST "" `, ""},
		{"SETMETADATA " + shown + " (/private/comment {1+}\r\nx)", "SETMETADATA ", " (/private/comment {1}"},
	} {
		t.Run(tt.client, func(t *testing.T) {
			g := newGateway(t, withProfile(mapping(apartNames)))
			c, u := g.login()
			c.C("a1 " + tt.client)
			u.listed("xg2", "INBOX", `"`+listed+`"`)
			u.C("a1 " + tt.before + literal)
			u.silent()
			u.S("+ go on")
			u.C(listed + tt.after)
			if strings.HasSuffix(tt.after, "{1}") {
				u.silent()
				u.S("+ go on")
				u.C("x)")
			}
			u.S("a1 NO done")
			c.S("a1 NO done")
			noop(c, u)
		})
	}
	t.Run("RENAME to one", func(t *testing.T) {
		g := newGateway(t, withProfile(mapping(apartNames)))
		c, u := g.login()
		c.C("a1 RENAME " + shown + " " + shown)
		u.listed("xg2", "INBOX", `"`+listed+`"`)
		for range 2 {
			u.C("… " + literal)
			u.silent()
			u.S("+ go on")
		}
		u.C(listed)
		u.S("a1 NO done")
		c.S("a1 NO done")
	})
	t.Run("resumed", func(t *testing.T) {
		g := exchangeResuming(t, withProfile(mapping(apartNames)))
		c, u := g.login()
		c.C("a1 SELECT " + shown)
		u.listed("xg2", "INBOX", `"`+listed+`"`)
		u.C("a1 SELECT " + literal)
		u.S("+ go on")
		u.C(listed)
		u.S("* 0 EXISTS")
		c.S("* 0 EXISTS")
		u.S("* OK [UIDVALIDITY 7] ok")
		c.S("* OK [UIDVALIDITY 7] ok")
		u.S("* OK [UIDNEXT 1] ok")
		c.S("* OK [UIDNEXT 1] ok")
		u.S("a1 OK [READ-WRITE] done")
		c.S("a1 OK [READ-WRITE] done")
		u.close()
		g.lost()
		c.C("a2 NOOP")
		u = g.relogin()
		u.C("xg2 SELECT " + literal)
		u.S("+ go on")
		u.C(listed)
		u.S("* 0 EXISTS")
		u.S("* OK [UIDVALIDITY 7] ok")
		u.S("* OK [UIDNEXT 1] ok")
		u.S("xg2 OK [READ-WRITE] done")
		u.C("a2 NOOP")
		u.S("a2 OK done")
		c.S("a2 OK done")
	})
}

// A LIST is compared with what the account has, so that its patterns are bounded.
func TestPatternsAreBounded(t *testing.T) {
	c, sim, _ := newMapped(t, apartNames)
	fits := "(" + strings.Repeat("nobody ", maxPatterns-1) + "INBOX)"
	c.C(`a1 LIST "" ` + fits)
	c.until("a1 OK …", "* LIST …INBOX")
	before := sim.Stats().Commands["LIST"]
	for _, tt := range []struct{ reference, patterns string }{
		{`""`, "(" + strings.Repeat("x*%y*z*%w*q*%v*u*%t* ", 2900) + ")"},
		{`""`, "(" + strings.Repeat("x ", maxPatterns+1) + ")"},
		{`""`, strings.Repeat("*%", 30_000)},
		{strings.Repeat("*%", 300), "(" + strings.Repeat("x ", maxPatterns) + ")"},
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
