package proxy

import (
	"strings"
	"testing"
	"time"

	"exgate/backend"
	"exgate/proxy/amend"
	"exgate/proxy/testkit"
)

// replyFixCase is a conversation that shows the effect of one reply fix.
type replyFixCase struct {
	command string
	sent    string // the command as the upstream gets it, with the repair; "": as it came
	said    string // by the upstream; "": it is not asked, with the repair
	plain   string // what the client gets without the repair; "": what was said
	heard   string // what the client gets with it

	selected    string // what the upstream answers to a SELECT before; "": there is none
	own, answer string // a command of exgate's, with the repair, and its untagged answer
}

// replyFixCases has a case for each reply fix.
var replyFixCases = map[backend.ReplyFix]replyFixCase{
	backend.FixMissingData: {
		command: "FETCH 3 (BODY.PEEK[])", said: "a1 OK done\r\n",
		heard: "a1 NO [CANNOT] Exchange returns no data for message 3: the message exists, but Exchange cannot convert it; " +
			"open it in Outlook\r\n",
	},
	backend.FixStructure: {
		command: "FETCH 1 (BODYSTRUCTURE)",
		said:    "* 1 FETCH (BODYSTRUCTURE " + testkit.TextPart + " NIL \"inline\" NIL NIL))\r\na1 OK done\r\n",
		heard:   "* 1 FETCH (BODYSTRUCTURE " + testkit.TextPart + " NIL (\"inline\" NIL) NIL NIL))\r\na1 OK done\r\n",
	},
	backend.FixCopyUID: {
		command: "UID MOVE 6 Trash", said: "[COPYUID 55 31 6]\r\na1 OK done\r\n",
		heard: "* OK [COPYUID 55 31 6] moved.\r\na1 OK done\r\n",
	},
	backend.FixListNames: {
		command: `LIST "" "*"`, said: "* LIST () \"/\" a\tb\r\na1 OK done\r\n", heard: "* LIST () \"/\" \"a\tb\"\r\na1 OK done\r\n",
	},
	backend.FixStatusCodes: {
		command: "NOOP", said: "* OK [Error=\"x\"] y\r\na1 OK done\r\n", heard: "* OK Error=\"x\" y\r\na1 OK done\r\n",
	},
	backend.FixSearchCharset: {
		command: "SEARCH CHARSET UTF-8 SUBJECT x", sent: "SEARCH CHARSET US-ASCII SUBJECT x",
		said: "a1 OK done\r\n", heard: "a1 OK done\r\n",
	},
	backend.FixSearchFrom: {
		command: "SEARCH UNSEEN FROM ann@example.com", sent: `SEARCH UNSEEN OR FROM "ann@example.com" HEADER FROM "ann@example.com"`,
		said: "a1 OK done\r\n", heard: "a1 OK done\r\n",
	},
	backend.FixLongSets: {
		command: "STORE " + strings.Repeat("1,", amend.MaxLine/2) + "1 +FLAGS (\\Seen)",
		sent:    "STORE 1,… +FLAGS (\\Seen)", said: "a1 NO not this one\r\n",
		heard: "a1 NO not this one\r\n",
	},
	backend.FixIdleOrder: {
		command: "IDLE", said: "* 5 EXISTS\r\n+ idling\r\n", heard: "+ idling\r\n* 5 EXISTS\r\n",
	},
	backend.FixIdleRenew: {
		command: "IDLE", said: "+ idling\r\n", heard: "+ idling\r\n",
	},
	backend.FixBlanks: {
		command: "STATUS Archive (UIDNEXT)", said: "* STATUS Archive (UIDNEXT 1) \r\na1 OK done\r\n",
		heard: "* STATUS Archive (UIDNEXT 1)\r\na1 OK done\r\n",
	},
	backend.FixStrays: {
		command: "CAPABILITY", said: "CAPABILITY completed.\r\n\r\na1 OK done\r\n", heard: "a1 OK done\r\n",
	},
	backend.FixNumbers: {
		selected: "* 2 EXISTS", command: "SEARCH ALL", said: "* SEARCH 1 2 3\r\n* 3 FETCH (FLAGS ())\r\na1 OK done\r\n",
		heard: "* SEARCH 1 2\r\na1 OK done\r\n",
	},
	backend.FixPartials: {
		command: "FETCH 1 (BODY.PEEK[]<2.3>)", said: "* 1 FETCH (BODY[] {9}\r\nabcdefghi UID 1)\r\na1 OK done\r\n",
		heard: "* 1 FETCH (BODY[]<2> {3}\r\ncde UID 1)\r\na1 OK done\r\n",
	},
	backend.FixStoreUIDs: {
		selected: "* 2 EXISTS",
		command:  `UID STORE 7 +FLAGS (\Seen)`, said: "* 1 FETCH (FLAGS (\\Seen))\r\na1 OK done\r\n",
		own: "UID FETCH 7 (UID FLAGS)", answer: "* 1 FETCH (FLAGS (\\Seen) UID 7)\r\n",
		heard: "* 1 FETCH (FLAGS (\\Seen))\r\n* 1 FETCH (FLAGS (\\Seen) UID 7)\r\na1 OK done\r\n",
	},
	backend.FixRefusals: {
		command: "FETCH 1 (X-GM-LABELS)", plain: "a1 OK done\r\n",
		heard: "a1 BAD Exchange does not know X-GM-LABELS, and would count it as an error\r\n",
	},
	backend.FixSubstitute: {
		command: "FETCH 1 (BODY.PEEK[])",
		said:    "* 1 FETCH (BODY[] {" + substituteSize + "}\r\n" + substituteMessage + ")\r\na1 OK done\r\n",
		heard:   "* 1 FETCH (BODY[] {" + markedSize + "}\r\n" + substituteField + substituteMessage + ")\r\na1 OK done\r\n",
	},
}

