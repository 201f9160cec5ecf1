package replies

import (
	"bytes"
	"strconv"
	"strings"

	"exgate/backend/folders"
	"exgate/backend/wire"
)

// gatherer joins the fragments of a response that has to be edited as a whole.
type gatherer struct {
	buf     []byte
	isWhole bool // no part of the response has been returned yet
}

// maxGathered is the limit of a gathered response in bytes. Responses with the
// name of a mailbox are shorter.
const maxGathered = 32 << 10

// gatherListed gathers a response and parses it. If ok is false, resp has the
// bytes that the client gets unchanged now; it may be nil.
func (g *gatherer) gatherListed(f wire.Fragment) (resp []byte, l Listed, ok bool) {
	if resp, ok = g.gather(f); resp == nil || !ok {
		return resp, l, false
	}
	l, ok = ParseListed(resp)
	return resp, l, ok
}

// gather returns a response once it is complete, and nil before. A response of one
// fragment is not copied. A response longer than maxGathered is returned piece by
// piece with ok false, since it cannot be edited.
func (g *gatherer) gather(f wire.Fragment) (resp []byte, ok bool) {
	if f.First {
		g.buf, g.isWhole = g.buf[:0], true
		if f.Last {
			return f.Data, true
		}
	}
	g.buf = append(g.buf, f.Data...)
	switch {
	case f.Last && g.isWhole:
		return g.buf, true
	case f.Last || len(g.buf) > maxGathered:
		resp = append([]byte(nil), g.buf...)
		g.buf, g.isWhole = g.buf[:0], false
		return resp, false
	}
	return nil, true
}

// Listed is a parsed response with the name of a mailbox: LIST, LSUB, or one whose
// data begins with the name, such as STATUS.
type Listed struct {
	Verb        string // in upper case
	attributes  span   // of LIST and LSUB: the text between the parentheses
	separator   span   // of LIST and LSUB: a quoted string, or NIL
	name        span   // the name as it is written, with its quotes or as a literal
	Mailbox     []byte // the name in its encoding on the wire; mostly a part of the response
	isBare      bool   // the name is written without quotes although it is no atom (EX-21)
	isUnescaped bool   // a quote or a backslash in the name has no backslash
	isLiteral   bool   // the name is written as a literal although a quoted string can carry it
	hasTail     bool   // the name is written with a separator at its end, which Mailbox is without
	// isEmptySeparator says that the separator is "", which RFC 9051 section 9 does not allow: NIL is meant.
	isEmptySeparator bool
}

// span is a part of a response: the indices of its first byte and after its last.
type span struct{ from, to int }

// nameFirst has the responses whose data begins with the name of a mailbox:
// RFC 9051 section 7.3, RFC 9208, RFC 4314, RFC 5464, RFC 5257.
var nameFirst = []string{"STATUS", "QUOTAROOT", "ACL", "LISTRIGHTS", "MYRIGHTS", "METADATA", "ANNOTATION"}

// listedVerbs has the responses that ParseListed parses.
var listedVerbs = append([]string{"LIST", "LSUB"}, nameFirst...)

// ParseListed parses a complete response, including its literals. ok is false for
// any response without the name of a mailbox. ParseListed is lenient: Exchange
// sends a name with a TAB without quotes (docs/exchange.md#ex-21).
func ParseListed(resp []byte) (l Listed, ok bool) {
	at, ok := l.verb(resp)
	if ok && (l.Verb == "LIST" || l.Verb == "LSUB") {
		at, ok = l.attributesAndSeparator(resp, at)
	}
	if !ok || at >= len(resp) || resp[at] == ' ' {
		return l, false
	}
	l.name.from = at
	switch resp[at] {
	case '"':
		ok = l.quoted(resp)
	case '{':
		ok = l.literal(resp)
	default:
		ok = l.atom(resp)
	}
	l.cutTail(resp)
	return l, ok
}

// verb reads the name of the response. at is the index of its data.
func (l *Listed) verb(resp []byte) (at int, ok bool) {
	rest, ok := bytes.CutPrefix(resp, []byte("* "))
	word, _, _ := bytes.Cut(rest, []byte(" "))
	if !ok || len(word) > 10 {
		return 0, false
	}
	for _, verb := range listedVerbs {
		if len(word) == len(verb) && bytes.EqualFold(word, []byte(verb)) {
			l.Verb = verb
			break
		}
	}
	at = len("* ") + len(word) + 1
	for at < len(resp) && resp[at] == ' ' { // blanks too many
		at++
	}
	return at, l.Verb != ""
}

