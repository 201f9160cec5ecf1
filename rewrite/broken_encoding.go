package rewrite

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"io"
)

// broken-encoding gives a body that says it is in base64 or quoted-printable,
// and is not quite, the same encoding without faults, of what readers take it
// for (RFC 2045 sections 6.7 and 6.8: invalid letters are passed over).
// The Cambridge converter does so (docs/exchange.md#ex-31).

// decodes reports whether the body is as its encoding wants it.
func (p *planner) decodes(c content) (bool, error) {
	body := p.section(c.start, c.end)
	var err error
	if c.encoding == "base64" {
		_, err = io.Copy(io.Discard, base64.NewDecoder(base64.StdEncoding, body))
		var corrupt base64.CorruptInputError
		if errors.As(err, &corrupt) || errors.Is(err, io.ErrUnexpectedEOF) {
			return false, p.readable(c)
		}
		return true, err
	}
	buf := bufio.NewReaderSize(body, bufferSize)
	for {
		line, err := buf.ReadSlice('\n')
		if !isSoundQuotedPrintable(line) && !errors.Is(err, bufio.ErrBufferFull) {
			return false, nil
		}
		switch {
		case err == io.EOF:
			return true, nil
		case errors.Is(err, bufio.ErrBufferFull):
			// long-lines has made short lines of it, or the limit is off
		case err != nil:
			return false, err
		}
	}
}

// readable tells apart a fault of the encoding and one of reading.
func (p *planner) readable(c content) error {
	_, err := io.Copy(io.Discard, p.section(c.start, c.end))
	return err
}

// isSoundQuotedPrintable reports whether every "=" of a line begins a code or ends
// the line, and all is ASCII.
func isSoundQuotedPrintable(line []byte) bool {
	line = bytes.TrimRight(line, " \t\r\n")
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c >= 0x80:
			return false
		case c != '=' || i+1 == len(line):
		case i+2 < len(line) && isHex(line[i+1]) && isHex(line[i+2]):
			i += 2
		default:
			return false
		}
	}
	return true
}

// rebase64 encodes anew what can be read of a body in base64.
func rebase64(w *bufio.Writer, body *io.SectionReader) error {
	return base64Encoder{}.encode(w, newUnbase64(body), body.Size())
}
