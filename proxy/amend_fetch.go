package proxy

import (
	"strconv"
	"strings"

	"exgate/backend"
	"exgate/proxy/mailbox"
	"exgate/proxy/replies"
)

// fetchEdits is for FETCH: what is asked decides what of the answer is looked at.
var fetchEdits = edits{args: editFetch, fixes: []backend.ReplyFix{
	backend.FixMissingData, backend.FixStructure, backend.FixSubstitute, backend.FixRefusals, backend.FixLongSets,
}}

// foreignItems are FETCH items of extensions that Exchange never had, by the
// capability that announces them: it counts them as errors
// (docs/exchange.md#error-11, imapsync's --synclabels).
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
	items := replies.WithoutSections(strings.ToUpper(a.unread()))
	if a.hasFix(backend.FixRefusals) {
		for word := range strings.FieldsFuncSeq(items, func(r rune) bool { return r == ' ' || r == '(' || r == ')' }) {
			for _, foreign := range foreignItems {
				if strings.HasPrefix(word, foreign.item) && !a.c.login.has(foreign.capability) {
					a.c.countFixes("refusals")
					return false, refuseArgument("BAD Exchange has no %s, and counts it as an error", word)
				}
			}
		}
	}
	f := replies.NewFetching(a.cmd.tag, a.cmd.verb, a.wantedFixes(), set, items, a.c.repaired, a.c.log)
	if f.CanEdit() {
		a.cmd.editor, a.cmd.finish = f, f.Finish
	}
	if a.isTooLong() {
		return true, a.c.sendSplit(a, set)
	}
	if f.IsSingle() && strings.HasPrefix(a.cmd.verb, "UID") {
		return true, a.c.fetchOne(a, f)
	}
	return false, nil
}

// rest is what has not been read of the command's first line.
func (a *amendment) unread() string {
	at := a.here()
	return a.texts[at.text][at.at:]
}

// fetchOne relays a FETCH of one message by its UID. When it brings nothing,
// the mailbox is asked whether the message exists.
func (c *conn) fetchOne(a *amendment, f *replies.Fetching) error {
	cmd := a.cmd
	if err := c.sendAmended(a); err != nil {
		return err
	}
	if err := c.awaitFlight(cmd.flight.isDone); err != nil {
		return err
	}
	number, missing := f.Unanswered()
	if missing == nil {
		return nil
	}
	exists := false
	status, err := c.askUpstream(cmd, "exgate asks for the message again", func() *backend.Request {
		req := backend.NewRequest("UID FETCH").Raw(number).Raw("(UID)")
		req.Untagged = func(line []byte) bool {
			_, uid, ok := mailbox.FetchedUID(line)
			exists = exists || ok && strconv.FormatUint(uint64(uid), 10) == strings.TrimLeft(number, "0")
			return ok
		}
		return req
	})
	if err != nil {
		return c.argumentFault(cmd, c.requestLost(cmd, err))
	}
	if status.Word == "OK" && !exists {
		return c.client.w.line("%s OK %s", cmd.tag, missing.Text)
	}
	c.repaired("missing-data")
	c.log.Warn("Exchange gave no message", "uid", number)
	return c.client.w.line("%s NO %s", cmd.tag, replies.MissingText("with UID "+number))
}

// repaired counts a repair of a reply.
func (c *conn) repaired(fix string) {
	c.srv.totals.Fixes.Count(fix)
	c.tally.repairs.Lock()
	defer c.tally.repairs.Unlock()
	c.tally.repairs.fixes.Count(fix)
}
