package exchangesim

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/emersion/go-imap/v2"
)

// fetchItem is one thing asked for by FETCH.
type fetchItem struct {
	name    string // as the reply repeats it
	section *imap.FetchItemBodySection
}

// macros of RFC 3501 section 6.4.5.
var fetchMacros = map[string]string{
	"ALL":  "FLAGS INTERNALDATE RFC822.SIZE ENVELOPE",
	"FAST": "FLAGS INTERNALDATE RFC822.SIZE",
	"FULL": "FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODY",
}

// fetchItems reads the second argument of FETCH. Unknown items and an empty
// list are argument errors (node-imap#214, MailKit#1139).
func (a *args) fetchItems() ([]fetchItem, error) {
	if !a.next('(') {
		a.skipSpace()
		word, _, _ := bytes.Cut(a.line, []byte(" "))
		if macro, ok := fetchMacros[strings.ToUpper(string(word))]; ok {
			a.line = a.line[len(word):]
			var items []fetchItem
			for name := range strings.FieldsSeq(macro) {
				items = append(items, fetchItem{name: name})
			}
			return items, nil
		}
		item, err := a.fetchItem()
		return []fetchItem{item}, err
	}
	var items []fetchItem
	for !a.next(')') {
		item, err := a.fetchItem()
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	if len(items) == 0 {
		return nil, errArgument
	}
	return items, nil
}

func (a *args) fetchItem() (fetchItem, error) {
	a.skipSpace()
	n := bytes.IndexAny(a.line, " [()")
	if n < 0 {
		n = len(a.line)
	}
	name := strings.ToUpper(string(a.line[:n]))
	a.line = a.line[n:]
	switch name {
	case "FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE", "BODYSTRUCTURE", "UID":
		return fetchItem{name: name}, nil
	case "RFC822":
		return fetchItem{name, &imap.FetchItemBodySection{}}, nil
	case "RFC822.HEADER":
		return fetchItem{name, &imap.FetchItemBodySection{Specifier: imap.PartSpecifierHeader, Peek: true}}, nil
	case "RFC822.TEXT":
		return fetchItem{name, &imap.FetchItemBodySection{Specifier: imap.PartSpecifierText}}, nil
	case "BODY", "BODY.PEEK":
		if len(a.line) > 0 && a.line[0] == '[' {
			return a.bodySection(name == "BODY.PEEK")
		}
		if name == "BODY" {
			return fetchItem{name: name}, nil
		}
	}
	return fetchItem{}, errArgument
}

// bodySection reads "[...]" and "<offset.length>" behind BODY.
func (a *args) bodySection(peek bool) (fetchItem, error) {
	end := bytes.IndexByte(a.line, ']')
	if end < 0 {
		return fetchItem{}, errArgument
	}
	text := string(a.line[1:end])
	a.line = a.line[end+1:]
	section := &imap.FetchItemBodySection{Peek: peek}
	name := "BODY[" + upperSpecifier(text) + "]"
	if err := parseSection(text, section); err != nil {
		return fetchItem{}, err
	}
	if len(a.line) > 0 && a.line[0] == '<' {
		end := bytes.IndexByte(a.line, '>')
		if end < 0 {
			return fetchItem{}, errArgument
		}
		offset, length, ok := strings.Cut(string(a.line[1:end]), ".")
		from, err1 := strconv.ParseUint(offset, 10, 32)
		size, err2 := strconv.ParseUint(length, 10, 32)
		if !ok || err1 != nil || err2 != nil || size == 0 {
			return fetchItem{}, errArgument
		}
		a.line = a.line[end+1:]
		section.Partial = &imap.SectionPartial{Offset: int64(from), Size: int64(size)}
		name += "<" + offset + ">"
	}
	return fetchItem{name, section}, nil
}

// upperSpecifier writes the keyword of a section in capitals, and the names
// of header fields as the client wrote them.
func upperSpecifier(text string) string {
	keyword, fields, hasFields := strings.Cut(text, "(")
	if hasFields {
		fields = "(" + fields
	}
	return strings.ToUpper(keyword) + fields
}

// parseSection reads the section-spec of RFC 3501 section 9, without its
// brackets.
func parseSection(text string, section *imap.FetchItemBodySection) error {
	rest := text
	for rest != "" && rest[0] >= '0' && rest[0] <= '9' {
		number, after, more := strings.Cut(rest, ".")
		n, err := strconv.ParseUint(number, 10, 16)
		if err != nil || n == 0 || more && after == "" {
			return errArgument
		}
		section.Part = append(section.Part, int(n))
		rest = after
	}
	keyword, fields, _ := strings.Cut(rest, " ")
	keyword = strings.ToUpper(keyword)
	switch keyword {
	case "", "HEADER", "TEXT", "MIME":
		if keyword == "MIME" && len(section.Part) == 0 || fields != "" {
			return errArgument
		}
		section.Specifier = imap.PartSpecifier(keyword)
		return nil
	case "HEADER.FIELDS", "HEADER.FIELDS.NOT":
		inner, ok := strings.CutPrefix(strings.TrimSpace(fields), "(")
		inner, ok2 := strings.CutSuffix(inner, ")")
		var names []string
		for name := range strings.FieldsSeq(inner) {
			name = strings.TrimSuffix(strings.TrimPrefix(name, `"`), `"`)
			if strings.ContainsFunc(name, isNotFieldName) || strings.ContainsAny(name, `"\(){}%*`) {
				return errArgument // the reply repeats the name
			}
			names = append(names, name)
		}
		if !ok || !ok2 || len(names) == 0 {
			return errArgument
		}
		section.Specifier = imap.PartSpecifierHeader
		if keyword == "HEADER.FIELDS" {
			section.HeaderFields = names
		} else {
			section.HeaderFieldsNot = names
		}
		return nil
	}
	return errArgument
}
