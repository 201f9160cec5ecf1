package proxy

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"exgate/backend"
	"exgate/config/profile"
	"exgate/proxy/amend"
	"exgate/proxy/replies"
	"exgate/proxy/testkit"
)

// repairing returns an Exchange profile with all reply fixes on, or all off.
func repairing(on bool, change ...func(*backend.Replies)) profile.Profile {
	p := profile.Profile{Name: "exchange2016", Pipeline: 1, Forms: exchangeProfile.Forms}
	if on {
		p.Replies = backend.AllReplies()
	}
	for _, c := range change {
		c(&p.Replies)
	}
	return p
}

// TestReplies plays replies that Exchange was seen to send, once without the repair and once with it.
func TestReplies(t *testing.T) {
	const substitute = "From: Microsoft Exchange Server 2010\r\nSubject: Retrieval using the IMAP4 protocol failed for the following message: 20004\r\n\r\nThe server couldn't retrieve the following message:\r\n"
	fetched := func(item, text string) string {
		return fmt.Sprintf("* 1 FETCH (UID 7 %s {%d}\r\n%s)\r\n", item, len(text), text)
	}
	for _, tt := range []struct {
		name     string
		row      string // where the reply was seen
		command  string
		upstream string // the command as the upstream gets it; "": the same
		said     string // what the upstream sends
		heard    string // what the client gets with the repair; "": said. Without the repair, it gets said
		change   func(*backend.Replies)
	}{
		{"copyuid", "EX-22; MailKit#115", "UID MOVE 6 Trash", "", "[COPYUID 55 31 6]\r\n* 1 EXPUNGE\r\n* 0 EXISTS\r\na1 OK MOVE completed.\r\n",
			"* OK [COPYUID 55 31 6] moved.\r\n* 1 EXPUNGE\r\n* 0 EXISTS\r\na1 OK MOVE completed.\r\n", nil},
		{"error code, tagged", "EX-23; net-imap#597", "SELECT INBOX", "", "* 0 EXISTS\r\na1 OK [Error=\"WrongServerException:Cross [x]\" Proxy=h:1993:SSL] SELECT completed.\r\n",
			"* 0 EXISTS\r\na1 OK Error=\"WrongServerException:Cross [x]\" Proxy=h:1993:SSL SELECT completed.\r\n", nil},
		{"error code, untagged", "EX-23", "NOOP", "", "* OK [Error=\"x\"] y\r\na1 OK done\r\n", "* OK Error=\"x\" y\r\na1 OK done\r\n", nil},
		{"codes that are", "", "NOOP", "", "* OK [UNSEEN 1] x\r\n* OK [PERMANENTFLAGS (\\Seen)] x\r\na1 OK [READ-WRITE] done\r\n", "", nil},
		{"TAB in LIST", "EX-21; MailKit#945", `LIST "" "*"`, "", "* LIST (\\HasNoChildren) \"/\" INBOX/Da\tOggetto\r\na1 OK done\r\n",
			"* LIST (\\HasNoChildren) \"/\" \"INBOX/Da\tOggetto\"\r\na1 OK done\r\n", nil},
		{"disposition", "EX-24; MailKit#919", "FETCH 1 (BODYSTRUCTURE)", "", "* 1 FETCH (BODYSTRUCTURE " + testkit.TextPart + " NIL \"inline\" NIL NIL))\r\na1 OK done\r\n",
			"* 1 FETCH (BODYSTRUCTURE " + testkit.TextPart + " NIL (\"inline\" NIL) NIL NIL))\r\na1 OK done\r\n", nil},
		{"a disposition not asked for", "", "FETCH 1 (FLAGS)", "", "* 1 FETCH (BODYSTRUCTURE " + testkit.TextPart + " NIL \"inline\" NIL NIL))\r\na1 OK done\r\n", "", nil},
		{"no data, by number", "EX-25; offlineimap#62", "FETCH 3 (BODY.PEEK[])", "", "* 3 FETCH (FLAGS (\\Seen))\r\na1 OK FETCH completed.\r\n",
			"* 3 FETCH (FLAGS (\\Seen))\r\n" +
				"a1 NO [CANNOT] Exchange returns no data for message 3: the message exists, but Exchange cannot convert it; " +
				"open it in Outlook\r\n", nil},
		{"no data of several", "", "FETCH 1:3 (BODY.PEEK[])", "", "a1 OK FETCH completed.\r\n", "", nil},
		{"data", "", "FETCH 1 (BODY.PEEK[])", "", fetched("BODY[]", "Subject: x\r\n\r\n") + "a1 OK done\r\n", "", nil},
		{"data after a size", "", "FETCH 1 (RFC822.SIZE RFC822)", "", "* 1 FETCH (RFC822.SIZE 14 RFC822 {14}\r\nSubject: x\r\n\r\n)\r\na1 OK done\r\n", "", nil},
		{"data after a literal", "", "FETCH 1 (ENVELOPE BODY.PEEK[])", "", "* 1 FETCH (ENVELOPE (NIL {1}\r\nx NIL NIL NIL NIL NIL NIL NIL NIL) BODY[] {14}\r\nSubject: x\r\n\r\n)\r\na1 OK done\r\n", "", nil},
		{"header fields named like items", "", "FETCH 1 (BODY.PEEK[HEADER.FIELDS (X-GM-MSGID MODSEQ)])", "", "* 1 FETCH (BODY[HEADER.FIELDS (X-GM-MSGID MODSEQ)] {2}\r\n\r\n)\r\na1 OK done\r\n", "", nil},
		{"flags only", "", "FETCH 3 (FLAGS RFC822.SIZE)", "", "a1 OK done\r\n", "", nil},
		{"substitute, marked", "EX-26; MailKit#53", "FETCH 1 (BODY.PEEK[])", "", fetched("BODY[]", substitute) + "a1 OK done\r\n",
			fetched("BODY[]", replies.SubstituteMark+substitute) + "a1 OK done\r\n", nil},
		{"substitute, refused", "EX-26", "FETCH 1:2 (BODY.PEEK[])", "", fetched("BODY[]", substitute) + fetched("BODY[]", "Subject: y\r\n\r\n") + "a1 OK done\r\n",
			fetched("BODY[]", "Subject: y\r\n\r\n") + "a1 NO [CANNOT] Exchange cannot convert the message and sends a substitute for it: open the message in Outlook\r\n",
			func(r *backend.Replies) { r.Substitute = backend.SubstituteRefuse }},
		{"substitute, and a structure", "", "FETCH 1 (BODYSTRUCTURE BODY.PEEK[])", "", fetched(`BODYSTRUCTURE ("a" "b" NIL NIL NIL "7bit" 1 NIL "inline" NIL) BODY[]`, substitute) + "a1 OK done\r\n",
			fetched(`BODYSTRUCTURE ("a" "b" NIL NIL NIL "7bit" 1 NIL ("inline" NIL) NIL) BODY[]`, replies.SubstituteMark+substitute) + "a1 OK done\r\n", nil},
		{"a clean message, and a structure", "", "FETCH 1 (BODY.PEEK[] BODYSTRUCTURE)", "", "* 1 FETCH (BODY[] {14}\r\nSubject: y\r\n\r\n BODYSTRUCTURE (\"a\" \"b\" NIL NIL NIL \"7bit\" 1 NIL \"inline\" NIL))\r\na1 OK done\r\n",
			"* 1 FETCH (BODY[] {14}\r\nSubject: y\r\n\r\n BODYSTRUCTURE (\"a\" \"b\" NIL NIL NIL \"7bit\" 1 NIL (\"inline\" NIL) NIL))\r\na1 OK done\r\n", nil},
		{"substitute's text", "", "FETCH 1 (BODY.PEEK[TEXT])", "", fetched("BODY[TEXT]", substitute) + "a1 OK done\r\n", "", nil},
		{"a piece of a substitute", "", "FETCH 1 (BODY.PEEK[]<0.50>)", "", fetched("BODY[]<0>", substitute[:50]) + "a1 OK done\r\n", "", nil},
		{"a mail about substitutes", "", "FETCH 1 (BODY.PEEK[])", "", fetched("BODY[]", "Subject: x\r\n\r\n"+substitute) + "a1 OK done\r\n", "", nil},
		{"no literal", "", "FETCH 1 (BODY.PEEK[])", "", "* 1 FETCH (BODY[] \"\")\r\na1 OK done\r\n", "", nil},
		{"charset", "EX-20; mattermail#7", "UID SEARCH CHARSET UTF-8 SUBJECT lunch", "UID SEARCH CHARSET US-ASCII SUBJECT lunch", "* SEARCH 1\r\na1 OK done\r\n", "* SEARCH 1\r\na1 OK done\r\n", nil},
		{"charset, not ASCII", "", "SEARCH CHARSET UTF-8 SUBJECT \"\xc3\xa4\"", "", "a1 NO [BADCHARSET (US-ASCII)] The specified charset is not supported.\r\n", "", nil},
		{"charset, another", "", "SEARCH CHARSET ISO-8859-1 SUBJECT x", "", "a1 NO no\r\n", "", nil},
		{"EXISTS before +", "EX-27; Webklex/php-imap#258", "IDLE", "", "* 5 EXISTS\r\n* 1 RECENT\r\n+ IDLE accepted, awaiting DONE command.\r\n",
			"+ IDLE accepted, awaiting DONE command.\r\n* 5 EXISTS\r\n* 1 RECENT\r\n", nil},
		{"EXISTS, and IDLE refused", "", "IDLE", "", "* 5 EXISTS\r\na1 NO no\r\n", "", nil},
		{"ID ()", "docs/exchange.md#id; modern-email/defects#13", "ID ()", "ID NIL", "* ID NIL\r\na1 OK done\r\n", "* ID NIL\r\na1 OK done\r\n", nil},
		{"keywords", "EX-08; mu#1384", `STORE 1 +FLAGS (\Seen $Forwarded filed)`, `STORE 1 +FLAGS (\Seen)`, "a1 OK done\r\n", "a1 OK done\r\n", nil},
		{"flags that are kept", "", `UID STORE 1 +FLAGS.SILENT (\Seen $MDNSent)`, "", "a1 OK done\r\n", "", nil},
	} {
		for _, on := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, %t", tt.name, on), func(t *testing.T) {
				prof := repairing(on)
				if tt.change != nil && on {
					tt.change(&prof.Replies)
				}
				g := newGateway(t, withProfile(prof))
				c := g.dial()
				c.S("* OK …")
				c.C("a0 LOGIN alice secret")
				u := g.accept()
				u.S("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready")
				u.C(`xg1 LOGIN "alice" "secret"`)
				u.S("xg1 OK [CAPABILITY " + capabilities + " ID] done")
				c.until("a0 OK …")
				c.C("s1 SELECT x")
				u.C("s1 SELECT x")
				u.S(`* OK [PERMANENTFLAGS (\Seen \Deleted $MDNSent)] x`)
				u.S("s1 OK done")
				c.until("s1 OK …", "* …")

				c.C("a1 " + tt.command)
				upstream, heard := tt.command, tt.said
				if on && tt.upstream != "" {
					upstream = tt.upstream
				}
				if on && tt.heard != "" {
					heard = tt.heard
				}
				u.C("a1 " + upstream)
				u.raw(tt.said)
				c.expectRaw(heard)
			})
		}
	}
}

