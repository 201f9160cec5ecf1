package wire

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

func TestReadLine(t *testing.T) {
	full := strings.Repeat("x", MaxLine-2)
	for _, tt := range []struct {
		name, in string
		limit    int
		want     []string
		err      error
	}{
		{"CRLF", "a1 NOOP\r\na2 NOOP\r\n", 100, []string{"a1 NOOP", "a2 NOOP"}, io.EOF},
		{"bare LF", "a1 NOOP\na2 NOOP\r\n", 100, []string{"a1 NOOP", "a2 NOOP"}, io.EOF},
		{"empty lines", "\r\n\n\r\n", 100, []string{"", "", ""}, io.EOF},
		{"one CR alone belongs to the line end", "a\r\r\n", 100, []string{"a\r"}, io.EOF},
		{"NUL and 8-bit are the caller's business", "\x00\xff\r\n", 100, []string{"\x00\xff"}, io.EOF},
		{"as long as the limit, with its end", "12345678\r\n12345678\r\n", 10, []string{"12345678", "12345678"}, io.EOF},
		{"a byte longer", "12345678\r\n123456789\r\n", 10, []string{"12345678"}, ErrLineTooLong},
		{"without end, up to the limit", "1234567890", 10, nil, ErrLineTooLong},
		{"without end, below the limit", "123456789", 10, nil, io.ErrUnexpectedEOF},
		{"nothing", "", 10, nil, io.EOF},
		{"the longest", full + "\r\n" + full + "\r\n", 1 << 30, []string{full, full}, io.EOF},
		{"longer than a buffer", full + "x\r\n", 1 << 30, nil, ErrLineTooLong},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for reader, src := range map[string]io.Reader{
				"whole":         strings.NewReader(tt.in),
				"by bytes":      iotest.OneByteReader(strings.NewReader(tt.in)),
				"data with EOF": iotest.DataErrReader(strings.NewReader(tt.in)),
			} {
				r := NewCommandReader(src)
				for _, want := range tt.want {
					if line, err := r.ReadLine(tt.limit); err != nil || string(line) != want {
						t.Fatalf("%s: got %.40q, %v, want %.40q", reader, line, err, want)
					}
				}
				if line, err := r.ReadLine(tt.limit); err != tt.err || line != nil {
					t.Errorf("%s: in the end got %.40q, %v, want %v", reader, line, err, tt.err)
				}
				r.Release()
			}
		})
	}
}

func TestReadLineError(t *testing.T) {
	r := NewCommandReader(iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader("a\r\n"))))
	if _, err := r.ReadLine(100); err != iotest.ErrTimeout {
		t.Fatalf("got %v", err)
	}
	// A read deadline does not lose what came before it.
	if line, err := r.ReadLine(100); err != nil || string(line) != "a" {
		t.Errorf("then %q, %v", line, err)
	}
}

func TestSkipLine(t *testing.T) {
	long := strings.Repeat("x", 3*bufferSize)
	for _, tt := range []struct {
		name, in string
		limit    int
		tail     string
		err      error
	}{
		{"short", "a1 NOOP\r\n", 9, "a1 NOOP", nil},
		{"a byte over the limit", "a1 NOOP\r\n", 8, "", ErrLineTooLong},
		{"bare LF", "a1 NOOP\n", 100, "a1 NOOP", nil},
		{"longer than a buffer", long + " {5+}\r\n", 1 << 20, (long + " {5+}")[len(long)+5-30:], nil},
		{"longer than the limit", long + "\r\n", len(long), "", ErrLineTooLong},
		{"without end", long, 1 << 20, "", io.ErrUnexpectedEOF},
		{"nothing", "", 100, "", io.ErrUnexpectedEOF},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for reader, src := range map[string]io.Reader{
				"whole":    strings.NewReader(tt.in + "next\r\n"),
				"by bytes": iotest.OneByteReader(strings.NewReader(tt.in + "next\r\n")),
			} {
				if tt.err == io.ErrUnexpectedEOF {
					src = strings.NewReader(tt.in)
				}
				r := NewCommandReader(src)
				tail, err := r.SkipLine(tt.limit)
				if err != tt.err || string(tail) != tt.tail {
					t.Errorf("%s: got %q, %v", reader, tail, err)
				}
				if err == nil {
					if next, err := r.ReadLine(100); err != nil || string(next) != "next" {
						t.Errorf("%s: then %q, %v", reader, next, err)
					}
				}
				r.Release()
			}
		})
	}
}

// What ReadLine did not gather is still there to be looked at and passed over.
func TestReadLineThenSkipLine(t *testing.T) {
	in := "a1 " + strings.Repeat("x", 100) + " {5+}\r\nhello\r\n"
	r := NewCommandReader(strings.NewReader(in))
	defer r.Release()
	if _, err := r.ReadLine(20); err != ErrLineTooLong {
		t.Fatalf("got %v", err)
	}
	if !bytes.HasPrefix(r.Peek(), []byte("a1 ")) {
		t.Errorf("peeked %q", r.Peek())
	}
	tail, err := r.SkipLine(1000)
	if err != nil || !bytes.HasSuffix(tail, []byte(" {5+}")) {
		t.Fatalf("got %q, %v", tail, err)
	}
	var body bytes.Buffer
	if left, err := r.WriteLiteral(&body, 5); left != 0 || err != nil || body.String() != "hello" {
		t.Errorf("literal %q, %d left, %v", &body, left, err)
	}
}

// limitedWriter takes n bytes and fails.
type limitedWriter struct{ n int }

var errWriter = errors.New("writer full")

func (w *limitedWriter) Write(p []byte) (int, error) {
	if w.n -= len(p); w.n < 0 {
		return 0, errWriter
	}
	return len(p), nil
}

