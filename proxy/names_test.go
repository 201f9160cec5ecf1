package proxy

import (
	"fmt"
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
