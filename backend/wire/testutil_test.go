package wire

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// chunks is a reader that gives its elements one by one, then EOF.
type chunks [][]byte

func (c *chunks) Read(p []byte) (int, error) {
	for len(*c) > 0 && len((*c)[0]) == 0 {
		*c = (*c)[1:]
	}
	if len(*c) == 0 {
		return 0, io.EOF
	}
	n := copy(p, (*c)[0])
	(*c)[0] = (*c)[0][n:]
	return n, nil
}

// transcripts returns the recorded bytes of one direction ("client",
// "server"), by file.
func transcripts(tb testing.TB, direction string) map[string][]byte {
	tb.Helper()
	files, err := filepath.Glob("testdata/transcripts/*." + direction)
	if err != nil || len(files) == 0 {
		tb.Fatalf("no transcripts of the %s: %v", direction, err)
	}
	found := make(map[string][]byte)
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			tb.Fatal(err)
		}
		found[filepath.Base(file)] = data
	}
	return found
}

// response is a response whose fragments were joined.
type response struct {
	kind  Kind
	text  string // its bytes, each run of literal bytes between « and »
	whole bool
}

func (r response) String() string {
	return fmt.Sprintf("{kind %d, whole %v: %q}", r.kind, r.whole, r.text)
}

// readResponses reads src to its end, and checks what must hold for every
// fragment. out is all bytes of all fragments.
func readResponses(tb testing.TB, src io.Reader) (list []response, out []byte, rest []byte) {
	tb.Helper()
	r := NewResponseReader(src)
	defer r.Release()
	var text strings.Builder
	var kind Kind
	inside, literal := false, false
	end := func(whole bool) {
		list = append(list, response{kind, text.String(), whole})
		text.Reset()
		inside = false
	}
	for {
		for f, ok := r.Scan(); ok; f, ok = r.Scan() {
			switch {
			case len(f.Data) == 0:
				tb.Fatal("an empty fragment")
			case f.First == inside:
				tb.Fatalf("First is %v in %q, after %q", f.First, f.Data, text.String())
			case !f.First && f.Kind != kind:
				tb.Fatalf("a response changes from kind %d to %d", kind, f.Kind)
			case f.Literal && f.Last:
				tb.Fatalf("a response ends in a literal: %q", f.Data)
			case f.Last != !r.IsInside():
				tb.Fatalf("IsInside is %v after Last %v", r.IsInside(), f.Last)
			}
			inside, kind = true, f.Kind
			if f.Literal != literal {
				text.WriteString(map[bool]string{true: "«", false: "»"}[f.Literal])
				literal = f.Literal
			}
			text.Write(f.Data)
			out = append(out, f.Data...)
			if f.Last {
				end(true)
			}
		}
		if err := r.Fill(); err != nil {
			if err != io.EOF {
				tb.Fatalf("Fill: %v", err)
			}
			if inside {
				end(false)
			}
			return list, out, bytes.Clone(r.buf.bytes())
		}
	}
}

// heard is what a gateway takes from a client's bytes: a line and what
// CheckLine says of it, or a literal.
type heard struct {
	line    string // without line end, or the tail of one that was too long
	text    string // before a literal
	literal Literal
	body    string // the literal that came
	err     string
}

// readCommands reads src to its end, gathering lines up to limit.
func readCommands(tb testing.TB, src io.Reader, limit int) (list []heard) {
	tb.Helper()
	r := NewCommandReader(src)
	defer r.Release()
	for {
		line, err := r.ReadLine(limit)
		var h heard
		if err == ErrLineTooLong {
			h.err = err.Error()
			if line, err = r.SkipLine(64 * limit); err == nil {
				h.line = string(line)
				list = append(list, h)
				continue
			}
		}
		if err != nil {
			return append(list, heard{err: err.Error()})
		}
		h.line = string(line)
		text, lit, err := CheckLine(line)
		h.text = string(text)
		if err != nil {
			h.err = err.Error()
		}
		if lit != nil {
			h.literal = *lit
			var body bytes.Buffer
			if left, err := r.WriteLiteral(&body, lit.Size); err != nil {
				if left != lit.Size-int64(body.Len()) {
					tb.Fatalf("%d of %d left after %d", left, lit.Size, body.Len())
				}
				h.err = err.Error()
			}
			h.body = body.String()
		}
		list = append(list, h)
	}
}
