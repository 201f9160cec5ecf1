package replies

import (
	"cmp"
	"slices"
	"strings"

	"exgate/backend/wire"
)

// The positions of the elements of a single part (body-type-1part of RFC 9051 section 9).
const (
	partType = iota
	partSubtype
	partParams
	partID
	partDescription
	partEncoding
	partSize
	partRest // the number of lines of a text, the envelope of a message, or the extension data
)

// number replaces an invalid number, such as -1, by 0.
func (r *structureRepair) number(e element) {
	isNumber := !e.isList && !slices.ContainsFunc(r.text(e), func(c byte) bool { return !isDigit(c) })
	if !isNumber && (e.isList || r.p[e.from] == '-' || r.isNil(e)) {
		r.replace(e.from, e.to, "0")
	}
}

// replaceByNil puts NIL in place of an element. A list may follow another without a blank.
func (r *structureRepair) replaceByNil(e element) {
	text := "NIL"
	if e.to < len(r.p) && r.p[e.to] == '(' {
		text += " "
	}
	r.replace(e.from, e.to, text)
}

// body repairs a body structure.
func (r *structureRepair) body(e element) {
	switch {
	case !e.isList || e.count == 0:
	case r.list(e)[0].isList:
		r.multipart(r.list(e))
	case r.isEmptyMultipart(r.list(e)):
		r.replace(e.from, e.to, `("text" "plain" NIL NIL NIL "7bit" 0 0)`)
	default:
		r.singlePart(e)
	}
}

