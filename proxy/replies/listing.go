package replies

import (
	"slices"
	"strings"

	"exgate/backend/folders"
	"exgate/backend/wire"
)

// Listing is the Editor of LIST and LSUB. It replaces names by the client's names,
// and omits hidden folders and mailboxes that the client's patterns do not match.
type Listing struct {
	Mapper      *folders.Mapper
	Separator   string // the separator that the client sees; "": the upstream's
	List        *folders.List
	All         *folders.Pass   // collects the names if the command lists all mailboxes; otherwise nil
	Patterns    []string        // of the command, as the client wrote them
	SpecialOnly bool            // only mailboxes with an attribute of RFC 6154
	RootOnly    bool            // the command asks only for the separator
	Subscribed  map[string]bool // mailboxes that get \Subscribed, by their names on the wire; nil: none
	IsLSUB      bool            // a LIST of subscribed mailboxes was sent as LSUB
	Shown       []Pair          // mailboxes that LIST has shown and that can be selected, if KeepShown
	KeepShown   bool
	named       map[string]bool // for LSUB: names that the client has been sent
	gatherer
}

// Pair is a mailbox by its names on the wire, upstream's and client's.
type Pair struct{ Upstream, Client string }

// Wants implements Editor.
func (l *Listing) Wants(line []byte) bool { return wire.IsUntagged(line, "LIST", "LSUB", "STATUS") }

// Edit implements Editor.
func (l *Listing) Edit(out []byte, f wire.Fragment) (edited []byte, same bool) {
	resp, at, ok := l.gatherListed(f)
	if !ok {
		return append(out, resp...), false
	}
	if l.RootOnly || len(at.Mailbox) == 0 {
		return at.appendTo(out, resp, listedEdit{mailbox: string(at.Mailbox), separator: l.Separator}), false
	}
	shown := l.shown(resp, &at)
	switch {
	case shown.Client == "":
		return out, false
	case !l.isAskedFor(shown.Client):
		if at.Verb == "LSUB" && !l.IsLSUB {
			return l.appendParents(out, shown.Client), false
		}
		return out, false
	case at.Verb == "LSUB" && l.IsLSUB && l.SpecialOnly && shown.Use == "":
		return out, false
	case at.Verb == "LSUB" && l.IsLSUB:
		return l.appendSubscribed(out, resp, &at, shown), false
	case at.Verb == "LSUB":
		l.addNamed(shown.Client)
	}
	edit := listedEdit{mailbox: shown.Wire, separator: l.Separator}
	if at.Verb != "STATUS" {
		edit.attribute = shown.Use
		if l.SpecialOnly && edit.attribute == "" {
			return out, false
		}
		if l.Subscribed[string(at.Mailbox)] {
			edit.attribute = strings.TrimSpace(edit.attribute + ` \Subscribed`)
		}
		l.keep(resp, &at, shown)
	}
	if at.isBare { // the name has a TAB, which modified UTF-7 encodes
		edit.mailbox = folders.Encode(shown.Client)
	}
	isSame := edit.attribute == "" && edit.separator == "" && !at.isOdd() && !endsInBlank(resp) &&
		edit.mailbox == string(at.Mailbox)
	if f.First && f.Last && isSame {
		return out, true
	}
	return at.appendTo(out, resp, edit), false
}

// appendSubscribed appends a LSUB response as the LIST response that a client gets who asks
// for subscribed mailboxes (RFC 5258 section 3.1).
func (l *Listing) appendSubscribed(out, resp []byte, at *Listed, shown *folders.Told) []byte {
	l.keep(resp, at, shown)
	start := len(out)
	edit := listedEdit{
		mailbox: shown.Wire, separator: l.Separator, attribute: strings.TrimSpace(shown.Use + ` \Subscribed`),
	}
	out = at.appendTo(out, resp, edit)
	copy(out[start+len("* "):], "LIST")
	return out
}

// keep notes a mailbox that the client is shown.
func (l *Listing) keep(resp []byte, at *Listed, shown *folders.Told) {
	attributes := resp[at.attributes.from:at.attributes.to]
	if !l.KeepShown || len(l.Shown) == MaxShown || wire.IndexFold(attributes, `\NOSELECT`) >= 0 ||
		wire.IndexFold(attributes, `\NONEXISTENT`) >= 0 {
		return
	}
	l.Shown = append(l.Shown, Pair{Upstream: string(at.Mailbox), Client: shown.Wire})
}

// MaxShown limits the mailboxes whose STATUS one LIST asks for.
const MaxShown = 2000

// shown returns what the client sees of the mailbox in resp.
func (l *Listing) shown(resp []byte, at *Listed) *folders.Told {
	if l.All == nil {
		return l.Mapper.Told(at.Mailbox, l.List)
	}
	if at.Verb == "LIST" {
		l.All.Separator = at.separatorIn(resp)
	}
	return l.All.Told(l.Mapper, at.Mailbox)
}

// isAskedFor reports whether a pattern of the command matches the mailbox.
func (l *Listing) isAskedFor(mailbox string) bool {
	sep := l.Mapper.Separator(l.List)
	return slices.ContainsFunc(l.Patterns, func(p string) bool { return wire.MatchesPattern(p, mailbox, sep) })
}

// appendParents appends LSUB responses for the parents of a subscribed mailbox
// that no pattern matches: for each parent that a pattern matches and that the
// client has not been sent. RFC 3501 section 6.3.9 demands this for a pattern with
// "%".
func (l *Listing) appendParents(out []byte, mailbox string) []byte {
	sep := l.Mapper.Separator(l.List)
	for i := strings.Index(mailbox, sep); i > 0; {
		if parent := mailbox[:i]; l.isAskedFor(parent) && !l.named[parent] {
			l.addNamed(parent)
			quoted := strings.ReplaceAll(sep, `\`, `\\`)
			out = append(out, `* LSUB (\Noselect) "`+quoted+`" `+wire.AString(folders.Encode(parent))+"\r\n"...)
		}
		n := strings.Index(mailbox[i+len(sep):], sep)
		if n < 0 {
			break
		}
		i += len(sep) + n
	}
	return out
}

// addNamed notes that the client has been sent the mailbox.
func (l *Listing) addNamed(mailbox string) {
	if l.named == nil {
		l.named = make(map[string]bool)
	}
	l.named[mailbox] = true
}

// Quoting is the Editor of LIST and LSUB for logins whose names are not mapped. It
// quotes names that Exchange sends without the necessary quotes
// (docs/exchange.md#ex-21), or as literals because they have a quote or a backslash.
type Quoting struct {
	Repaired func(fix string) // called for each quoted name
	gatherer
}

// Wants implements Editor.
func (q *Quoting) Wants(line []byte) bool { return wire.IsUntagged(line, "LIST", "LSUB") }

// Edit implements Editor.
func (q *Quoting) Edit(out []byte, f wire.Fragment) (edited []byte, same bool) {
	resp, at, ok := q.gatherListed(f)
	if !ok || !at.isOdd() {
		if f.First && f.Last {
			return out, true
		}
		return append(out, resp...), false
	}
	q.Repaired("list-names")
	return at.appendTo(out, resp, listedEdit{mailbox: string(at.Mailbox)}), false
}
