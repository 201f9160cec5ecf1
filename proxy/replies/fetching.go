package replies

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"exgate/backend"
	"exgate/backend/wire"
)

// WithoutSections leaves out what stands between the brackets of items, such as
// the names of header fields.
func WithoutSections(items string) string {
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

// NewFetching returns the reply editor of a FETCH of items, in upper case, for a
// set of messages. repaired is called with the name of each fix that is used.
func NewFetching(tag, verb string, fixes backend.Replies, set, items string, repaired func(fix string), log *slog.Logger) *Fetching {
	f := &Fetching{tag: tag, verb: verb, repaired: repaired, log: log}
	if fixes.Structure && asksForStructure(items) {
		f.structure = new(structureEditor)
	}
	if asksForText(items) {
		f.substitute = fixes.Substitute
		if fixes.MissingData && strings.Trim(set, "0123456789") == "" {
			f.single = set
		}
	}
	return f
}

// CanEdit reports whether the editor may change anything.
func (f *Fetching) CanEdit() bool {
	return f.structure != nil || f.single != "" || f.looksForSubstitutes()
}

// Fetching is the reply editor of FETCH.
type Fetching struct {
	tag, verb  string // of the command
	repaired   func(fix string)
	log        *slog.Logger
	structure  *structureEditor // nil: not asked for
	single     string           // the one message that is asked for; "": several, or none of its text
	substitute backend.Substitute
	held       substituteHold

	brought bool // a response with text has come
	refused bool // a substitute was kept from the client
	missing *wire.Status
}

// Wants implements replyEditor.
func (f *Fetching) Wants(line []byte) bool {
	return len(line) > 2 && '0' <= line[2] && line[2] <= '9' && wire.IndexFold(line[:min(len(line), 32)], " FETCH (") > 0
}

// Edit implements replyEditor.
func (f *Fetching) Edit(out []byte, frag wire.Fragment) (edited []byte, same bool) {
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
			f.repaired("structure")
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

// Passes tells that the rest of the response goes as it is.
func (f *Fetching) Passes() bool {
	return f.structure == nil && (f.brought || f.single == "") && (f.held.state == passing || !f.looksForSubstitutes())
}

// IsSingle reports whether one message is asked for, whose text must come.
func (f *Fetching) IsSingle() bool { return f.single != "" }

func (f *Fetching) looksForSubstitutes() bool {
	return f.substitute == backend.SubstituteMark || f.substitute == backend.SubstituteRefuse
}

// Finish judges the tagged reply.
func (f *Fetching) Finish(status wire.Status) Verdict {
	switch {
	case status.Word != "OK":
	case f.refused:
		return Verdict{Instead: fmt.Appendf(nil, "%s NO [CANNOT] Exchange cannot convert the message and gives out another in its place: open it in Outlook\r\n", f.tag)}
	case f.single == "" || f.brought:
	case strings.HasPrefix(f.verb, "UID"):
		// It may not exist, which is no error (RFC 9051 section 6.4.9).
		f.missing = &status
		return Verdict{Hidden: true}
	default:
		f.repaired("missing-data")
		f.log.Warn("Exchange gave no message", "message", f.single)
		return Verdict{Instead: fmt.Appendf(nil, "%s NO %s\r\n", f.tag, MissingText(f.single))}
	}
	return Verdict{}
}

// Unanswered returns the number of the one message that was asked for, and the
// reply that brought nothing of it; nil if something came.
func (f *Fetching) Unanswered() (number string, reply *wire.Status) { return f.single, f.missing }

func MissingText(number string) string {
	return "[CANNOT] Exchange has no data for message " + number + ", which is there: it cannot convert it; open it in Outlook"
}
