package proxy

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"exgate/backend/exchangesim"
	"exgate/proxy/amend"
	"exgate/proxy/replies"
)

// holes opens a mailbox of four messages at a scripted Exchange.
func holes(t *testing.T) (*gateway, *client, *upstream) {
	t.Helper()
	g := strays(t)
	c, u := g.login()
	c.C("s1 SELECT INBOX")
	u.C("s1 SELECT INBOX")
	u.S("* 4 EXISTS")
	u.S("s1 OK done")
	c.S("* 4 EXISTS")
	c.S("s1 OK done")
	return g, c, u
}

// own answers a command of exgate's.
func (u *upstream) own(want, said string) {
	u.t.Helper()
	tag, _, _ := strings.Cut(u.C("xg… "+want), " ")
	u.raw(said + tag + " OK done\r\n")
}

// What a FETCH of several messages leaves out is fetched one by one.
func TestHolesAreFetched(t *testing.T) {
	for _, tt := range []struct{ name, command, said, proof, proved, one, text string }{
		{"numbers", "FETCH 1:* (BODY.PEEK[])", "* 1 FETCH (BODY[] {1}\r\na)\r\n* 2 FETCH (BODY[] {1}\r\nb)\r\n* 4 FETCH (BODY[] {1}\r\nd)\r\n",
			"FETCH 3 (UID)", "* 3 FETCH (UID 33)\r\n", "FETCH 3 (BODY.PEEK[])", "* 3 FETCH (BODY[] {1}\r\nc)\r\n"},
		{"a range of UIDs", "UID FETCH 31:40 BODY[]", "* 1 FETCH (BODY[] {1}\r\na UID 31)\r\n* 2 FETCH (UID 32 BODY[] {1}\r\nb)\r\n",
			"UID FETCH 31:40 (UID)", "* 1 FETCH (UID 31)\r\n* 2 FETCH (UID 32)\r\n* 4 FETCH (UID 34)\r\n", "UID FETCH 34 BODY[]",
			"* 4 FETCH (UID 34 BODY[] {1}\r\nd)\r\n"},
		{"a range of headers", "UID FETCH 31:* BODY[HEADER]", "* 1 FETCH (BODY[HEADER] {1}\r\na UID 31)\r\n",
			"UID FETCH 31:* (UID)", "* 1 FETCH (UID 31)\r\n* 4 FETCH (UID 34)\r\n", "UID FETCH 34 BODY[HEADER]",
			"* 4 FETCH (UID 34 BODY[HEADER] {1}\r\nd)\r\n"},
		{"UIDs one by one", "UID FETCH 31,34 (UID RFC822.HEADER)", "* 1 FETCH (UID 31 RFC822.HEADER {1}\r\na)\r\n",
			"UID FETCH 31,34 (UID)", "* 1 FETCH (UID 31)\r\n* 4 FETCH (UID 34)\r\n", "UID FETCH 34 (UID RFC822.HEADER)",
			"* 4 FETCH (UID 34 RFC822.HEADER {1}\r\nd)\r\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, c, u := holes(t)
			c.C("1 " + tt.command)
			u.C("1 " + tt.command)
			u.raw(tt.said + "1 OK done\r\n")
			u.own(tt.proof, tt.proved)
			u.C("1 " + tt.one)
			u.raw(tt.text + "1 OK done\r\n")
			c.expectRaw(tt.said + tt.text + "1 OK done\r\n")
		})
	}
}

// Messages that are gone are no holes, and a whole answer needs no further command.
func TestNoHoles(t *testing.T) {
	_, c, u := holes(t)
	all := "* 1 FETCH (BODY[] {1}\r\na)\r\n* 2 FETCH (BODY[] \"b\")\r\n* 3 FETCH (BODY[] NIL)\r\n* 4 FETCH (BODY[] {1}\r\nd)\r\n"
	c.C("a1 FETCH 1:4 BODY[]")
	u.C("a1 FETCH 1:4 BODY[]")
	u.raw(all + "a1 OK done\r\n")
	c.expectRaw(all + "a1 OK done\r\n")
	c.C("a2 FETCH 1,2 FLAGS")
	u.C("a2 FETCH 1,2 FLAGS")
	u.S("a2 OK done")
	c.S("a2 OK done")
	heads := "* 1 FETCH (BODY[HEADER] {1}\r\na UID 31)\r\n* 2 FETCH (UID 32 BODY[HEADER] \"b\")\r\n"
	c.C("a3 UID FETCH 31,32 (BODY.PEEK[HEADER])")
	u.C("a3 UID FETCH 31,32 (BODY.PEEK[HEADER])")
	u.raw(heads + "a3 OK done\r\n")
	c.expectRaw(heads + "a3 OK done\r\n")
	c.C("a4 FETCH 2:3 BODY[]")
	u.C("a4 FETCH 2:3 BODY[]")
	u.S("a4 OK done")
	u.own("FETCH 2:3 (UID)", "")
	c.S("a4 OK done")
	c.C("a5 UID FETCH 1:9 BODY[]")
	u.C("a5 UID FETCH 1:9 BODY[]")
	u.S("* 1 EXPUNGE") // the numbers prove nothing now
	u.S("a5 OK done")
	c.S("* 1 EXPUNGE")
	c.S("a5 OK done")
}

