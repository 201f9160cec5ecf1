package rewrite

import (
	"bufio"
	"encoding/base64"
	"io"
)

// base64Line is how many characters a line of base64 has at most (RFC 2045
// section 6.8), and base64Bytes the bytes that they stand for.
const (
	base64Line  = 76
	base64Bytes = base64Line / 4 * 3
)

// base64Encoder writes base64 in lines. The library's encoder has none.
type base64Encoder struct {
	endLine bool // the last line has an end too
}

func (e base64Encoder) recode(w *bufio.Writer, body *io.SectionReader) error {
	return e.encode(w, body, body.Size())
}

// encode writes the base64 of r, of which about so many bytes will come.
func (e base64Encoder) encode(w *bufio.Writer, r io.Reader, about int64) error {
	in := make([]byte, min(base64Bytes*1024, about/base64Bytes*base64Bytes+base64Bytes))
	line := make([]byte, 0, base64Line+2)
	for started := false; ; {
		n, err := io.ReadFull(r, in)
		for b := in[:n]; len(b) > 0; {
			if started {
				if _, err := w.WriteString("\r\n"); err != nil {
					return err
				}
			}
			n := min(len(b), base64Bytes)
			line = base64.StdEncoding.AppendEncode(line[:0], b[:n])
			if _, err := w.Write(line); err != nil {
				return err
			}
			b, started = b[n:], true
		}
		switch {
		case err == io.EOF || err == io.ErrUnexpectedEOF:
			if started && e.endLine {
				_, err = w.WriteString("\r\n")
				return err
			}
			return nil
		case err != nil:
			return err
		}
	}
}

// size is what recode writes for n bytes.
func (e base64Encoder) size(n int64) int64 {
	if n == 0 {
		return 0
	}
	lineEnds := (n - 1) / base64Bytes
	if e.endLine {
		lineEnds++
	}
	return (n+2)/3*4 + 2*lineEnds
}
