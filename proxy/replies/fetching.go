package replies

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"exgate/backend"
	"exgate/backend/wire"
)

// WithoutSections returns FETCH items without the text between their brackets,
// such as the names of header fields. The brackets stay.
func WithoutSections(items string) string {
	var b strings.Builder
	isInside := false
	for _, r := range items {
		switch {
		case r == '[':
			isInside = true
			b.WriteRune(r)
		case r == ']':
			isInside = false
			b.WriteRune(r)
		case !isInside:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// hasStructureItem reports whether the FETCH items, in upper case, ask for an
// envelope or a body structure, which structureEditor repairs.
func hasStructureItem(items string) bool {
	for word := range strings.FieldsFuncSeq(items, func(r rune) bool { return r == ' ' || r == '(' || r == ')' }) {
		switch word {
		case "ENVELOPE", "BODYSTRUCTURE", "BODY", "ALL", "FULL":
			return true
		}
	}
	return false
}

// hasTextItem reports whether the FETCH items, in upper case, ask for a message or
// a part of a message.
func hasTextItem(items string) bool {
	return strings.Contains(items, "BODY[") || strings.Contains(items, "BODY.PEEK[") ||
		strings.Contains(strings.ReplaceAll(items, "RFC822.SIZE", ""), "RFC822")
}

// NewFetching returns the editor for a FETCH or UID FETCH (verb) with this tag.
// set is the message set of the command, items are its items in upper case. The
// editor applies those fixes that concern the items. It calls repaired with the
// name of a fix for each use.
func NewFetching(
	tag, verb string, fixes backend.Replies, set, items string, repaired func(fix string), log *slog.Logger,
) *Fetching {
	f := &Fetching{tag: tag, verb: verb, repaired: repaired, log: log}
	if fixes.Structure && hasStructureItem(items) {
		f.structure = new(structureEditor)
	}
	if hasTextItem(items) {
		f.substitute = fixes.Substitute
		if fixes.MissingData && strings.Trim(set, "0123456789") == "" {
			f.single = set
		}
	}
	return f
}

// CanEdit reports whether any fix applies to the items, so that the editor is
// needed.
func (f *Fetching) CanEdit() bool {
	return f.structure != nil || f.single != "" || f.hasSubstituteFix()
}

// Fetching is the Editor of FETCH. It repairs envelopes and body structures
// (structureEditor), finds substitutes (substituteHold), and notices that Exchange
// sends no text for a message.
type Fetching struct {
	tag, verb  string // of the command
	repaired   func(fix string)
	log        *slog.Logger
	structure  *structureEditor // nil: no structure to repair
	single     string           // number of the only message in the set, if its text is fetched; otherwise ""
	substitute backend.Substitute
	hold       substituteHold

	hasText   bool         // a response with text of the message has come
	isRefused bool         // a substitute was withheld from the client
	missing   *wire.Status // the tagged OK to a UID FETCH that brought no text; otherwise nil
}

// Wants implements Editor.
func (f *Fetching) Wants(line []byte) bool {
	return len(line) > 2 && '0' <= line[2] && line[2] <= '9' &&
		wire.IndexFold(line[:min(len(line), 32)], " FETCH (") > 0
}

// Edit implements Editor.
func (f *Fetching) Edit(out []byte, frag wire.Fragment) (edited []byte, same bool) {
	if f.single != "" && !f.hasText {
		f.hasText = frag.Literal || hasTextItem(strings.ToUpper(string(frag.Data)))
	}
	same = true
	if f.structure != nil {
		if frag.First {
			f.structure.reset()
		}
		var text []byte
		if text, same = f.structure.edit(frag); !same {
			frag.Data = slices.Clip(text) // Fragment.Ahead must not find the editor's memory
		}
		if frag.Last && f.structure.repairs > 0 {
			f.repaired("structure")
		}
	}
	if f.hasSubstituteFix() {
		if edited, isPassed := f.hold.edit(out, frag, f); !isPassed {
			return edited, false
		}
	}
	if same {
		return out, true
	}
	return append(out, frag.Data...), false
}

// Passes implements Passer.
func (f *Fetching) Passes() bool {
	return f.structure == nil && (f.hasText || f.single == "") && (f.hold.state == passing || !f.hasSubstituteFix())
}

// IsSingle reports whether the command fetches text of a single message, so that
// an OK without this text is an error of Exchange.
func (f *Fetching) IsSingle() bool { return f.single != "" }

// hasSubstituteFix reports whether substitutes are marked or refused.
func (f *Fetching) hasSubstituteFix() bool {
	return f.substitute == backend.SubstituteMark || f.substitute == backend.SubstituteRefuse
}

// refusedSubstitute is the text of the NO for a substitute that was withheld.
const refusedSubstitute = "[CANNOT] Exchange cannot convert the message and sends a substitute for it: " +
	"open the message in Outlook"

// Finish decides about the tagged reply. It hides the OK to a UID FETCH that
// brought no text, for which Unanswered then returns the reply.
func (f *Fetching) Finish(status wire.Status) Verdict {
	switch {
	case status.Word != "OK":
	case f.isRefused:
		return Verdict{Instead: fmt.Appendf(nil, "%s NO %s\r\n", f.tag, refusedSubstitute)}
	case f.single == "" || f.hasText:
	case strings.HasPrefix(f.verb, "UID"):
		// The message may not exist, which is no error (RFC 9051 section 6.4.9).
		f.missing = &status
		return Verdict{Hidden: true}
	default:
		f.repaired("missing-data")
		f.log.Warn("Exchange answered a FETCH with OK but without the message; exgate answers NO", "message", f.single)
		return Verdict{Instead: fmt.Appendf(nil, "%s NO %s\r\n", f.tag, MissingText(f.single))}
	}
	return Verdict{}
}

// Unanswered returns the UID of the single message, and the hidden reply to a UID
// FETCH that brought no text of it. The reply is nil if text came or the reply was
// not hidden.
func (f *Fetching) Unanswered() (number string, reply *wire.Status) { return f.single, f.missing }

// MissingText returns the response code and text of the NO for a message that
// exists, but for which Exchange sends no text. number names the message in the
// text.
func MissingText(number string) string {
	return "[CANNOT] Exchange returns no data for message " + number +
		": the message exists, but Exchange cannot convert it; open it in Outlook"
}
