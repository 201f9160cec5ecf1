package exchangesim

import (
	"bytes"
	"fmt"
	"net/mail"
	"slices"
	"strconv"
	"strings"
	"time"
)

// criterion is one search key, made into a question to a message.
type criterion func(t target) bool

// errUnknownKey is the error of an unknown key: for Exchange a wrong
// message set (node-imap#214, quirk EX-19).
var errUnknownKey = fmt.Errorf("unknown search key: %w", errArgument)

func (c *conn) searchForSeq(a *args) (status, error) { return c.search(a, false) }
func (c *conn) searchForUID(a *args) (status, error) { return c.search(a, true) }

// search answers SEARCH and UID SEARCH (RFC 3501 section 6.4.4).
func (c *conn) search(a *args, byUID bool) (status, error) {
	if word, rest, _ := bytes.Cut(bytes.TrimLeft(a.line, " "), []byte(" ")); strings.EqualFold(
		string(word),
		"CHARSET",
	) {
		a.line = rest
		charset, err := a.astring()
		if err != nil {
			return status{}, err
		}
		if !strings.EqualFold(charset, "US-ASCII") && c.srv.quirks[quirkCharset] {
			return status{
				kind: "NO",
				text: "[BADCHARSET (US-ASCII)] The specified charset is not supported.",
				why:  "quirk EX-20",
			}, nil
		}
	}
	p := searchParser{args: a, view: c.view, namesOnly: c.srv.quirks[quirkFromName]}
	match, err := p.all(func() bool { return a.peek() == 0 })
	switch {
	case err == errUnknownKey && c.srv.quirks[quirkMessageSet]:
		return badMessageSet("quirk EX-19: unknown search key"), nil
	case err != nil:
		return status{}, err
	}
	high := ""
	if c.srv.quirks[quirkHighNumbers] && !byUID {
		high = fmt.Sprintf(" %d", len(c.view.uids)+1)
	}
	c.printf("* SEARCH%s%s\r\n", c.searchResult(match, byUID), high)
	c.sync(false)
	return completed("SEARCH"), nil
}

// searchResult asks every message of the view.
func (c *conn) searchResult(match criterion, byUID bool) string {
	s := c.srv.store
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	for i, uid := range c.view.uids {
		m := c.view.mailbox.message(uid)
		if m == nil || !match(target{uint32(i) + 1, m}) {
			continue
		}
		n := uint32(i) + 1
		if byUID {
			n = uid
		}
		b.WriteString(" " + strconv.FormatUint(uint64(n), 10))
	}
	return b.String()
}

// maxSearchDepth bounds the nesting of keys: one command cannot exhaust the
// stack.
const maxSearchDepth = 50

type searchParser struct {
	*args
	view  *view
	depth int
	// namesOnly says that FROM looks for names only (quirk EX-82).
	namesOnly bool
}

// all reads keys up to the end, which is not taken, and joins them with AND.
func (p *searchParser) all(end func() bool) (criterion, error) {
	var keys []criterion
	for {
		key, err := p.key()
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
		if end() {
			break
		}
	}
	return func(t target) bool {
		for _, k := range keys {
			if !k(t) {
				return false
			}
		}
		return true
	}, nil
}

func (p *searchParser) key() (criterion, error) {
	if p.depth++; p.depth > maxSearchDepth {
		return nil, errArgument
	}
	defer func() { p.depth-- }()
	if p.next('(') {
		match, err := p.all(func() bool { return p.peek() == ')' })
		p.next(')')
		return match, err
	}
	word, err := p.atom()
	if err != nil {
		return nil, err
	}
	if c := word[0]; c == '*' || '0' <= c && c <= '9' {
		set, err := parseSeqSet(word)
		last := uint32(len(p.view.uids))
		return func(t target) bool { return contains(set, t.seq, last) }, err
	}
	word = strings.ToUpper(word)
	if match := flagKey(word); match != nil {
		return match, nil
	}
	switch word {
	case "ALL":
		return func(target) bool { return true }, nil
	case "UID":
		return p.uidKey()
	case "NOT":
		key, err := p.key()
		return func(t target) bool { return !key(t) }, err
	case "OR":
		x, err := p.key()
		if err != nil {
			return nil, err
		}
		y, err := p.key()
		return func(t target) bool { return x(t) || y(t) }, err
	case "KEYWORD", "UNKEYWORD":
		return p.keywordKey(word == "KEYWORD")
	case "LARGER", "SMALLER":
		return p.sizeKey(word == "LARGER")
	case "BEFORE", "ON", "SINCE", "SENTBEFORE", "SENTON", "SENTSINCE":
		return p.dateKey(word)
	case "HEADER", "BCC", "CC", "FROM", "SUBJECT", "TO", "BODY", "TEXT":
		return p.textKey(word)
	}
	return nil, errUnknownKey
}

