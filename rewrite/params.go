package rewrite

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// maxParams is how many parameters, or pieces of them, are told apart.
const maxParams = 500

// param is a parameter of a Content-Type or Content-Disposition, with all its
// pieces (RFC 2231 section 3).
type param struct {
	name  string // lower case, without what RFC 2231 adds
	value string // decoded to UTF-8
	raw   string // as it stands in the field
	bits  bool   // there are bytes over 127 in raw
	bytes string // the value before its charset was made UTF-8, if none was named
}

// decoded is the value where its bytes are in a charset that was found beside.
func (p *param) decoded(charset string) string {
	if p.bytes == "" {
		return p.value
	}
	return toUTF8(p.bytes, charset)
}

// set gives the parameter another value.
func (p *param) set(value string) {
	p.value, p.raw, p.bits = value, formatParam(p.name, value), false
}

// paramPiece is a piece of a parameter, of which RFC 2231 section 3 allows several.
type paramPiece struct {
	index      int
	isExtended bool // percent-encoded (RFC 2231 section 4)
	text       string
}

// parseParams reads the value of a field: what is before the first semicolon,
// and the parameters.
func parseParams(value string) (head string, params []param) {
	var pieces [][]paramPiece // of each parameter
	segments := splitOutside(value, ';')
	for n, segment := range segments[1:] {
		if n >= maxParams { // no reader wants these
			params[len(params)-1].raw += ";" + strings.Join(segments[n+1:], ";")
			break
		}
		name, piece, isPiece := parsePiece(segment)
		i := slices.IndexFunc(params, func(p param) bool { return isPiece && p.name == name })
		if i < 0 {
			i = len(params)
			params = append(params, param{name: name, raw: segment})
			pieces = append(pieces, nil)
		} else {
			params[i].raw += ";" + segment
		}
		params[i].bits = params[i].bits || has8bit([]byte(segment))
		pieces[i] = append(pieces[i], piece)
	}
	for i := range params {
		params[i].join(pieces[i])
	}
	return segments[0], params
}

// parsePiece reads a parameter, or a piece of one, between two semicolons. isPiece says that
// its name has the asterisk of RFC 2231.
func parsePiece(segment string) (name string, piece paramPiece, isPiece bool) {
	name, text, ok := strings.Cut(segment, "=")
	if ok {
		var rest string
		name, rest, isPiece = strings.Cut(strings.ToLower(strings.TrimSpace(name)), "*")
		piece.isExtended = isPiece && (rest == "" || strings.HasSuffix(rest, "*"))
		if n, err := strconv.Atoi(strings.TrimSuffix(rest, "*")); err == nil {
			piece.index = n
		}
	} else {
		name = ""
	}
	piece.text = strings.TrimSpace(text)
	if strings.HasPrefix(piece.text, `"`) {
		piece.text, _ = quotedString(piece.text[1:])
	}
	return name, piece, isPiece
}

// join sets the value of the parameter from its pieces.
func (p *param) join(pieces []paramPiece) {
	slices.SortStableFunc(pieces, func(a, b paramPiece) int { return cmp.Compare(a.index, b.index) })
	var content strings.Builder
	charset := ""
	for i, piece := range pieces {
		text := piece.text
		if piece.isExtended {
			if parts := strings.SplitN(text, "'", 3); i == 0 && len(parts) == 3 {
				charset, text = parts[0], parts[2]
			}
			text = percentDecoded(text)
		}
		content.WriteString(text)
	}
	switch text := content.String(); {
	case charset != "":
		p.value, _ = decodeCharset([]byte(text), strings.ToLower(charset))
	case strings.Contains(text, "=?"):
		p.value = decodeText(toUTF8(text, "")) // against RFC 2047 section 5, and common
	default:
		p.value, p.bytes = toUTF8(text, ""), text
	}
}

// joinParams writes what parseParams has read.
func joinParams(head string, params []param) string {
	var b strings.Builder
	b.WriteString(head)
	for _, p := range params {
		b.WriteString(";")
		if !isBlankAt(p.raw, 0) {
			b.WriteString(" ")
		}
		b.WriteString(p.raw)
	}
	return b.String()
}

func isBlankAt(s string, i int) bool { return i < len(s) && isBlank(s[i]) }

// formatParam writes a parameter: quoted, or encoded in pieces where it is not
// ASCII or too long for a line (RFC 2231 sections 3 and 4).
func formatParam(name, value string) string {
	if len(name)+len(value) < foldWidth-6 && !strings.ContainsFunc(value,
		func(r rune) bool { return r < ' ' || r > '~' }) {
		return " " + name + `="` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value) + `"`
	}
	const room = 50
	var pieces []string
	piece := ""
	for _, r := range value {
		encoded := percentEncoded(string(r))
		if len(piece)+len(encoded) > room {
			pieces, piece = append(pieces, piece), ""
		}
		piece += encoded
	}
	pieces = append(pieces, piece)
	if len(pieces) == 1 {
		return fmt.Sprintf(" %s*=utf-8''%s", name, piece)
	}
	var b strings.Builder
	for i, piece := range pieces {
		switch {
		case i == 0:
			fmt.Fprintf(&b, " %s*0*=utf-8''%s", name, piece)
		default:
			fmt.Fprintf(&b, "; %s*%d*=%s", name, i, piece)
		}
	}
	return b.String()
}

func percentEncoded(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '.' || c == '-' || c == '_' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

func percentDecoded(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]) {
			b.WriteByte(unhex(s[i+1])<<4 | unhex(s[i+2]))
			i += 2
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
