package proxy

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"exgate/backend/exchangesim"
	"exgate/proxy/testkit"
)

// faultRow is one fault of Exchange: the fault, the conversation, the lines of the log, and the contents of the
// mailbox afterwards.
type faultRow struct {
	name   string
	faults string // faults for the simulator, given after SELECT; separated by blanks
	// script has one step a line:
	//
	//	C ...       the client sends a line
	//	S ...       the client must get the line; untagged responses before it are skipped
	//	APPEND ...  the client uploads a message, and must get the reply
	//	gone        the client's connection must end
	//	fault ...   the simulator is given another fault
	//	log ...     the log must have the message
	//	deliver     another client delivers a message
	script string
	logged string // messages of the log, separated by commas
	holds  string // the number of messages in INBOX and in Drafts, in the end
}

var faultRows = []faultRow{
	// Throttles, in their three shapes (docs/exchange.md#throttling).
	{"throttled APPEND", "throttle:5ms:2", "APPEND a2 OK …", "Exchange throttles the account", "2 0"},
	{"throttled, NO", "throttle-account:alice:5ms:no", "C a1 FETCH 1 FLAGS\nS a1 OK …", "Exchange refused a command", "1 0"},
	{"throttled, BAD", "throttle-account:alice:5ms:bad", "C a1 FETCH 1 FLAGS\nS a1 OK …", "Exchange refused a command", "1 0"},
	{"throttled, BAD and BYE", "throttle-account:alice:5ms:bad-bye", "C a1 FETCH 1 FLAGS\nS a1 OK …", "session resumed", "1 0"},
	{"throttled COPY, BAD and BYE", "throttle-account:alice:5ms:bad-bye", "C a1 COPY 1 Drafts\nS a1 OK [COPYUID …\nC a2 NOOP\nS a2 OK …", "session resumed", "1 1"},

	// Refusals.
	{"FETCH refused", "refuse:FETCH:NO_Server_Unavailable._15", "C a1 FETCH 1 FLAGS\nS a1 OK …", "sending the command again on a fresh connection", "1 0"},
	{"SEARCH refused", "refuse:SEARCH:NO_Server_Unavailable._15", "C a1 UID SEARCH ALL\nS * SEARCH 1\nS a1 OK …", "sending the command again on a fresh connection", "1 0"},
	{"STATUS refused", "refuse:STATUS:NO_Server_Unavailable._15", "C a1 STATUS Drafts (MESSAGES)\nS * STATUS …\nS a1 OK …", "sending the command again on a fresh connection", "1 0"},
	{"SEARCH refused on a fresh connection too, and then not sent again", "refuse:SEARCH:3:NO_Server_Unavailable._15", "C a1 SEARCH ALL\nS a1 NO Server Unavailable. 15\nC a2 SEARCH ALL\nS a2 NO Server Unavailable. 15\nC a3 SEARCH ALL\nS * SEARCH 1\nS a3 OK …", "sending the command again on a fresh connection", "1 0"},
	{"COPY refused", "refuse:COPY:NO_Server_Unavailable._15", "C a1 COPY 1 Drafts\nS a1 OK [COPYUID …", "sending the command again on a fresh connection", "1 1"},
	{"UID COPY refused", "refuse:COPY:NO_Server_Unavailable._15", "C a1 UID COPY 1:* Drafts\nS a1 OK [COPYUID …\nC a2 NOOP\nS a2 OK …", "sending the command again on a fresh connection", "1 1"},
	{"COPY refused on a fresh connection too", "refuse:COPY:2:NO_Server_Unavailable._15", "C a1 COPY 1 Drafts\nS a1 NO [OVERQUOTA] Server Unavailable. 15 (exgate: …\nC a2 NOOP\nS a2 OK …", "sending the command again on a fresh connection", "1 0"},
	{"COPY refused, and no fresh connection", "refuse:COPY:NO_Server_Unavailable._15 refuse-login", "C a1 COPY 1 Drafts\nS a1 NO Server Unavailable. 15\nC a2 NOOP\nS a2 OK …", "cannot open a fresh connection to Exchange to send the command again", "1 0"},
	{"COPY refused, and the fresh connection cut", "refuse:COPY:NO_Server_Unavailable._15 cut:LOGIN", "C a1 COPY 1 Drafts\nS a1 OK [COPYUID …", "Exchange cannot be logged in to; trying again,sending the command again on a fresh connection", "1 1"},
	{"COPY refused before its literal", "refuse:COPY:NO_Server_Unavailable._15", "C a1 COPY 1 {6+}\nC Drafts\nS a1 NO Server Unavailable. 15", "Exchange refused a command", "1 0"},
	{"APPEND refused before its message", "refuse:APPEND:NO_Server_Unavailable._15", "APPEND a2 OK [APPENDUID …", "message stored", "2 0"},
	{"APPEND refused after its message", "refuse-message:NO_Server_Unavailable._15", "APPEND a2 OK [APPENDUID …", "message stored", "2 0"},
	{"APPEND refused on a fresh connection too", "refuse-message:2:NO_Server_Unavailable._15", "APPEND a2 NO [OVERQUOTA] Server Unavailable. 15 (exgate: …", "Exchange refused a message", "1 0"},
	{"content refused", "refuse-message:BAD_Command_Argument_Error._11", "APPEND a2 NO Command Argument Error. 11 (exgate: …", "Exchange refused a message", "1 0"},
	{"message run as commands", "literal-run-as-commands", "APPEND a2 NO …Exchange replied out of step…\nC a3 NOOP\nS a3 OK …", "message without a reply,session resumed", "1 0"},

	// BYE.
	{"token expired", "token-expiry", "C a1 FETCH 1 FLAGS\nS a1 OK …", "session resumed", "1 0"},
	{"BYE 14", "bye:14:FETCH", "C a1 UID FETCH 1:* FLAGS\nS a1 OK …", "session resumed", "1 0"},
	{"BYE 13", "bye:13:STORE", `C a1 STORE 1 +FLAGS (\Seen)` + "\nS a1 OK …", "session resumed", "1 0"},
	{"BYE while the client rests", "", "fault bye:14:WAITING\nlog upstream ended\nC a1 NOOP\nS a1 OK …",
		"session resumed", "1 0"},
	{"BYE while it idles", "", "C a1 IDLE\nS + …\nfault bye:14:WAITING\nlog session resumed\ndeliver\nS * 2 EXISTS\nC DONE\nS a1 OK …", "session resumed", "2 0"},

	// Connections that end.
	{"cut before FETCH", "cut:FETCH", "C a1 FETCH 1 FLAGS\nS a1 OK …", "session resumed", "1 0"},
	{"cut in a line", "cut-reply:FETCH:7", "C a1 FETCH 1 FLAGS\nS a1 OK …", "session resumed", "1 0"},
	{"cut in a literal", "cut-reply:FETCH:60", "C a1 FETCH 1 BODY[]\ngone", "session end", "1 0"},
	{"reset", "reset:SEARCH", "C a1 SEARCH ALL\nS a1 OK …", "session resumed", "1 0"},
	{"half closed", "half-close:FETCH", "C a1 FETCH 1 FLAGS\nS a1 OK …", "session resumed", "1 0"},
	{"hangs", "hang:FETCH", "C a1 FETCH 1 FLAGS\nS a1 OK …", "session resumed", "1 0"},
	{"cut in SELECT", "cut-reply:SELECT:30", "C a1 SELECT Drafts\nS a1 OK [READ-WRITE] …\nC a2 SELECT INBOX\nS a2 OK …", "session resumed", "1 0"},
	{"cut before COPY", "cut:COPY", "C a1 COPY 1 Drafts\nS a1 NO [UNAVAILABLE] …it is not known whether it was done\nC a2 NOOP\nS a2 OK …", "a command without a reply,session resumed", "1 0"},
	{"cut after COPY", "cut-reply:COPY:1", "C a1 COPY 1 Drafts\nS a1 NO [UNAVAILABLE] …it is not known whether it was done\nC a2 NOOP\nS a2 OK …", "a command without a reply,session resumed", "1 1"},
	{"cut after MOVE", "cut-reply:MOVE:1", "C a1 MOVE 1 Drafts\nS a1 NO [UNAVAILABLE] …it is not known whether it was done\nC a2 NOOP\nS * BYE …the mailbox \"INBOX\" has lost messages: log in and select it again)", "a command without a reply,session not resumed", "0 1"},
	{"IDLE throttled", "throttle-account:alice:5ms:no", "C a1 IDLE\nS + …\ndeliver\nS * 2 EXISTS\nC DONE\nS a1 OK …", "Exchange refused a command", "2 0"},
	{"lost again at the login", "cut:FETCH cut:LOGIN", "C a1 FETCH 1 FLAGS\nS a1 OK …", "Exchange cannot be logged in to; trying again,session resumed", "1 0"},
	{"throttled at the login", "cut:FETCH throttle-account:alice:5ms:bad-bye@2", "C a1 FETCH 1 FLAGS\nS a1 OK …", "session resumed", "1 0"},
	{"slow", "slow:20ms", "C a1 FETCH 1 FLAGS\nS a1 OK …", "session open", "1 0"},
	{"drip", "drip:1ms:FETCH", "C a1 FETCH 1 FLAGS\nS a1 OK …", "session open", "1 0"},

	// Messages without a reply.
	{"lost and not stored", "lost-append", "APPEND a2 OK [APPENDUID …", "looked for the message", "2 0"},
	{"lost and stored", "lost-append-reply", "APPEND a2 OK [APPENDUID …", "looked for the message", "2 0"},
	{"lost, and lost again", "lost-append:2", "APPEND a2 OK [APPENDUID …", "looked for the message", "2 0"},
	{"lost each time", "lost-append:20", "APPEND a2 NO [UNAVAILABLE] …; nothing was stored", "message without a reply", "1 0"},
	{"cut in the message", "cut-mid-literal", "APPEND a2 OK [APPENDUID …", "looked for the message", "2 0"},
	{"hangs with the message", "hang:APPEND", "APPEND a2 OK [APPENDUID …", "looked for the message", "2 0"},

	{"stored late, with a flag to be replayed", "late-append:50ms", "FLAGGED a2 OK …", "message stored", "2 0"},

	// Mailboxes that change while the session has no connection.
	{"another client delivers", "", "fault bye:14:WAITING\nlog upstream ended\ndeliver\nC a1 NOOP\nS * 2 EXISTS\nS a1 OK …", "session resumed", "2 0"},
	{"another client expunges", "expunge:STATUS cut:NOOP@2", "C a1 NOOP\nS a1 OK …\nC a2 STATUS Drafts (MESSAGES)\nS * 1 EXPUNGE\nS a2 OK …\nC a3 NOOP\nS a3 OK …", "session resumed", "0 0"},
	{"UIDVALIDITY changes", "uidvalidity:NOOP", "C a1 NOOP\nS * BYE …its UIDVALIDITY has changed…", "session not resumed", "1 0"},
	{"the password changes", "cut:NOOP refuse-login", "C a1 NOOP\nS * BYE …; and then: LOGIN failed. (exgate: …", "session not resumed", "1 0"},
	{"the mailbox cannot be opened any more", "cut:NOOP unopenable:alice", "C a1 NOOP\nS * BYE …User is authenticated but not connected. (exgate: …", "session not resumed", "1 0"},
}

