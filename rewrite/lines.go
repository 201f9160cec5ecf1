package rewrite

import (
	"bytes"
	"fmt"
	"io"
)

const (
	// bufferSize is what one buffer may hold; few are alive at a time.
	bufferSize = 64 << 10

	// maxHead is how much of a line can be looked at: all of any header line
	// or boundary that Exchange would take.
	maxHead = 16 << 10
)

// bufferFor is the size of a buffer for that many bytes.
func bufferFor(size int64) int { return int(min(size+1, bufferSize)) }

// A line ends at LF, since servers that take a bare LF take it as an end. A CR
// before the LF belongs to the end; a CR elsewhere is content.
type line struct {
	start, end int64  // end is past the line end
	eol        int    // bytes of the line end: 2, 1, or 0 for the last line without one
	head       []byte // the first maxHead bytes without line end, valid until the next line
}

// length is in bytes without the line end, as Options.LineLimit counts.
func (l line) length() int64 { return l.end - l.start - int64(l.eol) }

// lines reads the lines of a message in order. A line may be of any length.
type lines struct {
	src      io.ReaderAt
	buf      []byte // buf[r:w] is read and not yet given out
	r, w     int
	pos      int64 // where the next line starts
	off, end int64 // what is left to read of src
}

// newLines reads through buf, which is of bufferFor(size).
func newLines(src io.ReaderAt, size int64, buf []byte) *lines {
	return &lines{src: src, buf: buf, end: size}
}

// next returns the next line, or io.EOF.
func (l *lines) next() (line, error) {
	if i := bytes.IndexByte(l.buf[l.r:l.w], '\n'); i >= 0 {
		b := l.buf[l.r : l.r+i+1]
		l.r += i + 1
		return l.whole(b, endOfLine(b)), nil
	}
	return l.across()
}

// across reads a line that goes on past the buffer's end.
func (l *lines) across() (line, error) {
	l.r, l.w = 0, copy(l.buf, l.buf[l.r:l.w])
	for {
		seen := l.w
		if err := l.fill(); err != nil {
			return line{}, err
		}
		if i := bytes.IndexByte(l.buf[seen:l.w], '\n'); i >= 0 {
			l.r = seen + i + 1
			return l.whole(l.buf[:l.r], endOfLine(l.buf[:l.r])), nil
		}
		if l.off == l.end {
			if l.w == 0 {
				return line{}, io.EOF
			}
			l.r = l.w
			return l.whole(l.buf[:l.w], 0), nil
		}
		if l.w == len(l.buf) {
			return l.long()
		}
	}
}

// long reads on in a line that fills the buffer, of which only the head stays.
func (l *lines) long() (line, error) {
	n := int64(len(l.buf))
	for {
		last := l.buf[l.w-1]
		l.w = maxHead
		if err := l.fill(); err != nil {
			return line{}, err
		}
		b := l.buf[maxHead:l.w]
		i := bytes.IndexByte(b, '\n')
		if i < 0 && l.off < l.end {
			n += int64(len(b))
			continue
		}
		found := line{start: l.pos, head: l.buf[:maxHead]}
		l.r = l.w
		n += int64(len(b))
		if i >= 0 {
			n += int64(i + 1 - len(b))
			l.r = maxHead + i + 1
			found.eol = 1
			if i > 0 {
				last = b[i-1]
			}
			if last == '\r' {
				found.eol = 2
			}
		}
		l.pos += n
		found.end = l.pos
		return found, nil
	}
}

// whole makes a line of b, which holds all of it.
func (l *lines) whole(b []byte, eol int) line {
	start := l.pos
	l.pos += int64(len(b))
	return line{start: start, end: l.pos, eol: eol, head: b[:min(len(b)-eol, maxHead)]}
}

func (l *lines) fill() error {
	n, err := readAt(l.src, l.buf[l.w:], l.off, l.end)
	l.w += n
	l.off += int64(n)
	return err
}

func endOfLine(b []byte) int {
	if len(b) > 1 && b[len(b)-2] == '\r' {
		return 2
	}
	return 1
}

// readAt fills b from src as far as end allows.
func readAt(src io.ReaderAt, b []byte, off, end int64) (int, error) {
	n := int(min(int64(len(b)), end-off))
	if n == 0 {
		return 0, nil
	}
	got, err := src.ReadAt(b[:n], off)
	if got == n {
		return n, nil
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF // the message is shorter than its size says
	}
	return got, fmt.Errorf("read message at byte %d: %w", off, err)
}