// attributesAndSeparator reads the beginning of LIST and LSUB. next is the index of the name.
func (l *Listed) attributesAndSeparator(resp []byte, at int) (next int, ok bool) {
	if at >= len(resp) || resp[at] != '(' {
		return 0, false
	}
	n := bytes.IndexByte(resp[at:], ')')
	if n < 0 || !bytes.HasPrefix(resp[at+n:], []byte(") ")) {
		return 0, false
	}
	l.attributes = span{at + 1, at + n}
	at += n + 2
	end := at
	for end < len(resp) && resp[end] != ' ' {
		end++
	}
	l.separator = span{at, end}
	sep := string(resp[at:end])
	isQuoted := len(sep) >= 2 && sep[0] == '"' && sep[len(sep)-1] == '"'
	l.isEmptySeparator = sep == `""`
	return end + 1, isQuoted || strings.EqualFold(sep, "NIL")
}

// cutTail removes a separator at the end of the name in LIST and LSUB, as the root of public
// folders has on 2000 and 2003 (docs/exchange.md#ex-85). It belongs to no name: the pattern
// "%" would not match it (RFC 9051 section 6.3.9).
func (l *Listed) cutTail(resp []byte) {
	sep := resp[l.separator.from:l.separator.to]
	if len(sep) == 3 && len(l.Mailbox) > 1 && l.Mailbox[len(l.Mailbox)-1] == sep[1] {
		l.Mailbox, l.hasTail = l.Mailbox[:len(l.Mailbox)-1], true
	}
}

// quoted parses a name that is a quoted string. Quotes and backslashes of the name may stand in it
// without the backslash that they need (docs/exchange.md#list): it then ends at the last quote
// before the line's end, or before the items of STATUS.
func (l *Listed) quoted(resp []byte) bool {
	from := l.name.from + 1
	n := bytes.IndexByte(resp[from:], '"')
	if n >= 0 && bytes.IndexByte(resp[from:from+n], '\\') < 0 && bytes.IndexByte(resp[from:from+n], '\n') < 0 {
		l.name.to, l.Mailbox = from+n+1, resp[from:from+n] // the usual case: no escapes
		if l.isNameEnd(resp) {
			return true
		}
	} else if l.escaped(resp) && l.isNameEnd(resp) {
		return true
	}
	text := resp[from:]
	if end := bytes.IndexByte(text, '\n'); end >= 0 {
		text = text[:end]
	}
	if l.Verb != "LIST" && l.Verb != "LSUB" {
		text = text[:max(0, bytes.LastIndex(text, []byte(`" (`))+1)]
	}
	end := bytes.LastIndexByte(text, '"')
	if end < 0 || len(bytes.TrimRight(text[end+1:], " \r")) > 0 {
		return false
	}
	l.name.to, l.isUnescaped = from+end+1, true
	l.Mailbox = unescapeQuoted(text[:end])
	return true
}

// escaped parses a name with escapes. It returns false if an escape is invalid.
func (l *Listed) escaped(resp []byte) bool {
	var b []byte
	for i := l.name.from + 1; i < len(resp); i++ {
		switch c := resp[i]; {
		case c == '"':
			l.name.to, l.Mailbox = i+1, b
			return true
		case c == '\r' || c == '\n':
			return false
		case c == '\\':
			i++
			if i == len(resp) || resp[i] != '"' && resp[i] != '\\' {
				return false
			}
			b = append(b, resp[i])
		default:
			b = append(b, c)
		}
	}
	return false
}

// unescapeQuoted removes the backslash of each escape. Any other backslash stays.
func unescapeQuoted(text []byte) []byte {
	var b []byte
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+1 < len(text) && (text[i+1] == '"' || text[i+1] == '\\') {
			i++
		}
		b = append(b, text[i])
	}
	return b
}

// isNameEnd reports whether the byte after the name may follow a name.
func (l *Listed) isNameEnd(resp []byte) bool {
	return l.name.to == len(resp) || strings.IndexByte(" \r\n", resp[l.name.to]) >= 0
}

// needsQuotes reports whether the name is written as some clients cannot read it: without
// the necessary quotes or backslashes, as a literal, which offlineimap and getmail do not
// expect, or with a separator at its end.
func (l *Listed) needsQuotes() bool { return l.isBare || l.isUnescaped || l.isLiteral || l.hasTail }

