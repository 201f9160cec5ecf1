package wire

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// Framing does not depend on how the bytes arrive: one by one, or a transcript
// split in two at every position.
func TestResponsesInAnyChunks(t *testing.T) {
	for name, data := range transcripts(t, "server") {
		t.Run(name, func(t *testing.T) {
			want, out, rest := readResponses(t, bytes.NewReader(data))
			if !bytes.Equal(out, data) || len(rest) != 0 {
				t.Fatalf("%d bytes of %d, %d left", len(out), len(data), len(rest))
			}
			for how, src := range inChunks(data) {
				got, out, _ := readResponses(t, src)
				if !slices.Equal(got, want) || !bytes.Equal(out, data) {
					t.Fatalf("%s %d: got %v\nwant %v", how.name, how.cut, got, want)
				}
			}
		})
	}
}

func TestCommandsInAnyChunks(t *testing.T) {
	for name, data := range transcripts(t, "client") {
		t.Run(name, func(t *testing.T) {
			for _, limit := range []int{MaxLine, 40} { // 40: some lines are too long
				want := readCommands(t, bytes.NewReader(data), limit)
				checkAccounted(t, data, want)
				for how, src := range inChunks(data) {
					if got := readCommands(t, src, limit); !slices.Equal(got, want) {
						t.Fatalf("limit %d, %s %d: got %+v\nwant %+v", limit, how.name, how.cut, got, want)
					}
				}
			}
		})
	}
}

// What the transcripts say, so that the tests above compare something.
func TestTranscriptsFramed(t *testing.T) {
	count := func(file string) (kinds [3]int, literals int) {
		list, _, _ := readResponses(t, bytes.NewReader(transcripts(t, "server")[file]))
		for _, r := range list {
			kinds[r.kind]++
			literals += strings.Count(r.text, "«")
		}
		return kinds, literals
	}
	if kinds, literals := count("dovecot.server"); kinds != [3]int{Untagged: 20, Tagged: 14, Continuation: 4} ||
		literals != 6 {
		t.Errorf("dovecot.server: %d of each kind, %d literals", kinds, literals)
	}
	if kinds, literals := count("exchange.server"); kinds != [3]int{Untagged: 20, Tagged: 13, Continuation: 2} ||
		literals != 3 {
		t.Errorf("exchange.server: %d of each kind, %d literals", kinds, literals)
	}
	var lines []string
	for _, h := range readCommands(t, bytes.NewReader(transcripts(t, "client")["dovecot.client"]), MaxLine) {
		lines = append(lines, h.line)
	}
	want := []string{
		"a1 CAPABILITY", "a2 LOGIN {3}", " {4}", "", `a3 APPEND INBOX (\Seen) {108}`, "", "a4 APPEND INBOX {132+}", "",
		`a5 CREATE "quoted \"name\" {5}"`, `a6 LIST "" *`, "a7 SELECT INBOX",
		"a8 FETCH 1:* (FLAGS BODY.PEEK[HEADER] BODY.PEEK[TEXT])",
		"a9 UID FETCH 1:* (RFC822.SIZE ENVELOPE BODYSTRUCTURE BINARY.PEEK[1])", `b1 SEARCH SUBJECT "one {5}"`,
		"b2 IDLE", "DONE",
		`b3 STORE 1 +FLAGS.SILENT (\Deleted $Fwd)`,
		"b4 FROB {5}", // refused by Dovecot, but this reader takes "b5 LO" for the literal
		"GOUT", "",
	}
	if !slices.Equal(lines, want) {
		t.Errorf("dovecot.client: got %q\nwant %q", lines, want)
	}
}

type chunking struct {
	name string
	cut  int
}

// inChunks yields readers of data, each in other chunks.
func inChunks(data []byte) func(yield func(chunking, io.Reader) bool) {
	return func(yield func(chunking, io.Reader) bool) {
		if !yield(chunking{name: "by bytes"}, iotest.OneByteReader(bytes.NewReader(data))) ||
			!yield(chunking{name: "by halves"}, iotest.HalfReader(bytes.NewReader(data))) {
			return
		}
		for cut := 1; cut < len(data); cut++ {
			if !yield(chunking{"split at", cut}, &chunks{data[:cut], data[cut:]}) {
				return
			}
		}
	}
}

// checkAccounted checks that what was heard is data, byte for byte but for the
// line ends and the beginnings of lines that were too long.
func checkAccounted(tb testing.TB, data []byte, list []heard) {
	tb.Helper()
	for i, h := range list {
		if i == len(list)-1 {
			if h.err == io.EOF.Error() && len(data) > 0 {
				tb.Fatalf("EOF before %q", data)
			}
			return
		}
		line := data[:bytes.IndexByte(data, '\n')+1]
		data = data[len(line):]
		switch {
		case h.err == ErrLineTooLong.Error():
			if tail := trimEOL(line[max(0, len(line)-keepTail):]); h.line != string(tail) {
				tb.Fatalf("tail %q of %q", h.line, line)
			}
		case h.line+"\r\n" != string(line) && h.line+"\n" != string(line):
			tb.Fatalf("heard %q, said %q", h.line, line)
		}
		if !bytes.HasPrefix(data, []byte(h.body)) {
			tb.Fatalf("literal %q, said %q", h.body, data)
		}
		data = data[len(h.body):]
	}
}