const (
	substituteMessage = "From: Microsoft Exchange Server 2010\r\n" +
		"Subject: Retrieval using the IMAP4 protocol failed for the following message: 1\r\n\r\nx"
	substituteSize  = "122"
	substituteField = "X-Exgate-Substitute: Exchange cannot convert the message that should be here\r\n"
	markedSize      = "200"
)

// Each reply fix works if it is the only one that is on, and does nothing if it is the only one that is off.
func TestEachReplyFixIsSwitchedAlone(t *testing.T) {
	for _, name := range append(backend.ReplyFixes(), string(backend.FixSubstitute)) {
		fix := backend.ReplyFix(name)
		tt, ok := replyFixCases[fix]
		if !ok {
			t.Errorf("no case shows %s", fix)
			continue
		}
		all := backend.AllReplies()
		others, err := all.Without([]string{name})
		if fix == backend.FixSubstitute {
			others, err = all, nil
			others.Substitute = backend.SubstituteLeave
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Run(name+" alone", func(t *testing.T) { playReplyFix(t, fix, tt, all.Only(fix), true) })
		t.Run(name+" off", func(t *testing.T) { playReplyFix(t, fix, tt, others, false) })
	}
}

// playReplyFix plays a case with some fixes on. works says whether the fix of the case must show its effect.
func playReplyFix(t *testing.T, fix backend.ReplyFix, tt replyFixCase, fixes backend.Replies, works bool) {
	prof := repairing(false)
	prof.Replies = fixes
	c, u := newGateway(t, withProfile(prof), func(_ *Options, l *limits) { l.IdleRenew = 50 * time.Millisecond }).login()
	if tt.selected != "" {
		c.C("s1 SELECT INBOX")
		u.C("s1 SELECT INBOX")
		u.S(tt.selected)
		u.S("s1 OK done")
		c.S(tt.selected)
		c.S("s1 OK done")
	}
	c.C("a1 " + tt.command)
	sent, said, heard := tt.command, tt.said, tt.heard
	switch {
	case !works && tt.plain != "":
		said, heard = tt.plain, tt.plain
	case !works:
		heard = tt.said
	case tt.sent != "":
		sent = tt.sent
	}
	if said != "" {
		line := u.C("a1 " + sent)
		if long := len(line) > amend.MaxLine+len("\r\n"); long && works {
			t.Errorf("a line of %d bytes", len(line))
		}
		u.raw(said)
	}
	if tt.own != "" && works {
		tag, _, _ := strings.Cut(u.C("xg… "+tt.own), " ")
		u.raw(tt.answer + tag + " OK done\r\n")
	}
	c.expectRaw(heard)
	if fix != backend.FixIdleRenew {
		return
	}
	if works {
		u.C("DONE")
		return
	}
	c.C("DONE") // the first DONE is the client's: exgate has sent none
	u.C("DONE")
	u.S("a1 OK done")
	c.S("a1 OK done")
}
