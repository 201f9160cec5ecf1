package amend

import (
	"strconv"
	"strings"

	"exgate/backend"
	"exgate/proxy/mailbox"
	"exgate/proxy/replies"
)

// Fetch has the edits of FETCH. The items that the client asks for decide
// which replies are examined.
var Fetch = Edits{args: editFetch, fixes: []backend.ReplyFix{
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

func editFetch(cmd *Command) (done bool, err error) {
	cmd.args.Space()
	set, ok := cmd.args.Atom()
	if !ok || len(cmd.literals) > 0 {
		return false, nil // not understood here: Exchange judges it
	}
	items := replies.WithoutSections(strings.ToUpper(cmd.unread()))
	for word := range strings.FieldsFuncSeq(items, func(r rune) bool { return r == ' ' || r == '(' || r == ')' }) {
		if cmd.isForeign(foreignItems, word) {
			return false, cmd.refuseForeign(word)
		}
	}
	f := replies.NewFetching(cmd.Tag, cmd.Verb, cmd.wantedFixes(), set, items, cmd.unread(),
		cmd.Session.Repaired, cmd.Login.Log)
	isMany := cmd.hasFix(backend.FixMissingData) && strings.ContainsAny(set, ",:*") && f.HasText()
	if f.CanEdit() {
		cmd.Editor, cmd.Finish = f, func(r Reply) replies.Verdict { return f.Finish(r.Status) }
	}
	switch {
	case f.IsSingle() && strings.HasPrefix(cmd.Verb, "UID"):
		return true, cmd.fetchOne(f)
	case isMany:
		return true, cmd.fetchMany(set, items)
	case cmd.isTooLong():
		return cmd.sendSplit(set)
	}
	return false, nil
}

// unread returns the rest of the line that args is in.
func (cmd *Command) unread() string {
	at := cmd.here()
	return cmd.texts[at.text][at.at:]
}

// fetchOne relays a FETCH of one message by its UID. If the reply has no data of
// the message, exgate asks Exchange whether the message exists. If it does, the
// client gets NO in place of OK.
func (cmd *Command) fetchOne(f *replies.Fetching) error {
	if _, err := cmd.Session.Send(cmd.Pieces(), cmd.Handling); err != nil {
		return err
	}
	number, missing := f.Unanswered()
	if missing == nil {
		return nil
	}
	exists := false
	status, err := cmd.Session.Read("exgate asks for the message again", func() *backend.Request {
		req := backend.NewRequest("UID FETCH").Raw(number).Raw("(UID)")
		req.Untagged = func(line []byte) bool {
			_, uid, ok := mailbox.FetchedUID(line)
			exists = exists || ok && strconv.FormatUint(uint64(uid), 10) == strings.TrimLeft(number, "0")
			return ok
		}
		return req
	})
	if err != nil {
		return cmd.Session.Lost(err)
	}
	if status.Word == "OK" && !exists {
		return cmd.Session.Say("%s OK %s", cmd.Tag, missing.Text)
	}
	cmd.Session.Repaired("missing-data")
	cmd.Login.Log.Warn("Exchange sent no data of a message that exists; the client gets NO", "uid", number)
	return cmd.Session.Say("%s NO %s", cmd.Tag, replies.MissingText("with UID "+number))
}

// HasBodyItem reports whether a FETCH asks for whole messages. Thunderbird
// fetches a long message piece by piece: only the first piece counts.
func HasBodyItem(args string) bool {
	args = strings.ToUpper(args)
	for _, item := range []string{"BODY[]", "BODY.PEEK[]", "BODY[TEXT]", "BODY.PEEK[TEXT]", "BINARY[]",
		"BINARY.PEEK[]"} {
		_, after, ok := strings.Cut(args, item)
		if isPiece := strings.HasPrefix(after, "<"); ok && (!isPiece || strings.HasPrefix(after, "<0.")) {
			return true
		}
	}
	for item := range strings.FieldsFuncSeq(args, func(r rune) bool { return r == ' ' || r == '(' || r == ')' }) {
		switch item {
		case "RFC822", "RFC822.PEEK", "RFC822.TEXT":
			return true
		}
	}
	return false
}
