package proxy

import (
	"bytes"
	"slices"
	"strings"

	"exgate/backend"
	"exgate/backend/wire"
	"exgate/proxy/replies"
)

// An Exchange has neither LIST-EXTENDED (RFC 5258) nor LIST-STATUS (RFC 5819). exgate answers
// the options of LIST with what LIST, LSUB and STATUS say.

// selectionOptions edits the selection options of a LIST, which were read since from.
// REMOTE and RECURSIVEMATCH select nothing more here: Exchange lists no mailboxes of other
// servers, and has a parent for each mailbox.
func (a *amendment) selectionOptions(from position, options []string, l *replies.Listing) error {
	l.SpecialOnly = hasWord(options, "SPECIAL-USE") && !a.c.login.has("SPECIAL-USE")
	if len(options) == 0 || a.c.login.has("LIST-EXTENDED") && !l.SpecialOnly {
		return nil
	}
	rest := slices.DeleteFunc(slices.Clone(options), func(s string) bool {
		return l.SpecialOnly && strings.EqualFold(s, "SPECIAL-USE")
	})
	text := ""
	if len(rest) > 0 {
		text = "(" + strings.Join(rest, " ") + ")"
	}
	if a.lacks("LIST-EXTENDED") {
		text = ""
		for _, option := range rest {
			if !hasWord([]string{"SUBSCRIBED", "REMOTE", "RECURSIVEMATCH"}, option) {
				return a.refuseForeign("the selection option " + option)
			}
		}
		l.IsLSUB = hasWord(rest, "SUBSCRIBED")
		a.c.repaired("refusals")
	}
	a.args.Space()
	if l.IsLSUB { // LIST becomes LSUB
		at := len(a.cmd.tag) + len(" ")
		a.changes = append(a.changes, change{from: position{0, at}, to: position{0, at + len("LIST")}, with: "LSUB"})
	}
	a.replace(from, text)
	return nil
}

// listReturns is what a LIST asks for besides the mailboxes.
type listReturns struct {
	subscribed bool     // the attribute \Subscribed
	status     []string // items of STATUS
}

// returnOptions removes RETURN (...) for an upstream without LIST-EXTENDED, and returns what
// of it exgate has to add. exgate adds SPECIAL-USE in each case (RFC 6154 section 2), and
// Exchange returns CHILDREN (RFC 3348) unasked.
func (a *amendment) returnOptions() (asked listReturns, err error) {
	from := a.here()
	a.args.Space()
	if a.c.login.has("LIST-EXTENDED") || a.args.IsEmpty() || !a.takeWord("RETURN") {
		return asked, nil
	}
	a.args.Space()
	if !a.args.Take('(') {
		return asked, wire.SyntaxError(a.cmd.verb + ": RETURN has a list of options")
	}
	for a.args.Space(); !a.args.Take(')'); a.args.Space() {
		option, ok := a.args.Atom()
		switch {
		case !ok:
			return asked, wire.SyntaxError(a.cmd.verb + ": the return options have no closing parenthesis")
		case strings.EqualFold(option, "STATUS"): // RFC 5819
			a.args.Space()
			items, ok := a.args.List()
			if !ok || len(items) == 0 {
				return asked, wire.SyntaxError(a.cmd.verb + ": STATUS has a list of items")
			}
			asked.status = a.knownItems(items)
		case strings.EqualFold(option, "SUBSCRIBED"):
			asked.subscribed = true
		case !hasWord([]string{"SPECIAL-USE", "CHILDREN"}, option):
			return asked, a.refuseForeign("the return option " + option)
		}
	}
	a.replace(from, "")
	return asked, nil
}

// refuseListOptions refuses the options of a LIST whose names are not mapped, if the
// upstream has no LIST-EXTENDED.
func (a *amendment) refuseListOptions() error {
	if !a.lacks("LIST-EXTENDED") {
		return nil
	}
	a.args.Space()
	if a.args.Peek() == '(' {
		return a.refuseForeign("selection options")
	}
	a.args.String()
	a.args.Space()
	if _, ok := readPatterns(a.args); !ok {
		return nil // not understood here: Exchange judges it
	}
	if a.args.Space(); !a.args.IsEmpty() && a.takeWord("RETURN") {
		return a.refuseForeign("return options")
	}
	return nil
}

// subscribed asks Exchange for the subscribed mailboxes, by their names on the wire.
func (c *conn) subscribed(cmd *command) (map[string]bool, error) {
	var names map[string]bool
	status, err := c.readUpstream(cmd, "exgate reads the list of folders", func() *backend.Request {
		names = make(map[string]bool)
		req := backend.NewRequest("LSUB").Raw(`""`).Raw(`"*"`)
		req.Untagged = func(line []byte) bool {
			l, ok := replies.ParseListed(line)
			if ok = ok && l.Verb == "LSUB"; ok {
				names[string(l.Mailbox)] = true
			}
			return ok
		}
		return req
	})
	if err == nil && status.Word != "OK" {
		err = backend.ReplyError("LSUB", status)
	}
	return names, err
}

// listWithStatus answers LIST ... RETURN (STATUS ...) with a LIST and a STATUS for each
// mailbox of it. A mailbox whose STATUS Exchange refuses has none (RFC 5819 section 2).
func (c *conn) listWithStatus(a *amendment, l *replies.Listing, items []string) error {
	cmd := a.cmd
	l.KeepShown = true
	cmd.finish = func(s wire.Status) replies.Verdict { return replies.Verdict{Hidden: s.Word == "OK"} }
	if err := c.sendCommand(a.cmd, a.pieces()); err != nil {
		return err
	}
	if err := c.awaitFlight(cmd.flight.isDone); err != nil {
		return err
	}
	if status, done := c.link.replyTo(cmd); !done || status.Word != "OK" {
		return nil // the client has its answer
	}
	list := "(" + strings.Join(items, " ") + ")"
	for _, mailbox := range l.Shown {
		counts := ""
		status, err := c.readUpstream(cmd, "exgate asks for the STATUS of each mailbox", func() *backend.Request {
			req := backend.NewRequest("STATUS").Mailbox(mailbox.Upstream).Raw(list)
			req.Untagged = func(line []byte) bool {
				if !wire.IsUntagged(line, "STATUS") {
					return false
				}
				if at := bytes.LastIndexByte(line, '('); at >= 0 {
					counts = string(bytes.TrimRight(line[at:], " \r\n"))
				}
				return true
			}
			return req
		})
		if err != nil {
			return c.answerFault(cmd, c.requestLost(cmd, err))
		}
		if status.Word != "OK" || counts == "" {
			continue
		}
		if err := c.client.w.line("* STATUS %s %s", wire.AString(mailbox.Client), counts); err != nil {
			return err
		}
	}
	return c.client.w.line("%s OK LIST completed.", cmd.tag)
}
