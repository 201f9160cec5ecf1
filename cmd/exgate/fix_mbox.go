package main

import (
	"bytes"
	"errors"
	"io"
)

// mbox reads the messages of an mbox file (RFC 4155). Each begins with a line
// "From …" after an empty line. Quoted lines (">From ") are not changed.
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
	separator  []byte // the empty line before the next message
}

// mboxBuffer is larger than any From line.
const mboxBuffer = 1 << 20

// newMbox returns nil if the file is not an mbox.
func newMbox(src io.ReaderAt, size int64) (*mbox, error) {
	m := &mbox{src: src, size: size, buf: make([]byte, 0, mboxBuffer)}
	if err := m.fill(0); err != nil {
		return nil, err
	}
	if !bytes.HasPrefix(m.buf, []byte("From ")) {
		return nil, nil
	}
	return m, nil
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
	const overlap = int64(len("\r\n\r\nFrom "))
	for at := start; ; {
		if at < m.off || at-m.off >= int64(len(m.buf)) {
			if at >= m.size {
				return m.size, nil, nil
			}
			if err := m.fill(at); err != nil {
				return 0, nil, err
			}
		}
		for from := at - m.off; ; {
			i := bytes.Index(m.buf[from:], []byte("\nFrom "))
			if i < 0 {
				break
			}
			from += int64(i)
			if before := m.buf[:from]; bytes.HasSuffix(before, []byte("\n")) {
				return m.off + from, []byte("\n"), nil
			} else if bytes.HasSuffix(before, []byte("\n\r")) {
				return m.off + from - 1, []byte("\r\n"), nil
			}
			from++
		}
		if m.off+int64(len(m.buf)) >= m.size {
			return m.size, nil, nil
		}
		at = m.off + int64(len(m.buf)) - overlap
		if err := m.fill(at); err != nil {
			return 0, nil, err
		}
	}
}
