package proxy

import (
	"strconv"
	"strings"

	"exgate/backend"
	"exgate/proxy/mailbox"
	"exgate/proxy/replies"
)

// fetchEdits are the edits of FETCH. The items that the client asks for decide
// which replies are examined.
var fetchEdits = edits{args: editFetch, fixes: []backend.ReplyFix{
	backend.FixMissingData, backend.FixStructure, backend.FixPartials, backend.FixSubstitute, backend.FixRefusals,
	backend.FixLongSets,
}}

// foreignItems are FETCH items and modifiers of extensions that no Exchange has.
// Exchange counts such an item as an error (docs/exchange.md#error-11). imapsync's
// --synclabels asks for X-GM-LABELS.
var foreignItems = []foreign{
	{"X-GM-", "X-GM-EXT-1"}, {"MODSEQ", "CONDSTORE"}, {"CHANGEDSINCE", "CONDSTORE"}, {"VANISHED", "QRESYNC"},
	{"BINARY", "BINARY"}, {"EMAILID", "OBJECTID"}, {"THREADID", "OBJECTID"}, {"PREVIEW", "PREVIEW"},
	{"SAVEDATE", "SAVEDATE"}, {"PARTIAL", "PARTIAL"},
}

func editFetch(a *amendment) (done bool, err error) {
	a.args.Space()
	set, ok := a.args.Atom()
	if !ok || len(a.literals) > 0 {
		return false, nil // not understood here: Exchange judges it
	}
	items := replies.WithoutSections(strings.ToUpper(a.unread()))
	for word := range strings.FieldsFuncSeq(items, func(r rune) bool { return r == ' ' || r == '(' || r == ')' }) {
		if a.isForeign(foreignItems, word) {
			return false, a.refuseForeign(word)
		}
	}
	f := replies.NewFetching(a.cmd.tag, a.cmd.verb, a.wantedFixes(), set, items, a.unread(), a.c.repaired, a.c.log)
	isMany := a.hasFix(backend.FixMissingData) && strings.ContainsAny(set, ",:*") && f.HasText()
	if f.CanEdit() {
		a.cmd.editor, a.cmd.finish = f, f.Finish
	}
	switch {
	case f.IsSingle() && strings.HasPrefix(a.cmd.verb, "UID"):
		return true, a.c.fetchOne(a, f)
	case isMany:
		return true, a.c.fetchMany(a, set, items)
	case a.isTooLong():
		return true, a.c.sendSplit(a, set)
	}
	return false, nil
}

// unread returns the rest of the line that args is in.
func (a *amendment) unread() string {
	at := a.here()
	return a.texts[at.text][at.at:]
}

// fetchOne relays a FETCH of one message by its UID. If the reply has no data of
// the message, exgate asks Exchange whether the message exists. If it does, the
// client gets NO in place of OK.
func (c *conn) fetchOne(a *amendment, f *replies.Fetching) error {
	cmd := a.cmd
	if err := c.sendCommand(a.cmd, a.pieces()); err != nil {
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
	status, err := c.readUpstream(cmd, "exgate asks for the message again", func() *backend.Request {
		req := backend.NewRequest("UID FETCH").Raw(number).Raw("(UID)")
		req.Untagged = func(line []byte) bool {
			_, uid, ok := mailbox.FetchedUID(line)
			exists = exists || ok && strconv.FormatUint(uint64(uid), 10) == strings.TrimLeft(number, "0")
			return ok
		}
		return req
	})
	if err != nil {
		return c.answerFault(cmd, c.requestLost(cmd, err))
	}
	if status.Word == "OK" && !exists {
		return c.client.w.line("%s OK %s", cmd.tag, missing.Text)
	}
	c.repaired("missing-data")
	c.log.Warn("Exchange sent no data of a message that exists; the client gets NO", "uid", number)
	return c.client.w.line("%s NO %s", cmd.tag, replies.MissingText("with UID "+number))
}

// repaired counts the use of a reply fix. It may be called by serve and by the
// relay.
func (c *conn) repaired(fix string) {
	c.srv.totals.Fixes.Count(fix)
	c.tally.repairs.Lock()
	defer c.tally.repairs.Unlock()
	c.tally.repairs.fixes.Count(fix)
}