func TestFaults(t *testing.T) {
	for _, row := range faultRows {
		t.Run(row.name, func(t *testing.T) {
			g, sim := newSimulated(t, exchangesim.Config{}, withProfile(exchangeProfile), resuming, func(o *Options, l *limits) {
				o.Upstreams[0].Backend.Timeouts.Reply = 300 * time.Millisecond
				l.Looks, l.Linger, l.Replay = []time.Duration{0, 50 * time.Millisecond}, 0, 100*time.Millisecond
				l.Reconnect, l.ReconnectPause = testkit.WaitLimit, time.Millisecond
			})
			defer func() {
				if t.Failed() {
					t.Log(g.log)
				}
			}()
			c := g.loginSimulated()
			c.upload("INBOX", cleanMessage)
			c.until("a1 OK …")
			c.C("a0 SELECT INBOX")
			c.until("a0 OK …", "* …")
			order := func(spec string) {
				if err := sim.AddFault(strings.ReplaceAll(spec, "_", " ")); err != nil {
					t.Fatal(err)
				}
			}
			for _, spec := range strings.Fields(row.faults) {
				order(spec)
			}
			for step := range strings.SplitSeq(row.script, "\n") {
				what, rest, _ := strings.Cut(step, " ")
				switch what {
				case "C":
					c.C(rest)
				case "S":
					c.until(rest, "* …")
				case "APPEND", "FLAGGED":
					tag, _, _ := strings.Cut(rest, " ")
					message, flags := strings.Replace(cleanMessage, "<1@", "<2@", 1), ""
					if what == "FLAGGED" {
						flags = `(\Flagged) `
					}
					c.raw(fmt.Sprintf("%s APPEND INBOX %s{%d+}\r\n%s\r\n", tag, flags, len(message), message))
					c.until(rest, "* …")
				case "fault":
					order(rest)
				case "deliver":
					if _, err := sim.Deliver("alice", "INBOX", nil, time.Time{}, []byte("Subject: new\r\n\r\n")); err != nil {
						t.Fatal(err)
					}
				case "log":
					g.logged(rest)
				case "gone":
					c.gone()
				default:
					t.Fatalf("step %q", step)
				}
			}
			c.close()
			for _, msg := range strings.Split(row.logged+",session end", ",") {
				g.logged(msg)
			}
			for _, m := range sim.Messages("alice", "INBOX") {
				if strings.Contains(row.script, "FLAGGED") && strings.Contains(string(m.Received), "<2@") && !m.OutlookFlagged {
					t.Error("the message is not flagged")
				}
			}
			holds := strconv.Itoa(len(sim.Messages("alice", "INBOX"))) + " " + strconv.Itoa(len(sim.Messages("alice", "Drafts")))
			if holds != row.holds {
				t.Errorf("the mailboxes hold %s, want %s\n%s", holds, row.holds, g.log)
			}
		})
	}
}

// gone reads until the connection ends.
func (p *peer) gone() {
	p.t.Helper()
	for {
		line, err := p.r.ReadString('\n')
		p.said.add(p.name+" <", line)
		if err != nil {
			if os.IsTimeout(err) {
				p.fatalf("want the end of the connection")
			}
			return
		}
		if strings.HasPrefix(line, "* BYE") {
			p.fatalf("a BYE in the middle of a response")
		}
	}
}