// flagKey is a key about flags. None is recent here, see openMailbox.
func flagKey(word string) criterion {
	for i, name := range flagNames[:5] {
		has := func(t target) bool { return t.msg.flags&(1<<i) != 0 }
		switch upper := strings.ToUpper(name[1:]); word {
		case upper:
			return has
		case "UN" + upper:
			return func(t target) bool { return !has(t) }
		}
	}
	switch word {
	case "RECENT", "NEW":
		return func(target) bool { return false }
	case "OLD":
		return func(target) bool { return true }
	}
	return nil
}

func (p *searchParser) uidKey() (criterion, error) {
	set, err := p.seqSet()
	last := uint32(0)
	if n := len(p.view.uids); n > 0 {
		last = p.view.uids[n-1]
	}
	return func(t target) bool { return contains(set, t.msg.uid, last) }, err
}

// keywordKey refuses what Exchange does not keep (docs/exchange.md#keywords).
func (p *searchParser) keywordKey(want bool) (criterion, error) {
	name, err := p.atom()
	if err != nil || !strings.EqualFold(name, "$MDNSent") {
		return nil, errArgument
	}
	return func(t target) bool { return t.msg.flags&flagMDNSent != 0 == want }, nil
}

func (p *searchParser) sizeKey(larger bool) (criterion, error) {
	word, err := p.atom()
	if err != nil {
		return nil, err
	}
	n, err := strconv.ParseUint(word, 10, 32)
	if err != nil {
		return nil, errArgument
	}
	return func(t target) bool {
		if larger {
			return t.msg.size > int64(n)
		}
		return t.msg.size < int64(n)
	}, nil
}

func (p *searchParser) dateKey(word string) (criterion, error) {
	text, err := p.astring()
	if err != nil {
		return nil, err
	}
	day, err := time.Parse("2-Jan-2006", text)
	if err != nil {
		return nil, errArgument
	}
	word, sent := strings.CutPrefix(word, "SENT")
	return func(t target) bool {
		date := t.msg.date
		if sent {
			var err error
			if date, err = mail.ParseDate(parseEntity(t.msg.stored).header.get("Date")); err != nil {
				return false
			}
		}
		// Only the day counts, and not its time zone.
		date = time.Date(date.Year(), date.Month(), date.Day(), 0, 0, 0, 0, time.UTC)
		switch word {
		case "BEFORE":
			return date.Before(day)
		case "ON":
			return date.Equal(day)
		}
		return !date.Before(day)
	}, nil
}

// nameOf returns what stands before the address of an author, or the address if there is
// nothing else.
func nameOf(author string) string {
	if name, _, ok := strings.Cut(author, "<"); ok && strings.TrimSpace(name) != "" {
		return name
	}
	return author
}

// textKey parses a key that looks for a part of a text, ignoring upper and lower case. It
// searches header fields as they stand, and bodies after it has decoded their transfer
// encoding.
func (p *searchParser) textKey(word string) (criterion, error) {
	name := word
	if word == "HEADER" {
		var err error
		if name, err = p.astring(); err != nil {
			return nil, err
		}
	}
	text, err := p.astring()
	if err != nil {
		return nil, err
	}
	want := strings.ToLower(text)
	has := func(s string) bool { return strings.Contains(strings.ToLower(s), want) }
	inBody := func(e *entity) bool {
		for _, leaf := range e.leaves() {
			if has(string(leaf)) {
				return true
			}
		}
		return false
	}
	return func(t target) bool {
		e := parseEntity(t.msg.stored)
		if word == "BODY" {
			return inBody(e)
		}
		if word == "FROM" && p.namesOnly {
			return slices.ContainsFunc(e.header, func(f field) bool { return f.is(name) && has(nameOf(f.value())) })
		}
		for _, f := range e.header {
			if word == "TEXT" && has(string(f.raw)) || f.is(name) && has(f.value()) {
				return true
			}
		}
		return word == "TEXT" && inBody(e)
	}, nil
}
