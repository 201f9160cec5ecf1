package rewrite

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// rewriteBytes repairs a message and checks what holds for every plan: the
// size is known before, and a second writing gives the same.
func rewriteBytes(t testing.TB, message []byte, o Options) ([]byte, *Plan, error) {
	t.Helper()
	p, err := NewPlan(t.Context(), bytes.NewReader(message), int64(len(message)), o)
	if err != nil {
		return nil, nil, err
	}
	var first, second bytes.Buffer
	for _, w := range []*bytes.Buffer{&first, &second} {
		n, err := p.WriteTo(w)
		if err != nil {
			t.Fatalf("WriteTo: %v", err)
		}
		if n != p.Size() || int64(w.Len()) != n {
			t.Fatalf("wrote %d bytes, returned %d, Size is %d", w.Len(), n, p.Size())
		}
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Fatal("a second WriteTo gave another message")
	}
	if p.HasChanged() == bytes.Equal(first.Bytes(), message) {
		t.Fatalf("Changed is %v, which is not so", p.HasChanged())
	}
	return first.Bytes(), p, nil
}

// checkContract holds a message and its repair to the contract of the package.
func checkContract(t *testing.T, message []byte, o Options) {
	t.Helper()
	out, p, err := rewriteBytes(t, message, o)
	if err != nil {
		var refused *RefusedError
		if !errors.As(err, &refused) || refused.Rule == "" || refused.Reason == "" {
			t.Fatalf("neither a plan nor a refusal: %v", err)
		}
		return
	}
	r := p.Report()
	if !p.HasChanged() && len(r.Fixes) > 0 || p.HasChanged() && len(r.Fixes) == 0 {
		t.Errorf("Changed is %v, fixes are %v", p.HasChanged(), r.Fixes)
	}
	if over := countOver(out, o.LineLimit); o.LineLimit > 0 && over != sum(r.Unrepaired) {
		t.Errorf("%d lines over the limit are left, reported are %v\n%.2000q", over, r.Unrepaired, out)
	}
	checkBytes(t, out, o)
	if o.Stage != StageEnvelope {
		again, second, err := rewriteBytes(t, out, o)
		if err != nil {
			t.Fatalf("its own output is refused: %v\n%.2000q", err, out)
		}
		if !bytes.Equal(again, out) {
			t.Errorf("twice is not once: %v and %v\n%.2000q\n%.2000q", r.Fixes, second.Report().Fixes, out, again)
		}
	}
	before, err := readBodies(message)
	if err != nil || !isClear(message) || (o.isOn(fixLineEndings) || o.isOn(fixNULBytes)) && structural.Match(message) {
		return // what was unreadable before tells nothing
	}
	after, err := readBodies(out)
	if err != nil {
		t.Fatalf("readable before, not after: %v\n%.2000q\n%.2000q", err, message, out)
	}
	for _, f := range r.Fixes {
		switch f.Name {
		case "attachments", "nesting", "oversize", "envelope": // other parts on purpose
			return
		}
	}
	if err := compareBodies(before, after, o); err != nil {
		t.Errorf("%v\n%.2000q\n%.2000q", err, message, out)
	}
}

// checkBytes holds the output to what IMAP can carry, where that was asked for.
func checkBytes(t *testing.T, out []byte, o Options) {
	t.Helper()
	f := plainFacts(out, tally{})
	if o.isOn(fixNULBytes) && f.nul > 0 {
		t.Errorf("%d NUL are left\n%.2000q", f.nul, out)
	}
	if o.isOn(fixLineEndings) && f.hasBare() && o.Signed != SignedLeave {
		t.Errorf("%d CR and %d LF are left\n%.2000q", f.bareCR, f.bareLF, out)
	}
}

func sum(all []Excess) (n int) {
	for _, e := range all {
		n += e.Count
	}
	return n
}

// countOver counts the lines over the limit, the plain way.
func countOver(message []byte, limit int) (n int) {
	for _, l := range bytes.SplitAfter(message, []byte("\n")) {
		if bytes.HasSuffix(l, []byte("\n")) {
			l = bytes.TrimSuffix(l[:len(l)-1], []byte("\r"))
		}
		if len(l) > limit {
			n++
		}
	}
	return n
}

func FuzzPlan(f *testing.F) {
	files, err := filepath.Glob("../testdata/messages/*.in.eml")
	if err != nil || len(files) == 0 {
		f.Fatalf("no golden messages: %v", err)
	}
	for i, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, i%2 == 0, i%3 == 0, uint8(i))
	}
	f.Fuzz(func(t *testing.T, message []byte, wrap, receipts bool, stage uint8) {
		o := Options{LongLines: LongLinesRecode, LineLimit: 78}
		if wrap {
			o.LongLines = LongLinesWrap
		}
		if receipts {
			o.ReadReceipt = ReadReceiptAll
		}
		if stage %= 5; stage > 0 {
			o.Uses, o.Stage = UsesAt, Stage(stage-1)
		}
		checkContract(t, message, o)
	})
}

// plainFacts finds the facts the plain way.
func plainFacts(message []byte, over tally) facts {
	f := facts{over: over, crlf: int64(bytes.Count(message, []byte("\r\n"))), nul: int64(bytes.Count(message, []byte{0}))}
	f.bareLF = int64(bytes.Count(message, []byte("\n"))) - f.crlf
	f.bareCR = int64(bytes.Count(message, []byte("\r"))) - f.crlf
	for _, c := range message {
		if c > 127 {
			f.eightBit++
		}
	}
	return f
}

// FuzzLines holds both scanners to the plain way of finding lines.
func FuzzLines(f *testing.F) {
	f.Add([]byte("a\r\nb\n\r\nc\rd"), uint16(3), uint32(bufferSize-2))
	f.Add([]byte("\r\n"), uint16(0), uint32(bufferSize-1))
	f.Add([]byte("\n\r\r\n"), uint16(1), uint32(2*bufferSize-1))
	f.Fuzz(func(t *testing.T, tail []byte, limit uint16, lead uint32) {
		message := append(bytes.Repeat([]byte("x"), int(lead%(3*bufferSize))), tail...)
		src, size := bytes.NewReader(message), int64(len(message))

		lines := newLines(src, size, make([]byte, bufferFor(size)))
		rest := message
		over := tally{}
		for {
			l, err := lines.next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			want, _, found := bytes.Cut(rest, []byte("\n"))
			eol := 0
			if found {
				eol = 1
				if bytes.HasSuffix(want, []byte("\r")) {
					eol, want = 2, want[:len(want)-1]
				}
			}
			if l.start != size-int64(len(rest)) || l.end != l.start+int64(len(want)+eol) || l.eol != eol {
				t.Fatalf("line %+v, want %d bytes and %d", l, len(want), eol)
			}
			if !bytes.Equal(l.head, want[:min(len(want), maxHead)]) {
				t.Fatalf("head is %.100q, want %.100q", l.head, want)
			}
			if len(want) > int(limit) {
				over.add(int64(len(want)))
			}
			rest = rest[len(want)+eol:]
		}
		if len(rest) > 0 {
			t.Fatalf("%d bytes were not read", len(rest))
		}
		if limit == 0 {
			return // which is no limit to scan
		}
		got, err := scan(src, size, int(limit), make([]byte, bufferFor(size)))
		if want := plainFacts(message, over); err != nil || got != want {
			t.Fatalf("scan: %+v, %v; want %+v", got, err, want)
		}
	})
}
