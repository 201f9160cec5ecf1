package backend_test

import (
	"slices"
	"strings"
	"testing"

	"exgate/backend"
	"exgate/backend/knowledge"
	"exgate/backend/wire"
)

// Every kind has an entry, which has each text that the kind is known by, and
// is found by the kind's name in the log and by what the client reads of it.
func TestEveryKindHasAnEntry(t *testing.T) {
	for _, kind := range backend.Kinds() {
		t.Run(string(kind), func(t *testing.T) {
			ofKind := func(e knowledge.Entry) bool { return slices.Contains(e.Kinds, kind) }
			if !slices.ContainsFunc(knowledge.Entries(), ofKind) {
				t.Error("no entry")
			}
			if kind == backend.KindOther {
				return // the entry for what is not known is not found by any text
			}
			for _, text := range backend.TextsOf(kind) {
				if !slices.ContainsFunc(knowledge.Entries(), func(e knowledge.Entry) bool { return ofKind(e) && has(e, text) }) {
					t.Errorf("no entry of the kind has %q", text)
				}
			}
			for _, text := range []string{"level=WARN kind=" + string(kind), backend.Failure{Kind: kind}.ClientText()} {
				report, err := knowledge.Scan(strings.NewReader(text))
				if err != nil || len(report.Found) != 1 || !ofKind(report.Found[0].Entry) {
					t.Errorf("%q: found %+v (%v)", text, report.Found, err)
				}
			}
		})
	}
}

// has reports whether an entry has a text among its replies and phrases. Full
// stops do not count there.
func has(e knowledge.Entry, text string) bool {
	plain := func(s string) string { return strings.ReplaceAll(strings.ToLower(s), ".", "") }
	return slices.ContainsFunc(slices.Concat(e.Replies, e.Phrases), func(s string) bool { return strings.Contains(plain(s), plain(text)) })
}

// Every reply in an entry is of a kind of the entry, and finds that entry and
// no other.
func TestRepliesOfEntries(t *testing.T) {
	for _, entry := range knowledge.Entries() {
		for _, reply := range entry.Replies {
			tag := "a1 "
			if strings.HasPrefix(reply, "BYE ") {
				tag = "* "
			}
			status, ok := wire.ParseStatus([]byte(tag + reply))
			if !ok {
				t.Fatalf("%s: %q is not a status line", entry.ID, reply)
			}
			if kind := backend.Classify(status).Kind; len(entry.Kinds) > 0 && !slices.Contains(entry.Kinds, kind) {
				t.Errorf("%s: %q is classified as %s", entry.ID, reply, kind)
			}
			report, err := knowledge.Scan(strings.NewReader(tag + reply + "\r\n"))
			if err != nil || len(report.Found) != 1 || report.Found[0].Entry.ID != entry.ID {
				t.Errorf("%s: %q finds %+v (%v)", entry.ID, reply, report.Found, err)
			}
		}
	}
}
