package replies

import (
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/iotest"

	"exgate/backend"
	"exgate/backend/wire"
)

// throughFetching returns the responses as the editor of FETCH gives them to the
// client, and the number of repairs.
func throughFetching(src io.Reader, how backend.Substitute) (out string, marks int) {
	f := &Fetching{tag: "a1", verb: "FETCH", substitute: how, log: slog.New(slog.DiscardHandler)}
	f.repaired = func(string) { marks++ }
	r := wire.NewResponseReader(src)
	defer r.Release()
	var b strings.Builder
	for {
		for frag, ok := r.Scan(); ok; frag, ok = r.Scan() {
			if frag.Kind == wire.Untagged {
				if edited, same := f.Edit(nil, frag); same {
					b.Write(frag.Data)
				} else {
					b.Write(edited)
				}
			}
		}
		if r.Fill() != nil {
			return b.String(), marks
		}
	}
}

// endsInside reports whether the last response of in is incomplete.
func endsInside(in string) bool {
	r := wire.NewResponseReader(strings.NewReader(in))
	defer r.Release()
	for {
		for _, ok := r.Scan(); ok; _, ok = r.Scan() {
		}
		if r.Fill() != nil {
			return r.IsInside()
		}
	}
}

// A response without a substitute passes unchanged, and one with a substitute is
// marked or withheld, whatever fragments they come in.
func FuzzFetching(f *testing.F) {
	const body = "From: Microsoft Exchange Server 2010\r\n" +
		"Subject: Retrieval using the IMAP4 protocol failed for the following message: 1\r\n\r\nx"
	for _, seed := range []string{
		"* 1 FETCH (BODY[] {5}\r\nabcde)\r\n", "* 1 FETCH (FLAGS ())\r\n", "* 1 FETCH (BODY[] {0}\r\n)\r\n",
		"* 1 FETCH (BODY[HEADER] {4}\r\n\r\n\r\n BODY[TEXT] {3}\r\nabc UID 4)\r\n", "* 1 FETCH (RFC822 \"\")\r\n",
		"* 1 FETCH (BODY[] {120}\r\n" + body + ")\r\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		end := strings.LastIndexByte(in, '\n') + 1
		in = in[:end]
		marked, m := throughFetching(strings.NewReader(in), backend.SubstituteMark)
		bytewise, _ := throughFetching(iotest.OneByteReader(strings.NewReader(in)), backend.SubstituteMark)
		// The end of an incomplete response may be held back, depending on the fragments.
		if marked != bytewise && !(strings.HasPrefix(marked, bytewise) && endsInside(in)) {
			t.Fatalf("%q: whole %q, by bytes %q", in, marked, bytewise)
		}
		plain, _ := throughFetching(strings.NewReader(in), backend.SubstituteLeave)
		if m == 0 && marked != plain && strings.HasPrefix(plain, marked) == false {
			t.Fatalf("%q became %q", in, marked)
		}
		throughFetching(strings.NewReader(in), backend.SubstituteRefuse)
	})
}
