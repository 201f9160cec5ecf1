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
		case "ENVELOPE", "BODYSTRUCTURE", "BODY", "RFC822.SIZE", "ALL", "FAST", "FULL":
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

// bringsText reports whether a line of a FETCH response has a message or a part of a message.
func bringsText(line []byte) bool {
	if wire.IndexFold(line, "BODY[") >= 0 {
		return true
	}
	for {
		at := wire.IndexFold(line, "RFC822")
		if at < 0 {
			return false
		}
		if line = line[at+len("RFC822"):]; wire.IndexFold(line[:min(len(line), len(".SIZE"))], ".SIZE") < 0 {
			return true
		}
	}
}

// NewFetching returns the editor for a FETCH or UID FETCH (verb) with this tag.
// set is the message set of the command, items are its items in upper case, without the
// text between their brackets (WithoutSections); sections has them with it. The editor applies
// those fixes that concern the items. It calls repaired with the name of a fix for each use.
func NewFetching(
	tag, verb string, fixes backend.Replies, set, items, sections string, repaired func(fix string),
	log *slog.Logger,
) *Fetching {
	f := &Fetching{tag: tag, verb: verb, repaired: repaired, log: log}
	if fixes.Structure && hasStructureItem(items) {
		f.structure = new(structureEditor)
		f.sizesOnly = !hasStructureItem(strings.ReplaceAll(items, "RFC822.SIZE", ""))
	}
	if fixes.Partials {
		f.partial.wanted = newPartials(sections)
	}
	if f.asksText = hasTextItem(items); f.asksText {
		f.substitute = fixes.Substitute
		if fixes.MissingData && strings.Trim(set, "0123456789") == "" {
			f.single = set
		}
	}
	return f
}

// HasText reports whether the items ask for text of the message.
func (f *Fetching) HasText() bool { return f.asksText }

// CanEdit reports whether any fix applies to the items, so that the editor is
// needed.
func (f *Fetching) CanEdit() bool {
	return f.structure != nil || f.partial.wanted != nil || f.single != "" || f.hasSubstituteFix()
}

// Fetching is the Editor of FETCH. It repairs envelopes and body structures
// (structureEditor), finds substitutes (substituteHold), and notices that Exchange
// sends no text for a message.
type Fetching struct {
	tag, verb  string // of the command
	repaired   func(fix string)
	log        *slog.Logger
	asksText   bool             // the items have a text of the message
	structure  *structureEditor // nil: no structure to repair
	sizesOnly  bool             // of what structure repairs, only RFC822.SIZE is asked for
	partial    partialCut
	single     string // number of the only message in the set, if its text is fetched; otherwise ""
	substitute backend.Substitute
	hold       substituteHold

	counts  bool    // messages whose texts come are counted
	counted bool    // the current one is
	number  uint32  // its number
	texts   int     // how many texts have come
	seen    Numbers // whose texts have come
	isFull  bool    // seen lacks some of them

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
		f.hasText = frag.Literal || bringsText(frag.Data)
	}
	f.count(frag)
	same = true
	if f.partial.wanted != nil {
		cuts := f.partial.cuts
		if frag = f.partial.edit(frag); f.partial.cuts > cuts {
			f.repaired("partials")
		}
		same = !f.partial.isIn && f.partial.cuts == cuts
	}
	if f.structure != nil {
		if frag.First {
			f.structure.reset()
		}
		text, isSame := frag.Data, true
		if !f.sizesOnly || !f.structure.skip(frag) {
			text, isSame = f.structure.edit(frag)
		}
		if !isSame {
			same = false
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

// CanPassFetches implements FetchPasser.
func (f *Fetching) CanPassFetches() bool {
	return f.partial.wanted == nil && (f.structure == nil || f.sizesOnly)
}

// PassesFetches implements FetchPasser.
func (f *Fetching) PassesFetches(run wire.Fetches) bool {
	if !f.CanPassFetches() {
		return false
	}
	if len(run.Texts) > 0 {
		return f.passesTexts(run.Texts)
	}
	return !f.asksText && (f.structure == nil || !hasNegative(run.Data))
}

// passesTexts does for responses with texts what Edit does for those that it leaves unchanged.
func (f *Fetching) passesTexts(texts []wire.FetchText) bool {
	for i := range texts {
		if f.structure != nil && hasNegative(texts[i].Line) || f.hasSubstituteFix() && isSubstitute(texts[i].Text) {
			return false
		}
	}
	f.hasText = true
	for i := range texts {
		if f.counts && bringsText(texts[i].Line) {
			f.note(texts[i].Number)
		}
	}
	return true
}

// Passes implements Passer.
func (f *Fetching) Passes() bool {
	return f.structure == nil && f.partial.wanted == nil && (f.counted || !f.counts) &&
		(f.hasText || f.single == "") && (f.hold.state == passing || !f.hasSubstituteFix())
}

// CountTexts makes the editor note the messages whose texts arrive. Finish then leaves it to the
// caller to find that one is missing.
func (f *Fetching) CountTexts() { f.counts, f.single = true, "" }

// Texts returns the number of messages whose texts have come.
func (f *Fetching) Texts() int { return f.texts }

// Seen returns the numbers of these messages. ok is false if they are too many.
func (f *Fetching) Seen() (seen *Numbers, ok bool) { return &f.seen, !f.isFull }

// count notes the message of a response with text.
func (f *Fetching) count(frag wire.Fragment) {
	if !f.counts {
		return
	}
	if frag.First {
		f.number, f.counted = FetchNumber(frag.Data), false
	}
	if f.counted || f.number == 0 || frag.Literal || !bringsText(frag.Data) {
		return
	}
	f.counted = true
	f.note(f.number)
}

// note counts the text of a message.
func (f *Fetching) note(number uint32) {
	f.texts++
	f.isFull = f.isFull || !f.seen.Add(number)
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

// MissingTexts returns the response code and text for several messages as MissingText does for one.
// numbers names the first of them.
func MissingTexts(count int, numbers string, areUIDs bool) string {
	what := "messages"
	if areUIDs {
		what = "messages with the UIDs"
	}
	if strings.Count(numbers, ",")+1 < count {
		numbers += " and others"
	}
	return fmt.Sprintf("[CANNOT] Exchange returns no data for %d of the messages, and not when they are asked for "+
		"one by one: the %s %s exist, but Exchange cannot convert them; open them in Outlook", count, what, numbers)
}

// MissingText returns the response code and text of the NO for a message that
// exists, but for which Exchange sends no text. number names the message in the
// text.
func MissingText(number string) string {
	return "[CANNOT] Exchange returns no data for message " + number +
		": the message exists, but Exchange cannot convert it; open it in Outlook"
}
