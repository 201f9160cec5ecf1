package rewrite

import (
	"bufio"
	"bytes"
	"io"
)

// decoder returns a reader of the decoded body, up to the first fault.
func (p *planner) decoder(c content) io.Reader { return decoder(c.encoding, p.section(c.start, c.end)) }

func decoder(encoding string, body *io.SectionReader) io.Reader {
	switch encoding {
	case "base64":
		return newUnbase64(body)
	case "quoted-printable":
		return &unquoter{r: bufio.NewReaderSize(body, bufferFor(body.Size()))}
	}
	return body
}

// unbase64 decodes base64 up to its padding, whatever stands between its
// letters (RFC 2045 section 6.8). A letter that is alone at the end, which
// stands for no byte, is left out. The library's decoder ends at the first
// invalid letter.
type unbase64 struct {
	r       *bufio.Reader
	letters uint32 // six bits of each of those that are not decoded yet
	count   int    // of these
	refilled
}

// refilled is the part of a decoder that hands out decoded bytes.
type refilled struct {
	out []byte // decoded, and not yet read
	err error  // the end of the message, or an error of reading
}

// read reads from out. When out is empty, it calls fill, which sets out and err.
func (r *refilled) read(b []byte, fill func()) (int, error) {
	for len(r.out) == 0 && r.err == nil {
		fill()
	}
	n := copy(b, r.out)
	r.out = r.out[n:]
	if n == 0 && len(b) > 0 {
		return 0, r.err
	}
	return n, nil
}

func newUnbase64(body *io.SectionReader) *unbase64 {
	return &unbase64{r: bufio.NewReaderSize(body, bufferFor(body.Size()))}
}

func (u *unbase64) Read(b []byte) (int, error) { return u.read(b, u.fill) }

// fill decodes what is in the buffer.
func (u *unbase64) fill() {
	b, err := u.r.Peek(u.r.Size())
	u.out = u.out[:0]
	u.err = err
	if err != nil && err != io.EOF {
		return
	}
	for _, c := range b {
		if c == '=' {
			u.err = io.EOF
			break
		}
		if v := base64Values[c]; v < 64 {
			u.letters = u.letters<<6 | uint32(v)
			if u.count++; u.count == 4 {
				u.out = append(u.out, byte(u.letters>>16), byte(u.letters>>8), byte(u.letters))
				u.count = 0
			}
		}
	}
	if u.err == nil {
		_, u.err = u.r.Discard(len(b)) // which was peeked at
		return
	}
	switch u.count {
	case 2:
		u.out = append(u.out, byte(u.letters>>4))
	case 3:
		u.out = append(u.out, byte(u.letters>>10), byte(u.letters>>2))
	}
}

// base64Values has the six bits that each letter of base64 stands for, and
// more than those for an invalid byte.
var base64Values = func() (values [256]byte) {
	for c := range values {
		values[c] = 0xff
	}
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	for v, c := range []byte(letters) {
		values[c] = byte(v)
	}
	return values
}()

// unquoter decodes quoted-printable (RFC 2045 section 6.7) whatever faults it
// has: a "=" that begins no code, and a byte over 127, stand for themselves, as
// quotedPrintableWrapper has it. The library's reader ends at some of them, and
// what follows would be lost with an attachment that is taken out.
type unquoter struct {
	r *bufio.Reader
	refilled
}

func (u *unquoter) Read(b []byte) (int, error) { return u.read(b, u.fill) }

// fill decodes the lines in the buffer; of a longer line, the part that the rest
// cannot change.
func (u *unquoter) fill() {
	b, err := u.r.Peek(u.r.Size())
	u.out = u.out[:0]
	n := len(b)
	switch {
	case err == io.EOF:
		u.err = io.EOF
	case err != nil:
		u.err = err
		return
	default:
		if n = bytes.LastIndexByte(b, '\n') + 1; n == 0 {
			n = inLine(b)
			u.decode(b[:n])
			u.discard(n)
			return
		}
	}
	for line := range bytes.Lines(b[:n]) {
		text := bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
		end := line[len(text):]
		text = bytes.TrimRight(text, " \t") // rule 3
		if soft := bytes.TrimSuffix(text, []byte("=")); len(soft) < len(text) {
			text, end = soft, nil
		}
		u.decode(text)
		u.out = append(u.out, end...)
	}
	u.discard(n)
}

// inLine returns how many bytes of b can be decoded before the rest of the line is
// read. b is a line without its end.
func inLine(b []byte) int {
	n := len(bytes.TrimRight(b, " \t\r"))
	if i := bytes.LastIndexByte(b[max(0, n-2):n], '='); i >= 0 {
		n = max(0, n-2) + i // a code may have its other half behind
	}
	if n == 0 {
		return len(b)
	}
	return n
}

// decode takes the codes of a line's text for their bytes.
func (u *unquoter) decode(text []byte) {
	for {
		i := bytes.IndexByte(text, '=')
		if i < 0 {
			u.out = append(u.out, text...)
			return
		}
		u.out = append(u.out, text[:i]...)
		if text = text[i:]; len(text) > 2 && isHex(text[1]) && isHex(text[2]) {
			u.out = append(u.out, unhex(text[1])<<4|unhex(text[2]))
			text = text[3:]
		} else {
			u.out = append(u.out, '=')
			text = text[1:]
		}
	}
}

func (u *unquoter) discard(n int) {
	if _, err := u.r.Discard(n); err != nil { // which was peeked at
		u.err = err
	}
}