// A message that does not come one by one either is told to the client and to the log.
func TestHolesThatStay(t *testing.T) {
	for _, tt := range []struct {
		items string
		heard []string
	}{
		{"BODY[]", []string{"a1 NO [CANNOT] Exchange returns no data for 2 of the messages…2,3 exist…"}},
		{"BODY[HEADER]", []string{"* NO [CANNOT] Exchange returns no data for 2 of the messages…2,3 exist…", "a1 OK done"}},
	} {
		g, c, u := holes(t)
		c.C("a1 FETCH 2:3 " + tt.items)
		u.C("a1 FETCH 2:3 " + tt.items)
		u.S("a1 OK done")
		u.own("FETCH 2:3 (UID)", "* 2 FETCH (UID 2)\r\n* 3 FETCH (UID 3)\r\n")
		for _, n := range []string{"2", "3"} {
			u.C("a1 FETCH " + n + " " + tt.items)
			u.S("a1 NO The message cannot be read.")
		}
		for _, want := range tt.heard {
			c.S(want)
		}
		if got := g.logged("Exchange left messages out of a FETCH, and does not send them one by one either"); got["messages"] != 2.0 {
			t.Errorf("the log has %v", got)
		}
	}
}

// A FETCH that is too long for Exchange is sent in parts. What is left out of a part is fetched before the next one.
func TestHolesInParts(t *testing.T) {
	set := manyNumbers(2500) // three parts
	for _, tt := range []struct {
		name, items string
		single      string // what Exchange says to the FETCH of the one message that it leaves out
		heard       string
	}{
		{"fetched", "BODY[]", "* 2 FETCH (UID 100003 BODY[] {1}\r\nb)\r\na1 OK one\r\n",
			"* 2 FETCH (UID 100003 BODY[] {1}\r\nb)\r\na1 OK last\r\n"},
		{"not fetched", "BODY[]", "a1 OK one\r\n",
			"a1 NO [CANNOT] Exchange returns no data for 1 of the messages, and not when they are asked for one by " +
				"one: the messages with the UIDs 100003 exist, but Exchange cannot convert them; open them in Outlook\r\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, c, u := holes(t)
			c.C("a1 UID FETCH " + set + " " + tt.items)
			parts := replies.SplitSet(set, amend.MaxLine-len("a1 UID FETCH  "+tt.items))
			if len(parts) != 2 {
				t.Fatalf("%d parts", len(parts))
			}
			u.C("a1 UID FETCH " + parts[0] + " " + tt.items)
			u.raw("* 1 FETCH (UID 100001 BODY[] {1}\r\na)\r\na1 OK first\r\n")
			u.own("UID FETCH "+parts[0]+" (UID)", "* 1 FETCH (UID 100001)\r\n* 2 FETCH (UID 100003)\r\n")
			u.C("a1 UID FETCH 100003 " + tt.items)
			u.raw(tt.single)
			u.C("a1 UID FETCH " + parts[1] + " " + tt.items)
			u.raw("* 4 FETCH (UID 105000 BODY[] {1}\r\nd)\r\na1 OK last\r\n")
			u.own("UID FETCH "+parts[1]+" (UID)", "* 4 FETCH (UID 105000)\r\n")
			heard := "* 4 FETCH (UID 105000 BODY[] {1}\r\nd)\r\n"
			text, reply, _ := strings.Cut(tt.heard, "a1 ")
			c.expectRaw("* 1 FETCH (UID 100001 BODY[] {1}\r\na)\r\n" + text + heard + "a1 " + reply)
		})
	}
}

// A message that is expunged between the parts gives the numbers of the next part to other messages.
func TestExpungedBetweenParts(t *testing.T) {
	for _, command := range []string{"FETCH %s BODY[]", "FETCH %s FLAGS", "STORE %s +FLAGS (\\Seen)", "SEARCH %s SEEN"} {
		t.Run(command, func(t *testing.T) {
			_, c, u := holes(t)
			c.C("a1 " + fmt.Sprintf(command, manyNumbers(2500)))
			u.C("a1 …")
			u.S("* 1 EXPUNGE")
			u.S("a1 OK first")
			c.S("* 1 EXPUNGE")
			c.S("a1 NO [EXPUNGEISSUED] …")
		})
	}
}

