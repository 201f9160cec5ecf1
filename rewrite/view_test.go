package rewrite

import (
	"bytes"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
)

// viewed reads a whole message through a view, twice, in pieces of that size.
func viewed(t *testing.T, message []byte, keep []keptRegion, lineEnds, nuls bool, piece int) []byte {
	t.Helper()
	v, err := newView(bytes.NewReader(message), int64(len(message)), keep, lineEnds, nuls)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]byte, v.size)
	for range 2 {
		// Backwards, so that no piece finds its chunk already there.
		for at := (len(out) - 1) / piece * piece; at >= 0 && len(out) > 0; at -= piece {
			end := min(at+piece, len(out))
			if n, err := v.ReadAt(out[at:end], int64(at)); n != end-at || err != nil && err != io.EOF {
				t.Fatalf("ReadAt %d: %d, %v", at, n, err)
			}
		}
	}
	if n, err := v.ReadAt(make([]byte, 1), v.size); n != 0 || err != io.EOF {
		t.Errorf("after the end: %d, %v", n, err)
	}
	if err := iotest.TestReader(io.NewSectionReader(v, 0, v.size), out); err != nil {
		t.Error(err)
	}
	return out
}

func TestView(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{"", ""},
		{"a\r\nb\r\n", "a\r\nb\r\n"},
		{"a\nb\n", "a\r\nb\r\n"},
		{"a\rb\r", "a\r\nb\r\n"},
		{"a\r\r\nb", "a\r\nb"},
		{"\r\r\r", "\r\n\r\n\r\n"},
		{"a\r\x00\nb\x00", "a\r\nb"},
		{"\x00\x00", ""},
		{"\n\r", "\r\n\r\n"},
	} {
		if got := viewed(t, []byte(test.in), nil, true, true, 1); string(got) != test.want {
			t.Errorf("%q: %q, want %q", test.in, got, test.want)
		}
	}
	// What is kept stays, and in a header a CR cannot begin a line.
	message := []byte("A: b\rC: d\n\n\x00\r\x01\n--b\rx")
	keep := []keptRegion{{span{0, 11}, asHeader}, {span{11, 14}, asIs}}
	if got, want := viewed(t, message, keep, true, true, 2), "A: b C: d\r\n\r\n\x00\r\x01\r\n--b\r\nx"; string(got) != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// What stands at the end of a chunk depends on what follows.
func TestViewChunks(t *testing.T) {
	for _, special := range []string{"\r\n", "\n", "\r", "\r\r\n", "\r\x00\n", "\x00\n", "\r\r", "\x00"} {
		for lead := viewChunk - 4; lead <= viewChunk+1; lead++ {
			message := []byte(strings.Repeat("x", lead) + special + "y")
			want := carried(bytes.ReplaceAll(message, []byte{0}, nil), Options{Uses: Uses{LineEndings: Always}})
			if got := viewed(t, message, nil, true, true, 7001); !bytes.Equal(got, want) {
				t.Errorf("%q at %d: %d bytes, want %d", special, lead, len(got), len(want))
			}
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		message := make([]byte, r.IntN(3*viewChunk))
		for i := range message {
			message[i] = "ab\r\n\x00"[r.IntN(5)]
		}
		for _, o := range []Options{{Uses: Uses{LineEndings: Always, NULBytes: Always}}, {Uses: Uses{LineEndings: Always}}, {Uses: Uses{NULBytes: Always}}} {
			lineEnds, nuls := o.isOn(fixLineEndings), o.isOn(fixNULBytes)
			want := carried(message, o)
			if got := viewed(t, message, nil, lineEnds, nuls, 9000+r.IntN(1000)); !bytes.Equal(got, want) {
				t.Fatalf("line ends %v, NUL %v: %d bytes, want %d", lineEnds, nuls, len(got), len(want))
			}
		}
	}
}
