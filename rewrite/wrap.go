package rewrite

import (
	"bufio"
	"io"
	"unicode/utf8"
)

// wrapper cuts lines over the limit into lines of at most width bytes. It
// never cuts a CR from its LF nor a character of UTF-8, makes no empty line,
// and no line that could be a delimiter of an enclosing multipart.
type wrapper struct {
	limit, width int
	enclosing    *multipart
}

func (wr wrapper) recode(w *bufio.Writer, body *io.SectionReader) error {
	// What decides on a cut: the line, and what the next one begins with.
	view := wr.width + len("--") + maxBoundary
	ahead := bufio.NewReaderSize(nil, max(view, bufferFor(body.Size())))
	return eachLong(w, body, wr.limit, func(l *io.SectionReader) error {
		ahead.Reset(l)
		for left := l.Size(); left > int64(wr.width); {
			b, err := ahead.Peek(int(min(left, int64(view))))
			if err != nil {
				return err
			}
			n := wr.cut(b)
			if n == 0 {
				return &RefusedError{fixes[fixLongLines].name,
					"a line cannot be cut without making a boundary of the message"}
			}
			if _, err := w.Write(b[:n]); err != nil {
				return err
			}
			if _, err := w.WriteString("\r\n"); err != nil {
				return err
			}
			left -= int64(n)
			if _, err := ahead.Discard(n); err != nil {
				return err
			}
		}
		_, err := io.Copy(w, ahead)
		return err
	})
}

// cut returns the length of the line to make of the beginning of b, which is
// longer than the width; 0 if there is none.
func (wr wrapper) cut(b []byte) int {
	for n := wr.width; n > wr.width/2; n-- {
		if isInsideRune(b, n) || wr.enclosing.begins(b[n:]) {
			continue
		}
		if wr.enclosing.match(b[:n]).of != nil {
			return 0
		}
		return n
	}
	return 0
}

// isInsideRune reports whether b[n] goes on a character of UTF-8 that starts
// before it. In other charsets bytes that look like it are rarely valid.
func isInsideRune(b []byte, n int) bool {
	for start := n - 1; start >= 0 && start > n-utf8.UTFMax; start-- {
		if utf8.RuneStart(b[start]) {
			_, size := utf8.DecodeRune(b[start:])
			return start+size > n
		}
	}
	return false
}

// eachLong copies body to w, and has long write those lines that are over the
// limit, without their line ends.
func eachLong(w *bufio.Writer, body *io.SectionReader, limit int, long func(*io.SectionReader) error) error {
	done := int64(0)
	for lines := newLines(body, body.Size(), make([]byte, bufferFor(body.Size()))); ; {
		l, err := lines.next()
		if err == io.EOF {
			return copyRange(w, body, done, body.Size())
		}
		if err != nil {
			return err
		}
		if l.length() <= int64(limit) {
			continue
		}
		if err := copyRange(w, body, done, l.start); err != nil {
			return err
		}
		if err := long(io.NewSectionReader(body, l.start, l.length())); err != nil {
			return err
		}
		done = l.start + l.length()
	}
}