// No message of a FETCH in parts is lost when the connection is, whichever of the commands it meets: the first part, the
// look for what it lacks, a message that is fetched for itself, the second part.
func TestCutsInHoles(t *testing.T) {
	const messages = 1300
	var ranges []string
	for uid := 1; uid <= messages; uid++ {
		ranges = append(ranges, fmt.Sprintf("%d:%d", uid, uid))
	}
	set := strings.Join(ranges, ",")
	parts := len(replies.SplitSet(set, amend.MaxLine-len("a3 UID FETCH  BODY.PEEK[TEXT]")))
	if parts != 2 {
		t.Fatalf("%d parts", parts)
	}
	for _, fault := range []string{
		"cut:UID FETCH", "cut:UID FETCH@2", "cut:UID FETCH@3", "cut:UID FETCH@50", "cut:UID FETCH:2@400",
		"cut-reply:UID FETCH:0@2", "cut-reply:UID FETCH:0@3", "cut-reply:UID FETCH:0@360",
	} {
		t.Run(fault, func(t *testing.T) {
			g, sim := newSimulated(t, exchangesim.Config{Quirks: []string{"fetch-holes", "no-regenerated"}},
				withProfile(repairing(true)), resuming)
			for range messages {
				if _, err := sim.Deliver("alice", "INBOX", nil, testTime, []byte("Subject: x\r\n\r\ny\r\n")); err != nil {
					t.Fatal(err)
				}
			}
			c := g.loginSimulated()
			c.C("a2 SELECT INBOX")
			c.until("a2 OK …", "* …")
			if err := sim.AddFault(fault); err != nil {
				t.Fatal(err)
			}
			c.C("a3 UID FETCH " + set + " BODY.PEEK[TEXT]")
			seen := map[string]bool{}
			for {
				line := c.S("…")
				if strings.HasPrefix(line, "a3 ") {
					if line != "a3 OK FETCH completed." {
						t.Errorf("the client got %q", line)
					}
					break
				}
				if number, _, ok := strings.Cut(line, " FETCH ("); ok && strings.Contains(line, "BODY[TEXT] {3}") {
					seen[number] = true
				}
			}
			if len(seen) != messages {
				t.Errorf("%d of %d messages came", len(seen), messages)
			}
			if g.logged("session resumed") == nil {
				t.Error("the connection was not lost")
			}
		})
	}
}

// A literal that is shorter than announced would end with the next response. The client gets no end of it.
func TestShortLiteral(t *testing.T) {
	g, c, u := holes(t)
	c.C("a1 FETCH 1:2 BODY[]")
	u.C("a1 FETCH 1:2 BODY[]")
	u.raw("* 1 FETCH (BODY[] {9}\r\nabc)\r\n* 2 FETCH (BODY[] {1}\r\nb)\r\na1 OK done\r\n")
	c.wait()
	if got, err := io.ReadAll(c.r); err != nil || strings.Contains(string(got), "FETCH (BODY[] {1}") {
		t.Errorf("the client got %q and %v", got, err)
	}
	if end := g.logged("session end"); !strings.Contains(end["reason"].(string), "not as long as announced") {
		t.Errorf("the session ended because %v", end["reason"])
	}
}

// A session with a simulated Exchange that has the quirks of structures and FETCH reads as of any other server.
func TestQuirksOfFetch(t *testing.T) {
	g, _ := newSimulated(t, exchangesim.Config{Quirks: []string{
		"fetch-holes", "whole-partial", "high-numbers", "store-without-uid", "empty-copyuid", "odd-structure", "no-regenerated",
	}}, withProfile(repairing(true)), resuming)
	c := g.loginSimulated()
	for range 3 {
		c.upload("INBOX", "Subject: x\r\nContent-Disposition: attachment; filename=x\r\n\r\ny\r\n")
		c.until("a1 OK …", "* …")
	}
	c.C("a2 SELECT INBOX")
	c.until("a2 OK …", "* …")
	c.C("a3 FETCH 1:3 BODY.PEEK[TEXT]")
	for _, n := range []string{"1", "2", "3"} {
		c.expectRaw("* " + n + " FETCH (BODY[TEXT] {3}\r\ny\r\n)\r\n")
	}
	c.S("a3 OK FETCH completed.")
	c.C("a4 FETCH 1 BODY.PEEK[]<2.4>")
	c.expectRaw("* 1 FETCH (BODY[]<2> {4}\r\nbjec)\r\n")
	c.S("a4 OK FETCH completed.")
	c.C("a5 SEARCH ALL")
	c.S("* SEARCH 1 2 3")
	c.S("a5 OK SEARCH completed.")
	c.C(`a6 UID STORE 2 +FLAGS (\Seen)`)
	c.S(`* 2 FETCH (FLAGS (\Seen))`)
	c.S(`* 2 FETCH (UID 2 FLAGS (\Seen))`)
	c.S("a6 OK STORE completed.")
	c.C("a7 UID COPY 9 Drafts")
	c.S("a7 OK COPY completed.")
	c.C("a8 UID FETCH 1 BODYSTRUCTURE")
	c.S(`* 1 FETCH (BODYSTRUCTURE ("text" "plain" NIL NIL NIL "7bit" 3 0 NIL ("attachment" ("filename" "x")) NIL NIL) UID 1)`)
	c.S("a8 OK FETCH completed.")
}