func TestWriteLiteral(t *testing.T) {
	const size = 3*bufferSize + 7
	literal := strings.Repeat("abcdefghij\r\n", size)[:size]

	t.Run("whole", func(t *testing.T) {
		r := NewCommandReader(strings.NewReader(literal + "\r\nnext\r\n"))
		defer r.Release()
		var got bytes.Buffer
		if left, err := r.WriteLiteral(&got, size); left != 0 || err != nil || got.String() != literal {
			t.Fatalf("%d bytes, %d left, %v", got.Len(), left, err)
		}
		for _, want := range []string{"", "next"} {
			if line, err := r.ReadLine(100); err != nil || string(line) != want {
				t.Errorf("then %q, %v", line, err)
			}
		}
	})
	t.Run("empty", func(t *testing.T) {
		r := NewCommandReader(iotest.ErrReader(errors.New("must not read")))
		if left, err := r.WriteLiteral(io.Discard, 0); left != 0 || err != nil {
			t.Errorf("%d left, %v", left, err)
		}
	})
	t.Run("reader fails", func(t *testing.T) {
		failure := errors.New("reset")
		r := NewCommandReader(io.MultiReader(strings.NewReader(literal[:100]), iotest.ErrReader(failure)))
		defer r.Release()
		left, err := r.WriteLiteral(io.Discard, size)
		var readErr *ReadError
		if left != size-100 || !errors.As(err, &readErr) || !errors.Is(err, failure) || err.Error() != "reset" {
			t.Errorf("%d left, %v", left, err)
		}
	})
	t.Run("ends too soon", func(t *testing.T) {
		r := NewCommandReader(strings.NewReader(literal[:100]))
		defer r.Release()
		left, err := r.WriteLiteral(io.Discard, size)
		var readErr *ReadError
		if left != size-100 || !errors.As(err, &readErr) || readErr.Err != io.ErrUnexpectedEOF {
			t.Errorf("%d left, %v", left, err)
		}
	})
	t.Run("writer fails, then the rest is passed over", func(t *testing.T) {
		r := NewCommandReader(strings.NewReader(literal + "\r\n"))
		defer r.Release()
		left, err := r.WriteLiteral(&limitedWriter{100_000}, size)
		var readErr *ReadError
		if err != errWriter || errors.As(err, &readErr) || left <= 0 || left >= size {
			t.Fatalf("%d left, %v", left, err)
		}
		var rest bytes.Buffer
		if left, err := r.WriteLiteral(&rest, left); left != 0 || err != nil || !strings.HasSuffix(literal, rest.String()) {
			t.Errorf("%d left, %v, %d bytes", left, err, rest.Len())
		}
		if line, err := r.ReadLine(100); err != nil || len(line) != 0 {
			t.Errorf("then %q, %v", line, err)
		}
	})
}

// watched is a source that tells how it was read.
type watched struct {
	io.Reader
	buf  *buffer
	held []bool // for each Read, whether a buffer was held
}

func (w *watched) Read(p []byte) (int, error) {
	w.held = append(w.held, w.buf.mem != nil)
	return w.Reader.Read(p)
}

func TestNoBufferWhileIdle(t *testing.T) {
	src := &watched{Reader: &chunks{[]byte("a1 N"), []byte("OOP\r\n"), []byte("a"), []byte("2 IDLE {4}\r\nbo"),
		[]byte("dyDONE\r\n")}}
	r := NewCommandReader(src)
	src.buf = &r.buf
	line := func(want string) {
		t.Helper()
		if got, err := r.ReadLine(100); err != nil || string(got) != want {
			t.Fatalf("got %q, %v", got, err)
		}
	}
	line("a1 NOOP")
	if err := r.Wait(); err != nil || r.Buffered() != 1 || string(r.Peek()) != "a" {
		t.Fatalf("waited for %q, %v", r.Peek(), err)
	}
	reads := len(src.held)
	if err := r.Wait(); err != nil || len(src.held) != reads {
		t.Errorf("Wait read although a byte is there: %v", err)
	}
	line("a2 IDLE {4}")
	if _, err := r.WriteLiteral(io.Discard, 4); err != nil {
		t.Fatal(err)
	}
	line("DONE")
	if err := r.Wait(); err != io.EOF || r.buf.mem != nil {
		t.Errorf("in the end %v, buffer held: %v", err, r.buf.mem != nil)
	}
	// None where a command is awaited; one in the middle of a line and literal.
	if want := []bool{false, true, false, true, true, false}; !slices.Equal(src.held, want) {
		t.Errorf("buffer held in each read: %v, want %v", src.held, want)
	}
}

func TestRelease(t *testing.T) {
	r := NewCommandReader(strings.NewReader("a1 NOOP\r\na2"))
	if _, err := r.ReadLine(100); err != nil {
		t.Fatal(err)
	}
	if r.Buffered() != 2 {
		t.Errorf("%d buffered", r.Buffered())
	}
	r.Release()
	r.Release()
	if r.Buffered() != 0 || r.Peek() != nil || r.buf.mem != nil {
		t.Errorf("%d buffered after Release", r.Buffered())
	}
}

func TestReaderWithoutProgress(t *testing.T) {
	r := NewCommandReader(&silentAfter{[]byte("a1 ")})
	defer r.Release()
	if _, err := r.ReadLine(100); err != io.ErrNoProgress {
		t.Errorf("got %v", err)
	}
}

// silentAfter gives its bytes and then neither bytes nor an error.
type silentAfter struct{ p []byte }

func (s *silentAfter) Read(p []byte) (int, error) {
	n := copy(p, s.p)
	s.p = s.p[n:]
	return n, nil
}
