package proxy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"exgate/backend"
	"exgate/backend/wire"
)

// fetches is for FETCH: what is asked decides what of the answer is looked at.
var fetches = edits{editFetch, func(l *login) bool {
	r := &l.policy.Replies
	return r.MissingData || r.Structure || r.Refusals || r.LongSets || l.policy.marksSubstitutes()
}}

// marksSubstitutes tells whether the message that Exchange gives out in place
// of another is looked for.
func (p *Policy) marksSubstitutes() bool {
	return p.Replies.Substitute == backend.SubstituteMark || p.Replies.Substitute == backend.SubstituteRefuse
}

// foreignItems are FETCH items of extensions that Exchange never had, by the
// capability that announces them: it counts them as errors (behaviour notes §3;
// requirements O12, imapsync's --synclabels).
var foreignItems = []struct{ item, capability string }{
	{"X-GM-", "X-GM-EXT-1"}, {"MODSEQ", "CONDSTORE"}, {"BINARY", "BINARY"}, {"EMAILID", "OBJECTID"}, {"THREADID", "OBJECTID"},
	{"PREVIEW", "PREVIEW"}, {"SAVEDATE", "SAVEDATE"},
}

func editFetch(a *amendment) (done bool, err error) {
	a.args.Space()
	set, ok := a.args.Atom()
	if !ok || len(a.literals) > 0 {
		return false, nil // Exchange will say what it thinks of it
	}
	policy := a.c.login.policy
	items := withoutSections(strings.ToUpper(a.rest()))
	if policy.Replies.Refusals {
		for word := range strings.FieldsFuncSeq(items, func(r rune) bool { return r == ' ' || r == '(' || r == ')' }) {
			for _, foreign := range foreignItems {
				if strings.HasPrefix(word, foreign.item) && !a.c.login.has(foreign.capability) {
					a.c.fixed("refusals")
					return false, refuseArgument("BAD Exchange has no %s, and counts it as an error", word)
				}
			}
		}
	}
	f := &fetching{c: a.c, cmd: a.cmd}
	if policy.Replies.Structure && asksForStructure(items) {
		f.structure = new(structureEditor)
	}
	if asksForText(items) {
		f.substitute = policy.Replies.Substitute
		if policy.Replies.MissingData && strings.Trim(set, "0123456789") == "" {
			f.single = set
			a.cmd.finish = f.finish
		}
	}
	if f.structure != nil || f.single != "" || policy.marksSubstitutes() && asksForText(items) {
		a.cmd.editor = f
		if a.cmd.finish == nil {
			a.cmd.finish = f.finish
		}
	}
	if a.tooLong() {
		return true, a.c.sendSplit(a, set)
	}
	if f.single != "" && strings.HasPrefix(a.cmd.verb, "UID") {
		return true, a.c.fetchOne(a, f)
	}
	return false, nil
}

// rest is what has not been read of the command's first line.
func (a *amendment) rest() string {
	at := a.here()
	return a.texts[at.text][at.at:]
}

