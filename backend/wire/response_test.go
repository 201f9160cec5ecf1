package wire

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
)

func TestResponseReader(t *testing.T) {
	long := strings.Repeat("1 ", bufferSize) // a SEARCH result of 128 KiB
	big := strings.Repeat("x\r\n* 1 EXPUNGE {3}\r\n", bufferSize/8)
	for _, tt := range []struct {
		name, in string
		want     []response
	}{
		{"untagged", "* 1 EXISTS\r\n* 0 RECENT\r\n", []response{{Untagged, "* 1 EXISTS\r\n", true}, {Untagged,
			"* 0 RECENT\r\n", true}}},
		{"bare LF", "* 1 EXISTS\na1 OK\n", []response{{Untagged, "* 1 EXISTS\n", true}, {Tagged, "a1 OK\n", true}}},
		{"literal", "* 1 FETCH (BODY[] {5}\r\na1 OK UID 1)\r\na1 OK done\r\n",
			[]response{{Untagged, "* 1 FETCH (BODY[] {5}\r\n«a1 OK» UID 1)\r\n", true}, {Tagged, "a1 OK done\r\n", true}}},
		{"empty literal", "* 1 FETCH (BODY[] {0}\r\n)\r\n", []response{{Untagged, "* 1 FETCH (BODY[] {0}\r\n)\r\n", true}}},
		{"literal8", "* 1 FETCH (BINARY[1] ~{3}\r\n\x00\r\n)\r\n", []response{{Untagged,
			"* 1 FETCH (BINARY[1] ~{3}\r\n«\x00\r\n»)\r\n", true}}},
		{"several literals", "* 1 FETCH (A {1}\r\nx B {0}\r\n C {2}\r\n{} D ~{3}\r\nabc)\r\n+\r\n",
			[]response{{Untagged, "* 1 FETCH (A {1}\r\n«x» B {0}\r\n C {2}\r\n«{}» D ~{3}\r\n«abc»)\r\n", true},
				{Continuation, "+\r\n", true}}},
		{"literal after bare LF", "* LIST () \"/\" {3}\na\"b\n", []response{{Untagged, "* LIST () \"/\" {3}\n«a\"b»\n",
			true}}},
		{"literal that looks like an announcement", "* 1 FETCH (A {5}\r\n{3}\r\n)\r\n", []response{{Untagged,
			"* 1 FETCH (A {5}\r\n«{3}\r\n»)\r\n", true}}},
		{"status line that ends in {5}", "* OK see {5}\r\na1 NO {5}\r\na2 bad {5}\r\n* BYE {5}\r\n* PREAUTH {5}\r\n+ " +
			"{5}\r\n* 1 EXISTS\r\n",
			[]response{{Untagged, "* OK see {5}\r\n", true}, {Tagged, "a1 NO {5}\r\n", true}, {Tagged, "a2 bad {5}\r\n", true},
				{Untagged, "* BYE {5}\r\n", true}, {Untagged, "* PREAUTH {5}\r\n", true}, {Continuation, "+ {5}\r\n", true},
				{Untagged, "* 1 EXISTS\r\n", true}}},
		{"no literal in the middle of a line", "* LIST () \"/\" \"{5}\"\r\n* X {5} \r\n* X {5}x\r\n* X 5}\r\n",
			[]response{{Untagged, "* LIST () \"/\" \"{5}\"\r\n", true}, {Untagged, "* X {5} \r\n", true}, {Untagged,
				"* X {5}x\r\n", true}, {Untagged, "* X 5}\r\n", true}}},
		{"line longer than the buffer", "* SEARCH " + long + "\r\n* 1 EXISTS\r\n",
			[]response{{Untagged, "* SEARCH " + long + "\r\n", true}, {Untagged, "* 1 EXISTS\r\n", true}}},
		{"literal after a line longer than the buffer", "* X " + long + "~{9}\r\n* OK {5}\r\n)\r\na1 OK\r\n",
			[]response{{Untagged, "* X " + long + "~{9}\r\n«* OK {5}\r»\n", true}, {Untagged, ")\r\n", true}, {Tagged,
				"a1 OK\r\n", true}}},
		{"status line longer than the buffer", "a1 NO " + long + "{5}\r\n* 1 EXISTS\r\n",
			[]response{{Tagged, "a1 NO " + long + "{5}\r\n", true}, {Untagged, "* 1 EXISTS\r\n", true}}},
		{"literal longer than the buffer", "* 1 FETCH (A {" + strconv.Itoa(len(big)) + "}\r\n" + big + ")\r\na1 OK\r\n",
			[]response{{Untagged, "* 1 FETCH (A {" + strconv.Itoa(len(big)) + "}\r\n«" + big + "»)\r\n", true}, {Tagged,
				"a1 OK\r\n", true}}},
		{"empty lines", "\r\n\n* 1 EXISTS\r\n", []response{{Untagged, "\r\n", true}, {Untagged, "\n", true}, {Untagged,
			"* 1 EXISTS\r\n", true}}},
		{"garbage", "\x00\xff{\r\n}\r\n{}\r\n{-1}\r\n{99999999999}\r\n[COPYUID 55 31 6]\r\nCAPABILITY completed.\r\n",
			[]response{{Untagged, "\x00\xff{\r\n", true}, {Untagged, "}\r\n", true}, {Untagged, "{}\r\n", true}, {Untagged,
				"{-1}\r\n", true},
				{Untagged, "{99999999999}\r\n", true}, {Untagged, "[COPYUID 55 31 6]\r\n", true}, {Untagged,
					"CAPABILITY completed.\r\n", true}}},
		{"bare CR is no line end", "* X a\rb\r\n", []response{{Untagged, "* X a\rb\r\n", true}}},
		{"ends in a literal", "* 1 FETCH (A {5}\r\nabc", []response{{Untagged, "* 1 FETCH (A {5}\r\n«abc", false}}},
		{"nothing", "", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for reader, src := range map[string]io.Reader{
				"whole":     strings.NewReader(tt.in),
				"by bytes":  iotest.OneByteReader(strings.NewReader(tt.in)),
				"by halves": iotest.HalfReader(strings.NewReader(tt.in)),
			} {
				got, out, rest := readResponses(t, src)
				if !slices.Equal(got, tt.want) {
					t.Errorf("%s: got %.300v\nwant %.300v", reader, got, tt.want)
				}
				if string(out) != tt.in || len(rest) != 0 {
					t.Errorf("%s: %d bytes of %d, %d left", reader, len(out), len(tt.in), len(rest))
				}
			}
		})
	}
}

