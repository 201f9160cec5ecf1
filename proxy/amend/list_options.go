package amend

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
func (cmd *Command) selectionOptions(from position, options []string, l *replies.Listing) error {
	l.SpecialOnly = hasWord(options, "SPECIAL-USE") && !cmd.Login.has("SPECIAL-USE")
	if len(options) == 0 || cmd.Login.has("LIST-EXTENDED") && !l.SpecialOnly {
		return nil
	}
	rest := slices.DeleteFunc(slices.Clone(options), func(s string) bool {
		return l.SpecialOnly && strings.EqualFold(s, "SPECIAL-USE")
	})
	text := ""
	if len(rest) > 0 {
		text = "(" + strings.Join(rest, " ") + ")"
	}
	if cmd.lacks("LIST-EXTENDED") {
		text = ""
		for _, option := range rest {
			if !hasWord([]string{"SUBSCRIBED", "REMOTE", "RECURSIVEMATCH"}, option) {
				return cmd.refuseForeign("the selection option " + option)
			}
		}
		l.IsLSUB = hasWord(rest, "SUBSCRIBED")
		cmd.Session.Repaired("refusals")
	}
	cmd.args.Space()
	if l.IsLSUB { // LIST becomes LSUB
		at := len(cmd.Tag) + len(" ")
		verb := change{from: position{0, at}, to: position{0, at + len("LIST")}, with: "LSUB"}
		cmd.changes = append(cmd.changes, verb)
	}
	cmd.replace(from, text)
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
func (cmd *Command) returnOptions() (asked listReturns, err error) {
	from := cmd.here()
	cmd.args.Space()
	if cmd.Login.has("LIST-EXTENDED") || cmd.args.IsEmpty() || !cmd.takeWord("RETURN") {
		return asked, nil
	}
	cmd.args.Space()
	if !cmd.args.Take('(') {
		return asked, wire.SyntaxError(cmd.Verb + ": RETURN has a list of options")
	}
	for cmd.args.Space(); !cmd.args.Take(')'); cmd.args.Space() {
		option, ok := cmd.args.Atom()
		switch {
		case !ok:
			return asked, wire.SyntaxError(cmd.Verb + ": the return options have no closing parenthesis")
		case strings.EqualFold(option, "STATUS"): // RFC 5819
			cmd.args.Space()
			items, ok := cmd.args.List()
			if !ok || len(items) == 0 {
				return asked, wire.SyntaxError(cmd.Verb + ": STATUS has a list of items")
			}
			asked.status = cmd.knownItems(items)
		case strings.EqualFold(option, "SUBSCRIBED"):
			asked.subscribed = true
		case !hasWord([]string{"SPECIAL-USE", "CHILDREN"}, option):
			return asked, cmd.refuseForeign("the return option " + option)
		}
	}
	cmd.replace(from, "")
	return asked, nil
}

// refuseListOptions refuses the options of a LIST whose names are not mapped, if the
// upstream has no LIST-EXTENDED.
func (cmd *Command) refuseListOptions() error {
	if !cmd.lacks("LIST-EXTENDED") {
		return nil
	}
	cmd.args.Space()
	if cmd.args.Peek() == '(' {
		return cmd.refuseForeign("selection options")
	}
	cmd.args.String()
	cmd.args.Space()
	if _, ok := readPatterns(&cmd.args); !ok {
		return nil // not understood here: Exchange judges it
	}
	if cmd.args.Space(); !cmd.args.IsEmpty() && cmd.takeWord("RETURN") {
		return cmd.refuseForeign("return options")
	}
	return nil
}

// subscribed asks Exchange for the subscribed mailboxes, by their names on the wire.
func (cmd *Command) subscribed() (map[string]bool, error) {
	var names map[string]bool
	status, err := cmd.Session.Read("exgate reads the list of folders", func() *backend.Request {
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
func (cmd *Command) listWithStatus(l *replies.Listing, items []string) error {
	l.KeepShown = true
	cmd.Finish = hideOK
	if reply, err := cmd.Session.Send(cmd.Pieces(), cmd.Handling); err != nil || reply.Status.Word != "OK" {
		return err // or the client has its answer
	}
	list := "(" + strings.Join(items, " ") + ")"
	for _, mailbox := range l.Shown {
		counts := ""
		status, err := cmd.Session.Read("exgate asks for the STATUS of each mailbox", func() *backend.Request {
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
			return cmd.Session.Lost(err)
		}
		if status.Word != "OK" || counts == "" {
			continue
		}
		if err := cmd.Session.Say("* STATUS %s %s", wire.AString(mailbox.Client), counts); err != nil {
			return err
		}
	}
	return cmd.Session.Say("%s OK LIST completed.", cmd.Tag)
}