// withoutSections leaves out what stands between the brackets of items, such as
// the names of header fields.
func withoutSections(items string) string {
	var b strings.Builder
	inside := false
	for _, r := range items {
		switch {
		case r == '[':
			inside = true
			b.WriteRune(r)
		case r == ']':
			inside = false
			b.WriteRune(r)
		case !inside:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// asksForStructure tells whether items of FETCH, in upper case, ask for what
// structureEditor repairs.
func asksForStructure(items string) bool {
	for word := range strings.FieldsFuncSeq(items, func(r rune) bool { return r == ' ' || r == '(' || r == ')' }) {
		switch word {
		case "ENVELOPE", "BODYSTRUCTURE", "BODY", "ALL", "FULL":
			return true
		}
	}
	return false
}

// asksForText tells whether items of FETCH, in upper case, ask for a message or
// a part of one.
func asksForText(items string) bool {
	return strings.Contains(items, "BODY[") || strings.Contains(items, "BODY.PEEK[") ||
		strings.Contains(strings.ReplaceAll(items, "RFC822.SIZE", ""), "RFC822")
}

// fetching is the reply editor of FETCH.
type fetching struct {
	c          *conn
	cmd        *command
	structure  *structureEditor // nil: not asked for
	single     string           // the one message that is asked for; "": several, or none of its text
	substitute backend.Substitute
	held       substituteHold

	brought bool // a response with text has come
	refused bool // a substitute was kept from the client
	missing *wire.Status
}

// wants implements replyEditor.
func (f *fetching) wants(line []byte) bool {
	return len(line) > 2 && '0' <= line[2] && line[2] <= '9' && wire.IndexFold(line[:min(len(line), 32)], " FETCH (") > 0
}

// edit implements replyEditor.
func (f *fetching) edit(out []byte, frag wire.Fragment) (edited []byte, same bool) {
	if f.single != "" && !f.brought {
		f.brought = frag.Literal || asksForText(strings.ToUpper(string(frag.Data)))
	}
	same = true
	if f.structure != nil {
		if frag.First {
			f.structure.reset()
		}
		var text []byte
		if text, same = f.structure.edit(frag); !same {
			frag.Data = slices.Clip(text) // nothing lies behind it
		}
		if frag.Last && f.structure.fixed > 0 {
			f.c.repaired("structure")
		}
	}
	if f.looksForSubstitutes() {
		if edited, passed := f.held.edit(out, frag, f); !passed {
			return edited, false
		}
	}
	if same {
		return out, true
	}
	return append(out, frag.Data...), false
}

// passes tells that the rest of the response goes as it is.
func (f *fetching) passes() bool {
	return f.structure == nil && (f.brought || f.single == "") && (f.held.state == passing || !f.looksForSubstitutes())
}

func (f *fetching) looksForSubstitutes() bool {
	return f.substitute == backend.SubstituteMark || f.substitute == backend.SubstituteRefuse
}

// finish judges the tagged reply. conn.mu is held.
func (f *fetching) finish(status wire.Status) {
	switch {
	case status.Word != "OK":
	case f.refused:
		f.cmd.instead = fmt.Appendf(nil, "%s NO [CANNOT] Exchange cannot convert the message and gives out another in its place: open it in Outlook\r\n", f.cmd.tag)
	case f.single == "" || f.brought:
	case strings.HasPrefix(f.cmd.verb, "UID"):
		// It may not exist, which is no error (RFC 9051 section 6.4.9).
		f.missing, f.cmd.hidden = &status, true
	default:
		f.cmd.instead = fmt.Appendf(nil, "%s NO %s\r\n", f.cmd.tag, missingText(f.single))
		f.c.repaired("missing-data")
		f.c.log.Warn("Exchange gave no message", "message", f.single)
	}
}

func missingText(number string) string {
	return "[CANNOT] Exchange has no data for message " + number + ", which is there: it cannot convert it; open it in Outlook"
}

// fetchOne relays a FETCH of one message by its UID. When it brings nothing,
// the mailbox is asked whether the message exists.
func (c *conn) fetchOne(a *amendment, f *fetching) error {
	cmd := a.cmd
	if err := c.sendAmended(a); err != nil {
		return err
	}
	if err := c.awaitFlight(func() bool { return cmd.done }); err != nil {
		return err
	}
	c.mu.Lock()
	missing := f.missing
	c.mu.Unlock()
	if missing == nil {
		return nil
	}
	exists := false
	status, err := c.ask(cmd, "exgate asks for the message again", func() *backend.Request {
		req := backend.NewRequest("UID FETCH").Raw(f.single).Raw("(UID)")
		req.Untagged = func(line []byte) bool {
			_, uid, ok := fetchedUID(line)
			exists = exists || ok && strconv.FormatUint(uint64(uid), 10) == strings.TrimLeft(f.single, "0")
			return ok
		}
		return req
	})
	if err != nil {
		return c.argumentFault(cmd, c.lostOwn(cmd, err))
	}
	if status.Word == "OK" && !exists {
		return c.w.line("%s OK %s", cmd.tag, missing.Text)
	}
	c.repaired("missing-data")
	c.log.Warn("Exchange gave no message", "uid", f.single)
	return c.w.line("%s NO %s", cmd.tag, missingText("with UID "+f.single))
}

// repaired counts a repair of a reply.
func (c *conn) repaired(fix string) {
	c.srv.totals.Fixes.Count(fix)
	c.repairs.Lock()
	defer c.repairs.Unlock()
	c.repairs.count([]string{fix})
}