// isOdd reports whether the response has to be repaired, even if nothing else of it changes.
func (l *Listed) isOdd() bool { return l.needsQuotes() || l.isEmptySeparator }

// literal parses a name that is a literal.
func (l *Listed) literal(resp []byte) bool {
	line := bytes.IndexByte(resp[l.name.from:], '\n')
	if line < 0 {
		return false
	}
	from := l.name.from + line + 1
	digits := strings.Trim(string(resp[l.name.from+1:from]), "}+\r\n")
	size, err := strconv.Atoi(digits)
	if err != nil || size < 0 || from+size > len(resp) {
		return false
	}
	l.name.to, l.Mailbox = from+size, resp[from:from+size]
	l.isLiteral = !wire.NeedsLiteral(string(l.Mailbox))
	return true
}

// atom parses a name without quotes. The name of LIST, LSUB and STATUS may contain
// blanks: it ends at a parenthesized list, or with the line. Any other name ends at
// a blank.
func (l *Listed) atom(resp []byte) bool {
	text := bytes.TrimRight(resp[l.name.from:], "\r\n")
	if l.Verb == "STATUS" {
		text = bytes.TrimRight(text, " ") // docs/exchange.md#ex-71
	}
	end := len(text)
	switch {
	case l.Verb != "LIST" && l.Verb != "LSUB" && l.Verb != "STATUS":
		if n := bytes.IndexByte(text, ' '); n >= 0 {
			end = n
		}
	case bytes.HasSuffix(text, []byte(")")):
		if n := bytes.Index(text, []byte(" (")); n >= 0 {
			end = n
		} else if l.Verb == "STATUS" {
			return false
		}
	case l.Verb == "STATUS":
		return false
	}
	l.name.to, l.Mailbox = l.name.from+end, text[:end]
	l.isBare = !wire.IsAtom(string(l.Mailbox))
	return end > 0
}

// listedEdit has the changes of a Listed response.
type listedEdit struct {
	mailbox   string // the name of the mailbox, in its encoding on the wire
	attribute string // an attribute to add; "": none
	separator string // the separator to show; "": unchanged
}

// appendTo appends the response resp with the changes to out.
func (l *Listed) appendTo(out, resp []byte, edit listedEdit) []byte {
	at := 0
	put := func(s span, text string) {
		out = append(append(out, resp[at:s.from]...), text...)
		at = s.to
	}
	attributes := resp[l.attributes.from:l.attributes.to]
	if edit.attribute != "" && wire.IndexFold(attributes, strings.ToUpper(edit.attribute)) < 0 {
		text := " " + edit.attribute
		if l.attributes.from == l.attributes.to {
			text = edit.attribute
		}
		put(span{l.attributes.to, l.attributes.to}, text)
	}
	if edit.separator != "" && l.separator.to > l.separator.from {
		put(l.separator, `"`+strings.ReplaceAll(edit.separator, `\`, `\\`)+`"`)
	} else if l.isEmptySeparator {
		put(l.separator, "NIL")
	}
	if edit.mailbox != string(l.Mailbox) || l.needsQuotes() {
		put(l.name, l.written(resp, edit.mailbox))
	}
	rest, _ := WithoutBlanks(resp[at:])
	return append(out, rest...)
}

// written returns a name as it is written in place of that of resp. Quotes show where it ends, if
// something follows it in a LIST.
func (l *Listed) written(resp []byte, name string) string {
	isListed := l.Verb == "LIST" || l.Verb == "LSUB"
	if isListed && len(bytes.Trim(resp[l.name.to:], " \r\n")) > 0 && !wire.NeedsLiteral(name) {
		return wire.Quote(name)
	}
	return wire.AString(name)
}

// AddListed adds the mailbox of a LIST response to the list, and sets the list's
// separator to that of the response.
func AddListed(list *folders.List, resp []byte, l *Listed) {
	if sep := l.separatorIn(resp); sep != "" {
		list.Separator = sep
	}
	list.AddWire(string(l.Mailbox))
}

// separatorIn returns the separator of the LIST response resp, or "" if it is NIL.
func (l *Listed) separatorIn(resp []byte) string {
	text := resp[l.separator.from:l.separator.to]
	if string(text) == `"/"` {
		return "/"
	}
	sep := strings.Trim(string(text), `"`)
	if sep == "" || strings.EqualFold(sep, "NIL") {
		return ""
	}
	return sep[len(sep)-1:] // of `\\`, the escaped backslash, one
}
