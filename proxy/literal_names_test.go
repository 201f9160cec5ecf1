package proxy

import (
	"fmt"
	"strings"
	"testing"

	"exgate/backend/exchangesim"
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