// Wherever the end of the buffer cuts a line that is longer, the literal
// announced at its end is seen.
func TestLiteralAtTheEndOfTheBuffer(t *testing.T) {
	const announced = " ~{9999}\r\n"
	literal := strings.Repeat("* OK {5}\r\n", 1000)[:9999]
	for n := bufferSize - 2*keepTail; n < bufferSize+2*keepTail; n++ {
		line := "* X " + strings.Repeat("x", n-4-len(announced)) + announced
		got, _, _ := readResponses(t, strings.NewReader(line+literal+")\r\n"))
		if want := []response{{Untagged, line + "«" + literal + "»)\r\n", true}}; !slices.Equal(got, want) {
			t.Fatalf("line of %d bytes: %d responses, %.100q", n, len(got), got[len(got)-1].text)
		}
	}
}

// The end of a line that was not finished stays behind.
func TestResponseReaderUnfinishedLine(t *testing.T) {
	got, out, rest := readResponses(t, strings.NewReader("* 1 EXISTS\r\na1 OK no en"))
	if len(got) != 1 || string(out) != "* 1 EXISTS\r\n" || string(rest) != "a1 OK no en" {
		t.Errorf("got %v, rest %q", got, rest)
	}
}

func TestResponseReaderNoBufferWhileIdle(t *testing.T) {
	in := chunks{[]byte("* 1 EXISTS\r\n"), []byte("* 1 FETCH (A {5}\r\n"), []byte("abcde)\r\n")}
	all := string(bytes.Join(in, nil))
	src := &watched{Reader: &in}
	r := NewResponseReader(src)
	src.buf = &r.buf
	var out []byte
	for {
		err := r.Fill()
		if err != nil {
			break
		}
		for f, ok := r.Scan(); ok; f, ok = r.Scan() {
			out = append(out, f.Data...)
		}
	}
	if string(out) != all {
		t.Fatalf("got %q", out)
	}
	// None where a response is awaited; one in the middle of it.
	if want := []bool{false, false, true, false}; !slices.Equal(src.held, want) {
		t.Errorf("buffer held in each read: %v, want %v", src.held, want)
	}
	if r.buf.mem != nil {
		t.Error("a buffer is held in the end")
	}
}

func TestFillError(t *testing.T) {
	failure := errors.New("reset")
	r := NewResponseReader(io.MultiReader(strings.NewReader("* 1 FETCH (A {5}\r\nab"), iotest.ErrReader(failure)))
	var err error
	for err == nil {
		for _, ok := r.Scan(); ok; _, ok = r.Scan() {
		}
		err = r.Fill()
	}
	if err != failure || !r.IsInside() {
		t.Errorf("got %v, inside: %v", err, r.IsInside())
	}
	r.Release()
	if _, ok := r.Scan(); ok {
		t.Error("a fragment after Release")
	}
}

func TestBufferFull(t *testing.T) {
	b := buffer{src: bytes.NewReader(make([]byte, 2*bufferSize))}
	for len(b.bytes()) < bufferSize {
		if err := b.fill(false); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.fill(false); err != errFull {
		t.Errorf("got %v", err)
	}
	b.release()
}

func TestClassify(t *testing.T) {
	for _, tt := range []struct {
		line   string
		kind   Kind
		status bool
	}{
		{"* OK ready", Untagged, true},
		{"* ok ready", Untagged, true},
		{"* No way", Untagged, true},
		{"* BAD", Untagged, true},
		{"* BYE Connection closed. 14", Untagged, true},
		{"* PREAUTH x", Untagged, true},
		{"* OKAY", Untagged, false},
		{"* 1 EXISTS", Untagged, false},
		{"*  OK two blanks", Untagged, true},
		{" * OK a blank before", Untagged, true},
		{" * 1 EXISTS", Untagged, false},
		{"* ", Untagged, false},
		{"*", Untagged, false},
		{"a1 OK", Tagged, true},
		{"a1 OK\r\n", Tagged, true},
		{"a1 OK\n", Tagged, true},
		{"a1 no LOGIN failed.", Tagged, true},
		{"<body BAD Command Error. 10", Tagged, true},
		{"a1 BYE", Tagged, true},
		{"a1  OK", Tagged, true},
		{" a1 OK", Tagged, true},
		{"a1 PREAUTH", Untagged, true},
		{"a1", Untagged, true},
		{" OK", Untagged, true},
		{" + OK", Continuation, true},
		{"+", Continuation, true},
		{"+ OK", Continuation, true},
		{"+idling", Continuation, true},
		{"", Untagged, true},
		{"[COPYUID 55 31 6]", Untagged, true},
		{"CAPABILITY completed.", Untagged, true},
		{"see {5}", Untagged, true},
		{"** OK", Tagged, true},
	} {
		kind, status := classify([]byte(tt.line))
		if kind != tt.kind || status != tt.status {
			t.Errorf("%q: %d, %v, want %d, %v", tt.line, kind, status, tt.kind, tt.status)
		}
	}
}
