package rewrite

import (
	"math"
	"slices"
	"strings"
)

// eightBitField is the fix eight-bit for header fields: raw bytes over 127
// become encoded words, or encoded parameters (RFC 2047, RFC 2231). leaf.go
// does the bodies.
func (p *planner) eightBitField(f *field) error {
	if !f.eightBit && f.longest <= maxHead || f.identifies() || f.asText {
		return nil
	}
	value, ok, err := p.text(f)
	if !ok || err != nil || !has8bit([]byte(value)) {
		return err
	}
	charset := ""
	if toUTF8(value, "") != value {
		charset = p.charsetOf(f.header)
	}
	switch {
	case f.namesEncoding(value):
		f.set(fixEightBit, " "+encodingName(value)) // without what lenient readers pass over
	case f.hasParams():
		f.set(fixEightBit, eightBitParams(value, charset))
	case f.isAddresses():
		kept, broken := eightBitAddresses(f, value, charset)
		if kept == "" {
			f.rename(fixEightBit, "X-Broken-")
			f.value = new(" " + encodeText(strings.TrimSpace(toUTF8(value, charset)), f.column(1)))
			return nil
		}
		if len(broken) > 0 {
			f.put("X-Broken-"+f.name, encodeText(toUTF8(strings.Join(broken, ", "), charset),
				len("X-Broken-")+len(f.name)+2))
		}
		f.set(fixEightBit, kept)
	case f.isStructured():
		f.rename(fixEightBit, "X-Broken-")
		f.value = new(" " + encodeText(strings.TrimSpace(toUTF8(value, charset)), f.column(1)))
	default:
		f.set(fixEightBit, eightBitWords(f, value, charset))
	}
	return nil
}

// charsetOf is the charset that the text below a header has, which its raw
// fields may be in too. It is looked for once, near the header's beginning.
func (p *planner) charsetOf(h *header) string {
	if h.charset != nil {
		return *h.charset
	}
	h.charset = new("")
	// Most headers are short, and there may be very many of them.
	for size := int64(512); size <= 4*maxHead; size *= 4 {
		probe, whole := p.probe(h, min(p.length-h.start, size))
		if probe.contentType != nil {
			*h.charset = parseMediaType(string(probe.contentType.text)).charset
		}
		if whole {
			break
		}
	}
	return *h.charset
}

// probe reads a header as far as it lies in so many bytes, and reports whether
// that is all of it.
func (p *planner) probe(h *header, size int64) (probe *header, whole bool) {
	lines := newLines(p.section(h.start, h.start+size), size, make([]byte, bufferFor(size)))
	probe = &header{limit: math.MaxInt64}
	for {
		l, err := lines.next()
		if err != nil { // the end, or an error that will be met again
			return probe, h.start+size == p.length
		}
		if l.length() == 0 {
			return probe, true
		}
		probe.add(l)
	}
}

// readable is a text with such bytes, and with what lenient readers take for
// encoded words in the midst of it.
func readable(text, charset string) string { return decodeText(toUTF8(text, charset)) }

// eightBitWords encodes the words of free text that have bytes over 127, with
// the blanks between them. An encoded word may be a part of one, and may share a
// character with those beside it: then they are taken together.
func eightBitWords(f *field, value, charset string) string {
	var b strings.Builder
	done, from, to := 0, -1, 0 // what is written; the words to encode
	flush := func() {
		if from >= 0 {
			b.WriteString(value[done:from])
			if isBlank(value[from]) {
				b.WriteByte(' ')
			}
			b.WriteString(encodeText(readable(value[from:to], charset), f.column(from)))
			done, from = to, -1
		}
	}
	afterWord, words := false, 0 // encoded words were before, from there on
	joined := false              // the words to encode have an encoded one in them
	for at := 0; at < len(value); {
		start := at + len(value[at:]) - len(strings.TrimLeft(value[at:], " \t"))
		end := start + strings.IndexAny(value[start:], " \t")
		if end < start {
			end = len(value)
		}
		word := value[start:end]
		switch encoded := encodedWord.MatchString(word); {
		case has8bit([]byte(word)):
			if from < 0 {
				from, joined = start, false
				switch {
				case afterWord && encoded:
					from = words
				case afterWord: // the blanks behind it would not be read
					from = at
				}
			}
			to, afterWord, joined = end, false, joined || encoded
		case encoded && from >= 0 && joined:
			to = end
		case encoded && from >= 0:
			to = start
			flush()
			b.WriteByte(' ')
			afterWord, words = true, start
		default:
			flush()
			if encoded && !afterWord {
				words = start
			}
			afterWord = encoded
		}
		at = end
	}
	flush()
	return b.String() + value[done:]
}

