package exchangesim

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// errLineTooLong is the error of a line over the limit. The line has been
// read to its end, and its beginning is returned with the error.
var errLineTooLong = errors.New("line over the limit")

// readLine reads a line and returns it without its end, which is CRLF or LF.
// The slice is the caller's. A last line without end is io.ErrUnexpectedEOF.
func readLine(r *bufio.Reader, limit int) ([]byte, error) {
	var line []byte
	tooLong := false
	for {
		part, err := r.ReadSlice('\n')
		if room := limit + len("\r\n") - len(line); len(part) > room {
			tooLong = true
			part = part[:room]
		}
		line = append(line, part...)
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err != nil {
			if errors.Is(err, io.EOF) && len(line) > 0 {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
		line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
		if tooLong || len(line) > limit {
			return line, errLineTooLong
		}
		return line, nil
	}
}

// literalSize reads the announcement of a literal at the end of a line:
// "{n}", or "{n+}" for one that does not wait (RFC 7888). start is where it
// begins.
func literalSize(line []byte) (start int, n int64, wait, ok bool) {
	if !bytes.HasSuffix(line, []byte("}")) {
		return 0, 0, false, false
	}
	start = bytes.LastIndexByte(line, '{')
	if start < 0 {
		return 0, 0, false, false
	}
	digits, plus := bytes.CutSuffix(line[start+1:len(line)-1], []byte("+"))
	if len(digits) == 0 || len(digits) > 10 {
		return 0, 0, false, false
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, 0, false, false
		}
		n = n*10 + int64(c-'0')
	}
	return start, n, !plus, true
}