// CHARSET is replaced also in a SEARCH with a literal.
func TestSearchCharsetLiteral(t *testing.T) {
	for term, charset := range map[string]string{"lunch": "US-ASCII", "l\xc3\xbcnch": "UTF-8"} {
		g := newGateway(t, withProfile(repairing(true)))
		c, u := g.login()
		c.C(fmt.Sprintf("a1 UID SEARCH CHARSET utf-8 SUBJECT {%d}", len(term)))
		c.S("+ …")
		c.C(term + " UNSEEN")
		if line := u.C(fmt.Sprintf("a1 UID SEARCH CHARSET … SUBJECT {%d}", len(term))); !strings.Contains(strings.ToUpper(line), charset) {
			t.Errorf("%q: %s", term, line)
		}
		u.S("+ go on")
		u.C(term + " UNSEEN")
		u.S("* SEARCH 1")
		u.S("a1 OK done")
		c.S("* SEARCH 1")
		c.S("a1 OK done")
	}
}

// The gateway answers commands that Exchange is sure to refuse, so that they cost no error.
func TestRefusals(t *testing.T) {
	g := newGateway(t, withProfile(repairing(true)))
	c, u := g.login()
	c.C("s1 SELECT x")
	u.C("s1 SELECT x")
	u.S(`* OK [PERMANENTFLAGS (\Seen $MDNSent)] x`)
	u.S("s1 OK done")
	c.until("s1 OK …", "* …")
	for _, tt := range [][2]string{
		{"ENABLE UTF8=ACCEPT", "OK ENABLE completed…"},
		{"ID ()", "OK ID completed."},
		{"UID FETCH 1 (UID X-GM-LABELS)", "BAD …X-GM-LABELS…"},
		{"FETCH 1:* (FLAGS MODSEQ)", "BAD …MODSEQ…"},
		{"UID STORE 1 +FLAGS (filed)", "NO [CANNOT] …"},
		{"UID STORE 1 -FLAGS.SILENT ($Forwarded)", "NO [CANNOT] …"},
	} {
		c.C("a1 " + tt[0])
		c.until("a1 "+tt[1], "* ENABLED", "* ID …")
	}
	c.C("a2 NOOP")
	u.C("a2 NOOP")
}