// eightBitParams encodes the parameters that have bytes over 127; elsewhere
// such bytes mean nothing and become "_".
func eightBitParams(value, charset string) string {
	head, params := parseParams(value)
	ascii := func(s string) string {
		return strings.Map(func(r rune) rune {
			if r > '~' {
				return '_'
			}
			return r
		}, toUTF8(s, charset))
	}
	for i := range params {
		switch p := &params[i]; {
		case !p.bits:
		case p.name == "charset": // as lenient readers take it
			word, _, _ := strings.Cut(strings.TrimSpace(ascii(p.value)), " ")
			p.set(strings.Trim(word, "_"))
		case p.name == "" || p.name == "boundary" || has8bit([]byte(p.name)):
			p.raw = ascii(p.raw)
		default:
			p.set(p.decoded(charset))
		}
	}
	return joinParams(ascii(head), params)
}

// eightBitAddresses encodes names and comments, and domains as the DNS has them
// (RFC 5891). An address with such bytes elsewhere cannot be said in ASCII (RFC
// 6532): it is broken, and left out. kept is "" where no address would be left
// of a field that a message can do without; From keeps the name of its first address.
func eightBitAddresses(f *field, value, charset string) (kept string, broken []string) {
	var w addressWriter
	elements := addressElements(value)
	for _, e := range elements {
		text, ok := e.text(), true
		if has8bit([]byte(text)) {
			text, ok = eightBitElement(e.tokens, charset, f.column(w.b.Len()+len(w.pending)))
		}
		if ok {
			w.add(e, text)
			continue
		}
		broken = append(broken, strings.TrimSpace(e.text()))
		w.leaveOut(e)
	}
	switch {
	case w.kept > 0 || len(broken) == 0:
		return w.String(), broken
	case f.is("From"):
		for _, e := range elements {
			if named, ok := eightBitElement(e.unknown(), charset, f.column(0)); ok && e.angle() != "" {
				return named, broken
			}
		}
		return f.nobody(), broken
	}
	return "", broken
}

// unknown is the element with its name, and nobody's address in the brackets.
func (e *element) unknown() []token {
	tokens := slices.Clone(e.tokens)
	for i := range tokens {
		if tokens[i].kind == tokenAngle {
			tokens[i].text = "<" + unknownAddress + ">"
		}
	}
	return tokens
}

// eightBitElement does so for one address, behind so many bytes of a line. ok
// is false where it cannot be encoded.
func eightBitElement(tokens []token, charset string, behind int) (encoded string, ok bool) {
	var b strings.Builder
	column := func() int {
		if n := behind + b.Len(); n < foldWidth {
			return n
		}
		return 0
	}
	for i := 0; i < len(tokens); i++ {
		t := tokens[i]
		local, domain, isAddress := cutAddress(t)
		switch {
		case !has8bit([]byte(t.text)):
			b.WriteString(t.text)
		case t.kind == tokenComment:
			b.WriteString("(" + encodeText(readable(strings.Trim(t.text, "()"), charset), column()) + ")")
		case isAddress:
			ascii, ok := asciiDomain(toUTF8(domain, charset))
			if !ok || has8bit([]byte(local)) {
				return "", false
			}
			b.WriteString(local + "@" + ascii)
			if t.kind == tokenAngle {
				b.WriteString(">")
			}
		case t.kind == tokenAngle:
			return "", false
		case t.kind == tokenQuoted && i+1 < len(tokens) && strings.HasPrefix(tokens[i+1].text, "@"):
			return "", false
		default:
			phrase, n := eightBitPhrase(tokens[i:])
			i += n - 1
			if b.Len() == 0 || !isBlankAt(b.String(), b.Len()-1) {
				b.WriteByte(' ')
			}
			b.WriteString(encodeText(readable(phrase, charset), column()))
			if i+1 < len(tokens) && tokens[i+1].kind == tokenAngle {
				b.WriteByte(' ')
			}
		}
	}
	return b.String(), true
}

// eightBitPhrase returns the text of the first n tokens, which are a name of one or of several
// words. They are encoded in one, with the blanks between them.
func eightBitPhrase(tokens []token) (phrase string, n int) {
	var text strings.Builder
	text.WriteString(phraseText(tokens[0]))
	joined := encodedWord.MatchString(tokens[0].text)
	for n = 1; n+1 < len(tokens) && tokens[n].kind == tokenBlank; n += 2 {
		word := tokens[n+1]
		isWord := word.kind == tokenQuoted || word.kind == tokenWord && !strings.Contains(word.text, "@")
		if !isWord || !has8bit([]byte(word.text)) && !(joined && encodedWord.MatchString(word.text)) {
			break
		}
		text.WriteString(tokens[n].text + phraseText(word))
	}
	return text.String(), n
}

// cutAddress cuts a token that is an address: before its last "@", with the
// bracket, and behind it, without one.
func cutAddress(t token) (local, domain string, ok bool) {
	if t.kind != tokenAngle && t.kind != tokenWord {
		return "", "", false
	}
	i := strings.LastIndexByte(t.text, '@')
	if i < 0 {
		return "", "", false
	}
	return t.text[:i], strings.TrimSuffix(t.text[i+1:], ">"), true
}

// phraseText is a word of a name without its quotes.
func phraseText(t token) string {
	if t.kind != tokenQuoted {
		return t.text
	}
	text, _ := quotedString(t.text[1:])
	return text
}
