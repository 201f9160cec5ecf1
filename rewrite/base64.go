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
	var (
		in   = make([]byte, min(int64(base64Bytes*1024), body.Size()))
		line = make([]byte, 0, base64Line+2)
	)
	for left := body.Size(); left > 0; {
		b := in[:min(left, int64(len(in)))]
		if _, err := io.ReadFull(body, b); err != nil {
			return err
		}
		left -= int64(len(b))
		for len(b) > 0 {
			n := min(len(b), base64Bytes)
			line = base64.StdEncoding.AppendEncode(line[:0], b[:n])
			b = b[n:]
			if e.endLine || len(b) > 0 || left > 0 {
				line = append(line, '\r', '\n')
			}
			if _, err := w.Write(line); err != nil {
				return err
			}
		}
	}
	return nil
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
