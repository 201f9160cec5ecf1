package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"exgate/rewrite"
)

// maxLoaded is the largest message kept in memory.
const maxLoaded = 16 << 20

// loader holds one message at a time, with CRLF line ends. It converts a message
// with LF line ends, as Unix stores it, when it reads it, and back when it writes
// it. If a message has both, the more frequent one counts. The loader uses its
// memory again for the next message.
type loader struct {
	size  int64
	exact bool     // the message is not converted
	unix  bool     // lines end in LF alone
	raw   []byte   // the message as read, if it is in memory
	crlf  []byte   // the message with CRLF
	file  *os.File // holds a large message, with CRLF
	big   bool     // the message is in file
}

// read reads the message from r, up to the end of r.
func (l *loader) read(r io.Reader) error {
	l.big, l.raw = false, l.raw[:0]
	for len(l.raw) < maxLoaded {
		if len(l.raw) == cap(l.raw) {
			l.raw = append(l.raw, 0)[:len(l.raw)]
		}
		n, err := r.Read(l.raw[len(l.raw):min(cap(l.raw), maxLoaded)])
		l.raw = l.raw[:len(l.raw)+n]
		if err == io.EOF {
			l.convert()
			return nil
		}
		if err != nil {
			return err
		}
	}
	return l.spill(r)
}

// convert detects the line ends of a message in memory, and converts LF to CRLF.
func (l *loader) convert() {
	l.unix = !l.exact && isUnix(l.raw)
	if !l.unix {
		l.size = int64(len(l.raw))
		return
	}
	l.crlf = appendCRLF(l.crlf[:0], l.raw)
	l.size = int64(len(l.crlf))
}

// isUnix tells whether more lines end in LF than in CRLF.
func isUnix(text []byte) bool {
	return bytes.Count(text, []byte("\n")) > 2*bytes.Count(text, []byte("\r\n"))
}

func appendCRLF(to, from []byte) []byte {
	for {
		i := bytes.IndexByte(from, '\n')
		if i < 0 {
			return append(to, from...)
		}
		to = append(append(to, from[:i]...), '\r', '\n')
		from = from[i+1:]
	}
}

// spill writes a large message to a temporary file, which close removes. It
// detects the line ends from the beginning of the message.
func (l *loader) spill(r io.Reader) (err error) {
	if l.file == nil {
		if l.file, err = os.CreateTemp("", "exgate-fix-*"); err != nil {
			return err
		}
	}
	if _, err := l.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	l.unix = !l.exact && isUnix(l.raw)
	w := bufio.NewWriterSize(l.file, 1<<20)
	chunk := l.raw
	l.size, l.big = 0, true
	for {
		if l.unix {
			l.crlf = appendCRLF(l.crlf[:0], chunk)
			chunk = l.crlf
		}
		n, err := w.Write(chunk)
		l.size += int64(n)
		if err != nil {
			return err
		}
		n, err = io.ReadFull(r, l.raw[:maxLoaded])
		if chunk = l.raw[:n]; n == 0 {
			if err == io.EOF {
				return w.Flush()
			}
			return err
		}
		if err != nil && err != io.ErrUnexpectedEOF {
			return err
		}
	}
}

// Bytes returns the message with CRLF if it is in memory, else nil.
func (l *loader) Bytes() []byte {
	switch {
	case l.big:
		return nil
	case l.unix:
		return l.crlf
	}
	return l.raw
}

// ReadAt implements io.ReaderAt.
func (l *loader) ReadAt(b []byte, off int64) (int, error) {
	if l.big {
		return l.file.ReadAt(b, off)
	}
	message := l.Bytes()
	if off >= int64(len(message)) {
		return 0, io.EOF
	}
	n := copy(b, message[off:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// write writes the repaired message with its original line ends.
func (l *loader) write(w io.Writer, plan *rewrite.Plan) error {
	if !plan.HasChanged() && !l.big {
		_, err := w.Write(l.raw)
		return err
	}
	if !l.unix {
		_, err := plan.WriteTo(w)
		return err
	}
	back := &lfWriter{w: w}
	_, err := plan.WriteTo(back)
	return errors.Join(err, back.end())
}

// writeAsItCame writes the message unchanged.
func (l *loader) writeAsItCame(ctx context.Context, w io.Writer) error {
	plan, err := rewrite.NewPlan(ctx, l, l.size, rewrite.Options{})
	if err != nil {
		return err
	}
	return l.write(w, plan)
}

// close removes the file.
func (l *loader) close() error {
	if l.file == nil {
		return nil
	}
	err := errors.Join(l.file.Close(), os.Remove(l.file.Name()))
	if err != nil {
		return fmt.Errorf("temporary file: %w", err)
	}
	return nil
}

// lfWriter converts CRLF to LF.
type lfWriter struct {
	w    io.Writer
	buf  []byte
	held bool // a CR is held back
}

func (w *lfWriter) Write(b []byte) (int, error) {
	w.buf = w.buf[:0]
	for rest := b; len(rest) > 0; {
		if w.held {
			if rest[0] != '\n' {
				w.buf = append(w.buf, '\r')
			}
			w.held = false
		}
		i := bytes.IndexByte(rest, '\r')
		if i < 0 {
			w.buf = append(w.buf, rest...)
			break
		}
		w.buf = append(w.buf, rest[:i]...)
		w.held = true
		rest = rest[i+1:]
	}
	if _, err := w.w.Write(w.buf); err != nil {
		return 0, err
	}
	return len(b), nil
}

// end writes a CR that was held back.
func (w *lfWriter) end() error {
	if !w.held {
		return nil
	}
	w.held = false
	_, err := w.w.Write([]byte("\r"))
	return err
}
