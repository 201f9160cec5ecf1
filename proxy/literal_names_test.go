package proxy

import (
	"fmt"
	"strings"
	"testing"

	"exgate/backend/exchangesim"
	"exgate/backend/wire"
)

// TestLiteralNames checks that a name with a quote or a backslash goes up as a
// literal in every command, however the client writes it (EX-70).
func TestLiteralNames(t *testing.T) {
	for _, name := range []string{`quo"ted`, `back\slash`, `both\"/sub`, `\`} {
		quoted := `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name) + `"`
		for _, command := range []string{
			"SELECT %s", "EXAMINE %s", "STATUS %s (MESSAGES)", "SUBSCRIBE %s", "UNSUBSCRIBE %s", "COPY 1 %s",
			"UID COPY 1:* %s", "MOVE 7 %s", "DELETE %s", "RENAME %s other", "RENAME other %s", `LIST "" %s`, `LSUB "" %s`,
		} {
			t.Run(fmt.Sprintf(command, name), func(t *testing.T) {
				g := newGateway(t, withProfile(mapping(apartNames)))
				c, u := g.login()
				c.C("a1 " + fmt.Sprintf(command, quoted))
				u.listed("xg2", "INBOX", "other", fmt.Sprintf("{%d}\r\n%s", len(name), name))
				before, after, _ := strings.Cut(command, "%s")
				u.C(fmt.Sprintf("a1 %s{%d}", before, len(name)))
				u.S("+ go on")
				u.C(name + after)
				u.S("a1 NO done")
				c.S("a1 NO done")
			})
		}
	}
}

// TestLiteralNamesInOwnCommands creates, fills, opens and deletes such mailboxes at
// the simulated Exchange.
func TestLiteralNamesInOwnCommands(t *testing.T) {
	g, _ := newSimulated(t, exchangesim.Config{Profile: "exchange2016"}, withProfile(mapping(apartNames)))
	c := g.loginSimulated()
	for _, name := range []string{`"quo\"ted"`, `"back\\slash"`, `"both\"\\/sub"`} {
		c.do("CREATE "+name, "OK CREATE completed.")
		c.C("a1 APPEND " + name + " {17}")
		c.S("+ …")
		c.raw("Subject: hi\r\n\r\nx\r\n\r\n")
		c.until("a1 OK …", "* …")
		c.do("SELECT "+name, "OK [READ-WRITE] SELECT completed.")
		c.do("UNSELECT", "OK UNSELECT completed.")
		c.do("DELETE "+name, "OK DELETE completed.")
	}
}

// TestMisquotedNames has offlineimap and getmail open, fill and delete mailboxes whose names they
// do not write as IMAP demands.
func TestMisquotedNames(t *testing.T) {
	g, _ := newSimulated(t, exchangesim.Config{Profile: "exchange2016"}, withProfile(mapping(apartNames)))
	c := g.loginSimulated()
	message := "Subject: hi\r\n\r\nx\r\n"
	for _, tc := range []struct{ name, offlineimap, getmail string }{
		{`quo"ted`, `quo"ted`, `"quo\\\"ted"`},
		{`back\slash`, `back\slash`, `"back\\\\slash"`},
		{`a/quo"ted`, `"a/quo"ted"`, `"a/quo\\\"ted"`},
		{`"all"`, "", `"\\\"all\\\""`},
		{`one " blank`, `"one " blank"`, `"one \\\" blank"`},
	} {
		ours := tc.offlineimap
		if ours == "" { // offlineimap calls it all, which is another one
			ours = wire.Quote(tc.name)
		}
		c.do("CREATE "+ours, "OK CREATE completed.")
		c.C(fmt.Sprintf(`a1 APPEND %s (\Seen) "17-Jul-1996 02:44:25 -0700" {%d}`, ours, len(message)))
		c.S("+ …")
		c.raw(message + "\r\n")
		c.until("a1 OK …", "* …")
		c.do("SELECT "+ours, "OK [READ-WRITE] SELECT completed.")
		c.do("UNSELECT", "OK UNSELECT completed.")
		for _, verb := range []string{"EXAMINE ", "SELECT "} {
			c.C("a2 " + verb + tc.getmail)
			c.until("a2 OK …", "* …")
			c.do("UNSELECT", "OK UNSELECT completed.")
		}
		c.C("a3 LIST \"\" " + wire.Quote(tc.name))
		c.S(`* LIST (\HasNoChildren) "/" ` + wire.Quote(tc.name))
		c.S("a3 OK …")
		c.C("a4 DELETE " + tc.getmail)
		c.S("a4 NO …")
		c.do("DELETE "+ours, "OK DELETE completed.")
	}
}

// TestEscapedNameOfItsOwn opens a mailbox with a backslash in its name, and not the one that is
// called so without it.
func TestEscapedNameOfItsOwn(t *testing.T) {
	g, _ := newSimulated(t, exchangesim.Config{Profile: "exchange2016"}, withProfile(mapping(apartNames)))
	c := g.loginSimulated()
	c.do(`CREATE "quo\"ted"`, "OK CREATE completed.")
	c.C(`a1 STATUS "quo\\\"ted" (MESSAGES)`)
	c.S(`* STATUS "quo\\\"ted" (MESSAGES 0)`)
	c.S("a1 OK …")
	c.do(`CREATE "quo\\\"ted"`, "OK CREATE completed.")
	c.C(`a2 APPEND "quo\\\"ted" {17}`)
	c.S("+ …")
	c.raw("Subject: hi\r\n\r\nx\r\n\r\n")
	c.until("a2 OK …", "* …")
	for name, messages := range map[string]int{`"quo\"ted"`: 0, `"quo\\\"ted"`: 1, `quo"ted`: 0} {
		c.C("a3 EXAMINE " + name)
		c.until("a3 OK …", "* …")
		c.C("a4 STATUS " + name + " (MESSAGES)")
		c.S(fmt.Sprintf("* STATUS … (MESSAGES %d)", messages))
		c.S("a4 OK …")
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