// If a FETCH of one UID brings no data, the gateway asks whether the message exists. The client gets NO only if it
// does.
func TestMissingByUID(t *testing.T) {
	for name, there := range map[string]bool{"there": true, "gone": false} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t, withProfile(repairing(true)))
			c, u := g.login()
			c.C("a1 UID FETCH 07 (UID BODY.PEEK[])")
			u.C("a1 UID FETCH 07 (UID BODY.PEEK[])")
			u.S("a1 OK FETCH completed.")
			u.C("xg2 UID FETCH 07 (UID)")
			if there {
				u.S("* 3 FETCH (UID 7)")
			}
			u.S("xg2 OK FETCH completed.")
			if there {
				c.S("a1 NO [CANNOT] Exchange returns no data for message with UID 07: the message exists…")
			} else {
				c.S("a1 OK FETCH completed.")
			}
			c.C("a2 NOOP")
			u.C("a2 NOOP")
			u.S("a2 OK done")
			c.S("a2 OK done")
		})
	}
}

// A message set that is too long for Exchange's command line is sent in parts. The client gets one reply.
func TestLongSets(t *testing.T) {
	var numbers []string
	for i := range 4000 {
		numbers = append(numbers, fmt.Sprint(10_000+i*2))
	}
	set := strings.Join(numbers, ",")
	for _, tt := range []struct{ before, after, said, heard string }{
		{"UID FETCH ", " (FLAGS)", "* %d FETCH (FLAGS ())\r\n", ""},
		{"UID STORE ", ` +FLAGS (\Seen)`, "* %d FETCH (FLAGS (\\Seen))\r\n", ""},
		{"UID SEARCH UID ", " UNSEEN", "* SEARCH %d\r\n", "* SEARCH 1 2 3\r\n"},
		{"SEARCH CHARSET US-ASCII ", " UNSEEN", "* SEARCH %d\r\n", "* SEARCH 1 2 3\r\n"},
	} {
		t.Run(tt.before, func(t *testing.T) {
			g := newGateway(t, withProfile(repairing(true)))
			c, u := g.login()
			c.C("a1 " + tt.before + set + tt.after)
			var got []string
			heard := tt.heard
			for i := 1; len(got) < len(numbers); i++ {
				line := u.C("a1 " + tt.before + "…" + tt.after)
				if len(line) > amend.MaxLine {
					t.Fatalf("a line of %d bytes", len(line))
				}
				part := strings.TrimSuffix(strings.TrimPrefix(line, "a1 "+tt.before), tt.after)
				got = append(got, strings.Split(part, ",")...)
				u.raw(fmt.Sprintf(tt.said, i))
				if tt.heard == "" {
					heard += fmt.Sprintf(tt.said, i)
				}
				u.S("a1 OK done")
			}
			if strings.Join(got, ",") != set {
				t.Error("the parts are not the whole")
			}
			c.expectRaw(heard + "a1 OK done\r\n")
		})
	}
	t.Run("refused midway", func(t *testing.T) {
		g := newGateway(t, withProfile(repairing(true)))
		c, u := g.login()
		c.C("a1 UID FETCH " + set + " (FLAGS)")
		u.C("a1 UID FETCH …")
		u.S("a1 OK done")
		u.C("a1 UID FETCH …")
		u.S("a1 NO Server Unavailable. 15")
		c.S("a1 NO [UNAVAILABLE] Server Unavailable. 15")
		c.C("a2 NOOP")
		u.C("a2 NOOP")
	})
	t.Run("off", func(t *testing.T) {
		g := newGateway(t, withProfile(repairing(false)))
		c, u := g.login()
		c.C("a1 UID FETCH " + set + " (FLAGS)")
		u.C("a1 UID FETCH " + set + " (FLAGS)")
	})
}