// isEmptyMultipart reports whether a part has NIL in the place of its parts, as in
// (NIL "alternative" ("boundary" "x") NIL NIL NIL). The grammar has no multipart without parts.
func (r *structureRepair) isEmptyMultipart(list []element) bool {
	return r.isNil(list[partType]) && len(list) > 1 && (len(list) <= partSize || list[partSize].isList ||
		!isDigit(r.p[list[partSize].from]) && r.p[list[partSize].from] != '-')
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// multipart repairs a body structure whose list begins with parts.
func (r *structureRepair) multipart(list []element) {
	parts := slices.IndexFunc(list, func(e element) bool { return !e.isList })
	if parts < 0 {
		parts = len(list)
	}
	for _, part := range list[:parts] {
		r.body(part)
	}
	if rest := list[parts:]; len(rest) > 1 {
		r.params(rest[1])
		r.disposition(rest[2:])
	}
}

// singlePart repairs the body structure of a part that has no parts.
func (r *structureRepair) singlePart(e element) {
	list := r.list(e)
	if len(list) <= partSize || slices.ContainsFunc(list[:partParams], r.isLiteral) {
		return // not extended so far, or the positions of the elements are not known
	}
	next := partRest
	isText := r.mediaType(list)
	r.params(list[partParams])
	r.encoding(list[partEncoding])
	r.number(list[partSize])
	switch {
	case isText && len(list) > next:
		r.number(list[next])
		next++
	case len(list) > next+2 && list[next].isList && r.isWord(list[partType], "message") &&
		r.isWord(list[partSubtype], "rfc822"):
		r.envelope(list[next])
		r.body(list[next+1])
		r.number(list[next+2])
		next += 3
	}
	if len(list) > next+1 { // after the MD5
		r.disposition(list[next+1:])
	}
}

// mediaType puts a type in place of NIL. isText reports whether the part is a text.
func (r *structureRepair) mediaType(list []element) (isText bool) {
	isText = r.isWord(list[partType], "text")
	if !r.isNil(list[partType]) && !r.isNil(list[partSubtype]) {
		return isText
	}
	media, subtype := strings.ToLower(r.stringOf(list[partType])), strings.ToLower(r.stringOf(list[partSubtype]))
	if r.isNil(list[partType]) {
		media, subtype = "application", "octet-stream"
		if len(list) > partRest && (isDigit(r.p[list[partRest].from]) || r.p[list[partRest].from] == '-') {
			media, subtype, isText = "text", "plain", true // it has a number of lines
		}
	}
	for i, name := range []string{media, subtype} {
		if !r.isNil(list[i]) {
			continue
		}
		if name == "nil" {
			name = map[string]string{"text": "plain", "multipart": "mixed"}[media]
		}
		r.replace(list[i].from, list[i].to, wire.Quote(cmp.Or(name, "octet-stream")))
	}
	return isText
}

// params repairs the parameters of a part or of a disposition: pairs of strings.
func (r *structureRepair) params(e element) {
	switch {
	case !e.isList:
		if !r.isNil(e) {
			r.replaceByNil(e)
		}
		return
	case e.count == 0 || e.count%2 > 0 || slices.ContainsFunc(r.list(e), func(p element) bool { return p.isList }):
		r.replaceByNil(e)
		return
	}
	for i, word := range r.list(e) {
		switch {
		case r.isString(word):
		case r.isNil(word) && i%2 > 0:
			r.replace(word.from, word.to, `""`)
		default:
			r.replace(word.from, word.to, wire.Quote(string(r.text(word))))
		}
	}
}

// encoding repairs the encoding of a part. Exchange is known to write NIL for "7BIT"
// (docs/exchange.md#ex-41).
func (r *structureRepair) encoding(e element) {
	if e.isList || r.isLiteral(e) || r.isQuotedToken(e) {
		return
	}
	text := string(r.text(e))
	name := strings.Trim(r.stringOf(e), " ")
	if r.isNil(e) || name == "" {
		name = "7BIT"
	}
	if quoted := wire.Quote(name); quoted != text && !strings.Contains(name, `\`) {
		r.replace(e.from, e.to, quoted)
	}
}

// disposition repairs the disposition of a part, the first of the elements.
func (r *structureRepair) disposition(list []element) {
	if len(list) == 0 {
		return
	}
	switch e := list[0]; {
	case e.isList:
		r.dispositionList(e)
	case r.isNil(e):
	case r.isLiteral(e), r.isQuotedToken(e) && !(len(list) > 1 && r.isDispositionParams(list[1])):
		r.replace(e.from, e.from, "(")
		r.replace(e.to, e.to, " NIL)")
		r.repairs--
	default:
		name := r.stringOf(e)
		if !isToken(name) {
			r.replaceByNil(e)
			return
		}
		if len(list) > 1 && r.isDispositionParams(list[1]) {
			// The parameters stand bare behind it: the list gets them.
			r.replace(e.from, e.to, "("+wire.Quote(name))
			r.params(list[1])
			r.replace(list[1].to, list[1].to, ")")
			return
		}
		r.replace(e.from, e.to, "("+wire.Quote(name)+" NIL)")
	}
}

// dispositionList repairs a disposition that is a list.
func (r *structureRepair) dispositionList(e element) {
	list := r.list(e)
	switch {
	case len(list) == 0 || list[0].isList || r.isNil(list[0]) || string(r.text(list[0])) == `""`:
		r.replaceByNil(e)
		return
	case !r.isString(list[0]):
		r.replace(list[0].from, list[0].to, wire.Quote(string(r.text(list[0]))))
	}
	if len(list) == 1 {
		r.replace(e.to-1, e.to-1, " NIL")
		return
	}
	r.params(list[1])
	if len(list) > 2 {
		r.replace(list[1].to, e.to-1, "")
	}
}

// dispositionParams are the parameters of a disposition (RFC 2183 section 2) and one that mailers
// add.
var dispositionParams = []string{
	"filename", "name", "size", "creation-date", "modification-date", "read-date",
}

// isDispositionParams reports whether a list has the parameters of a disposition, and not
// languages.
func (r *structureRepair) isDispositionParams(e element) bool {
	if !e.isList || e.count == 0 || e.count%2 > 0 || !r.isQuoted(r.list(e)[0]) {
		return false
	}
	name, _, _ := strings.Cut(strings.ToLower(r.stringOf(r.list(e)[0])), "*")
	return slices.Contains(dispositionParams, name)
}

// The positions of the lists of addresses in an envelope: from, sender, reply-to, to, cc, bcc. And
// the number of its fields.
const (
	envelopeFrom   = 2
	envelopeBcc    = 7
	envelopeFields = 10
)

// envelope removes the blanks between the addresses of an envelope, and what is no address. Fields
// that are missing at the end become NIL.
func (r *structureRepair) envelope(e element) {
	if !e.isList {
		return
	}
	for i, field := range r.list(e) {
		if i >= envelopeFrom && i <= envelopeBcc && field.isList {
			r.addresses(field)
		}
	}
	if n := int(e.count); n >= envelopeBcc && n < envelopeFields {
		r.replace(e.to-1, e.to-1, strings.Repeat(" NIL", envelopeFields-n))
	}
}

func (r *structureRepair) addresses(field element) {
	list := r.list(field)
	switch first := slices.IndexFunc(list, func(e element) bool { return e.isList }); {
	case first < 0:
		r.replaceByNil(field)
		return
	case first > 0:
		// NIL stands before the addresses (jstedfast/MailKit#991).
		r.replace(list[0].from, list[first].from, "")
		list = slices.DeleteFunc(slices.Clone(list), func(e element) bool { return !e.isList })
	}
	for j := 1; j < len(list); j++ {
		before, after := list[j-1], list[j]
		if before.isList && after.isList && before.to < after.from {
			r.replace(before.to, after.from, "")
		}
	}
}

// isQuotedToken reports whether the element is a quoted string with a token and nothing else.
func (r *structureRepair) isQuotedToken(e element) bool {
	return r.isQuoted(e) && isToken(r.p[e.from+1:e.to-1])
}

// isToken reports whether s is a token (RFC 2045 section 5.1), as a type of
// disposition must be.
func isToken[T string | []byte](s T) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || isSpecial[c] {
			return false
		}
	}
	return len(s) > 0
}

// isSpecial has the tspecials of RFC 2045 section 5.1.
var isSpecial = [256]bool{
	'(': true, ')': true, '<': true, '>': true, '@': true, ',': true, ';': true, ':': true, '\\': true, '"': true,
	'/': true, '[': true, ']': true, '?': true, '=': true,
}
