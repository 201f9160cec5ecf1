package wire

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

func FuzzCommandReader(f *testing.F) {
	for _, data := range transcripts(f, "client") {
		f.Add(data, uint16(100))
		for _, line := range bytes.SplitAfter(data, []byte("\n")) {
			f.Add(line, uint16(100))
		}
	}
	for _, line := range []string{
		`a1 LOGIN "EXAMPLE\admin\bob" "pa\"ss"`, `a1 LOGIN EXAMPLE\\admin\\bob {4+}` + "\r\npass\r\n",
		"a1 APPEND x (\\Seen foo[1]) \" 1-Jan-2020 00:00:00 GMT\" ~{3+}\r\n\x00\r\n\r\n",
		"a1 X {05}\n", "a1 X \"{5}\"\r\n", "a1 X \"\r{5}\r\n", "a1 X {99999999999}\r\n",
		"a1 " + strings.Repeat("x", 200) + " {5+}\r\nhello\r\na2 NOOP\r\n",
	} {
		f.Add([]byte(line), uint16(50))
	}
	f.Fuzz(func(t *testing.T, data []byte, limit uint16) {
		whole := readCommands(t, bytes.NewReader(data), int(limit)+1)
		if split := readCommands(t, iotest.OneByteReader(bytes.NewReader(data)), int(limit)+1); !slices.Equal(whole, split) {
			t.Fatalf("whole %+v\nby bytes %+v", whole, split)
		}
		checkAccounted(t, data, whole)
		for _, h := range whole {
			if h.err == "" {
				checkTaken(t, h)
			}
		}
	})
}

// checkTaken checks a line that CheckLine let pass.
func checkTaken(t *testing.T, h heard) {
	if strings.ContainsAny(h.line, "\x00\r\n") {
		t.Fatalf("let pass: %q", h.line)
	}
	// The next reader frames what is sent on as this one did.
	again := readCommands(t, strings.NewReader(h.line+"\r\n"+h.body+"\r\n"), MaxLine)
	if want := (heard{line: h.line, text: h.text, literal: h.literal, body: h.body}); again[0] != want {
		t.Fatalf("framed %+v, then %+v", want, again[0])
	}
	// So does one that reads responses, if it looks at the literal alone.
	if lit, start, ok := parseLiteral([]byte(h.line)); ok != (h.text != h.line) || (ok && (lit != h.literal ||
		h.line[:start] != h.text)) {
		t.Fatalf("%q: %+v, %v", h.line, lit, ok)
	}
	a := new(Args)
	a.AddText([]byte(h.text))
	if h.text != h.line {
		a.AddLiteral([]byte(h.body))
		a.AddText(nil)
	}
	for ok := true; ok && !a.IsEmpty(); a.Space() {
		if a.Peek() == '(' {
			_, ok = a.List()
		} else {
			_, ok = a.String()
		}
	}
}

// checkFetches checks that what Fetches returns is what Scan does.
func checkFetches(t *testing.T, data []byte) {
	r := NewResponseReader(bytes.NewReader(data))
	defer r.Release()
	for r.Fill() == nil {
		for {
			run := r.Fetches()
			left, isTidy := len(run.Data), run.IsTidy()
			for left > 0 {
				f, ok := r.Scan()
				left -= len(f.Data)
				isWhole := f.First && f.Last || len(run.Texts) > 0
				if tidy, changed := Tidy(f); !ok || left < 0 || !isWhole || f.Kind != Untagged || isTidy && changed {
					t.Fatalf("%+v of %q, without blanks %q", f, run.Data, tidy)
				}
				if n, isFetch := fetchNumber(f.Data); f.First && (!isFetch || n > run.Highest) {
					t.Fatalf("%q, highest %d", f.Data, run.Highest)
				}
			}
			if len(run.Data) > 0 && r.IsInside() {
				t.Fatalf("%q ends in the middle of a response", run.Data)
			}
			rest := run.Data
			for _, text := range run.Texts {
				var ok bool
				if rest, ok = bytes.CutPrefix(rest, slices.Concat(text.Line, text.Text, []byte(afterText))); !ok {
					t.Fatalf("%q has not %q, %q", run.Data, text.Line, text.Text)
				}
			}
			if len(run.Texts) > 0 && len(rest) > 0 {
				t.Fatalf("%q has no text", rest)
			}
			if _, ok := r.Scan(); !ok {
				break
			}
		}
	}
}

func FuzzResponseReader(f *testing.F) {
	for _, data := range transcripts(f, "server") {
		f.Add(data)
		for _, line := range bytes.SplitAfter(data, []byte("\n")) {
			f.Add(line)
		}
	}
	for _, s := range []string{
		"* 1 FETCH (BODY[HEADER] {3}\r\nA:b)\r\n* 2 FETCH (UID 2  BODY[1] {0}\r\n)\r\n* 3 FETCH (BODY[1] {1}\r\nab)\r\n",
		"* 1 FETCH (A {1}\r\nx B ~{3}\r\nabc C {0}\r\n)\r\n", "* OK {5}\r\n", "* 1 FETCH (A {9999999999}\r\nx", "\r\n\n\n+\n",
		"* SEARCH " + strings.Repeat("1 ", bufferSize/2) + "{3}\r\nabc\r\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		whole, out, rest := readResponses(t, bytes.NewReader(data))
		if !bytes.Equal(append(slices.Clip(out), rest...), data) {
			t.Fatalf("%d bytes in, %d and %d out", len(data), len(out), len(rest))
		}
		split, _, _ := readResponses(t, iotest.OneByteReader(bytes.NewReader(data)))
		if !slices.Equal(whole, split) {
			t.Fatalf("whole %v\nby bytes %v", whole, split)
		}
		checkFetches(t, data)
		for _, r := range whole {
			s, ok := ParseStatus([]byte(r.text))
			if r.kind == Tagged && !ok {
				t.Fatalf("a tagged response is no status: %q", r.text)
			}
			if ok && !strings.Contains(r.text, s.Code) {
				t.Fatalf("code %q of %q", s.Code, r.text)
			}
		}
	})
}
