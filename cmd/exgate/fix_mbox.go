package main

import (
	"bytes"
	"errors"
	"io"
	"strconv"
)

// mbox reads the messages of an mbox file (RFC 4155). Each begins with a line
// "From …" after an empty line, or where the Content-Length of the message before it
// ends. Quoted lines (">From ") are not changed.
type mbox struct {
	src       io.ReaderAt
	size      int64
	buf       []byte
	off       int64 // of buf in the file
	nextStart int64 // of the next message's From line
}

// mboxMessage is a message with the lines around it.
type mboxMessage struct {
	fromLine   []byte
	start, end int64
	separator  []byte // the empty line before the next message, if there is one
}

// mboxBuffer is larger than any From line, and mboxHeader is larger than the
// header of most messages.
const (
	mboxBuffer = 1 << 20
	mboxHeader = 64 << 10
)

var fromLine = []byte("From ")

// isMbox reports whether a file is an mbox, and not a single message.
func isMbox(src io.ReaderAt) (bool, error) {
	first := make([]byte, fromStart)
	n, err := src.ReadAt(first, 0)
	if err != nil && err != io.EOF {
		return false, err
	}
	return beginsFromLine(first[:n]), nil
}

// fromStart is how much of a line tells whether it is a From line.
const fromStart = 40

// beginsFromLine tells a From line of an mbox from the field From with blanks before its
// colon (RFC 5322 section 4.5.8).
func beginsFromLine(line []byte) bool {
	rest, ok := bytes.CutPrefix(line, fromLine)
	return ok && !bytes.HasPrefix(bytes.TrimLeft(rest, " \t"), []byte(":"))
}

// open begins another file. The buffer is used again for it.
func (m *mbox) open(src io.ReaderAt, size int64) error {
	if m.buf == nil {
		m.buf = make([]byte, 0, mboxBuffer)
	}
	m.src, m.size, m.nextStart = src, size, 0
	return m.fill(0)
}

// each calls do for each message of a file, with its number from 1, until do returns an
// error. n is the number of the message at which an error came.
func (m *mbox) each(
	src io.ReaderAt, size int64, do func(n int, found mboxMessage, text *io.SectionReader) error,
) (n int, err error) {
	if err := m.open(src, size); err != nil {
		return 1, err
	}
	for n = 1; ; n++ {
		found, err := m.next()
		if err == io.EOF {
			return n, nil
		}
		if err == nil {
			err = do(n, found, io.NewSectionReader(src, found.start, found.end-found.start))
		}
		if err != nil {
			return n, err
		}
	}
}

// fill reads the buffer from off on.
func (m *mbox) fill(off int64) error {
	n, err := m.src.ReadAt(m.buf[:min(mboxBuffer, m.size-off)], off)
	m.buf, m.off = m.buf[:n], off
	if err == io.EOF {
		err = nil
	}
	return err
}

// next returns the next message, or io.EOF.
func (m *mbox) next() (mboxMessage, error) {
	if m.nextStart >= m.size {
		return mboxMessage{}, io.EOF
	}
	if m.nextStart < m.off || m.nextStart-m.off > mboxBuffer/2 {
		if err := m.fill(m.nextStart); err != nil {
			return mboxMessage{}, err
		}
	}
	line := m.buf[m.nextStart-m.off:]
	n := bytes.IndexByte(line, '\n') + 1
	if n == 0 {
		if int64(len(line)) < m.size-m.nextStart {
			return mboxMessage{}, errors.New("mbox: a From line does not end")
		}
		n = len(line)
	}
	found := mboxMessage{fromLine: bytes.Clone(line[:n]), start: m.nextStart + int64(n)}
	end, separator, err := m.find(found.start)
	found.end, found.separator = end, separator
	m.nextStart = end + int64(len(separator))
	return found, err
}

// find returns the end of the message that begins at start.
func (m *mbox) find(start int64) (end int64, separator []byte, err error) {
	if end, separator, ok, err := m.byLength(start); ok || err != nil {
		return end, separator, err
	}
	const overlap = int64(len("\r\n\r\n")) + fromStart
	for at := start; ; {
		if at < m.off || at-m.off >= int64(len(m.buf)) {
			if at >= m.size {
				return m.size, nil, nil
			}
			if err := m.fill(at); err != nil {
				return 0, nil, err
			}
		}
		last := m.off+int64(len(m.buf)) >= m.size
		for from := at - m.off; ; {
			i := bytes.Index(m.buf[from:], []byte("\nFrom "))
			if i < 0 || !last && from+int64(i) >= int64(len(m.buf))-fromStart {
				break // or the rest of the line is needed too
			}
			from += int64(i)
			if !beginsFromLine(m.buf[from+1:]) {
				from++
				continue
			}
			if before := m.buf[:from]; bytes.HasSuffix(before, []byte("\n")) {
				return m.off + from, []byte("\n"), nil
			} else if bytes.HasSuffix(before, []byte("\n\r")) {
				return m.off + from - 1, []byte("\r\n"), nil
			}
			from++
		}
		if last {
			return m.size, nil, nil
		}
		at = m.off + int64(len(m.buf)) - overlap
		if err := m.fill(at); err != nil {
			return 0, nil, err
		}
	}
}

// byLength returns where the message ends by its Content-Length, as some
// systems write it, where that is the end of the file or the next one begins
// there.
func (m *mbox) byLength(start int64) (end int64, separator []byte, ok bool, err error) {
	if at := start - m.off; at < 0 || at > int64(len(m.buf)) || int64(len(m.buf))-at < min(mboxHeader, m.size-start) {
		if err := m.fill(start); err != nil {
			return 0, nil, false, err
		}
	}
	body, length, ok := contentLength(m.buf[start-m.off:])
	if end = start + int64(body) + length; !ok || length < 0 || end > m.size || end < start {
		return 0, nil, false, nil
	}
	around := make([]byte, 1+len("\r\nFrom "))
	n, err := m.src.ReadAt(around, end-1)
	if err != nil && err != io.EOF {
		return 0, nil, false, err
	}
	before, rest := around[0], around[1:max(n, 1)]
	switch {
	case len(rest) == 0, before == '\n' && bytes.HasPrefix(rest, fromLine):
	case string(rest) == "\n", bytes.HasPrefix(rest, []byte("\nFrom ")):
		separator = []byte("\n")
	case string(rest) == "\r\n", bytes.HasPrefix(rest, []byte("\r\nFrom ")):
		separator = []byte("\r\n")
	default:
		return 0, nil, false, nil
	}
	return end, separator, true, nil
}

// contentLength finds the field of that name in the header that a text begins
// with. body is where the header ends.
func contentLength(text []byte) (body int, length int64, ok bool) {
	const name = "content-length:"
	for line := range bytes.Lines(text) {
		body += len(line)
		if line = bytes.TrimRight(line, "\r\n"); len(line) == 0 {
			return body, length, ok
		}
		if len(line) > len(name) && bytes.EqualFold(line[:len(name)], []byte(name)) {
			var err error
			length, err = strconv.ParseInt(string(bytes.TrimSpace(line[len(name):])), 10, 64)
			ok = err == nil
		}
	}
	return 0, 0, false
}