// The gateway begins a long IDLE anew upstream. The client only sees the news that Exchange then sends.
func TestIdleRenewed(t *testing.T) {
	g := newGateway(t, withProfile(repairing(true)), func(_ *Options, l *limits) { l.IdleRenew = 50 * time.Millisecond })
	c, u := g.login()
	c.C("a1 IDLE")
	u.C("a1 IDLE")
	u.S("+ idling")
	c.S("+ idling")
	for range 2 {
		u.C("DONE")
		u.S("* 6 EXISTS")
		u.S("a1 OK IDLE completed.")
		u.C("a1 IDLE")
		u.S("* 1 RECENT")
		u.S("+ idling")
		c.S("* 6 EXISTS")
		c.S("* 1 RECENT")
	}
	u.C("DONE")
	c.C("DONE") // while exgate renews IDLE
	u.S("a1 OK IDLE completed.")
	u.C("a1 IDLE")
	u.S("+ idling")
	u.C("DONE")
	u.S("a1 OK IDLE completed.")
	c.S("a1 OK IDLE completed.")
	c.C("a2 NOOP")
	u.C("a2 NOOP")
}

// With all fixes on, replies that need no repair are relayed byte for byte, wherever reads cut them.
func TestRepairsTouchNothingElse(t *testing.T) {
	prof := plainProfile
	prof.Replies = backend.AllReplies()
	// These fixes change commands, or replies that the transcript has.
	prof.Replies.SearchCharset, prof.Replies.LongSets, prof.Replies.Refusals = false, false, false
	prof.Replies.CopyUID, prof.Replies.Strays, prof.Replies.SearchFrom = false, false, false
	steps := readTranscript(t, "short.txt")
	total := 0
	for _, s := range steps {
		if !s.fromClient {
			total += len(s.data)
		}
	}
	near, far := pair(t)
	wantClient, wantServer := play(t, steps, near, far, new(cutter))
	g := newGateway(t, withProfile(prof))
	for at := 0; at < total; at++ {
		c, u, served := g.open()
		in, _ := served.link.upstream.Traffic()
		cut := &cutter{t: t, nc: u.nc, at: int64(at), read: func() int64 { n, _ := served.link.upstream.Traffic(); return n - in }}
		gotClient, gotServer := play(t, steps, c.nc, u.nc, cut)
		if !bytes.Equal(gotClient, wantClient) || !bytes.Equal(gotServer, wantServer) {
			i := firstDifference(gotClient, wantClient)
			t.Fatalf("cut at byte %d: client from %d on %.300q, want %.300q\nserver %.300q", at, i, gotClient[i:], wantClient[i:], gotServer)
		}
		c.nc.Close()
		g.said.reset()
	}
}
