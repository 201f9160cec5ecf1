package backend

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"exgate/backend/wire"
)

// written is what r puts on the wire after its tag, chunk by chunk.
func written(r *Request) []string {
	var chunks []string
	for _, c := range r.chunks {
		chunks = append(chunks, string(c))
	}
	return chunks
}

func TestRequestArguments(t *testing.T) {
	for _, tt := range []struct {
		req  *Request
		want []string
	}{
		{NewRequest("NOOP"), []string{"NOOP"}},
		{NewRequest("STATUS").Mailbox("INBOX").Raw("(UIDNEXT)"), []string{"STATUS INBOX (UIDNEXT)"}},
		{NewRequest("LOGIN").String("bob").String(""), []string{`LOGIN "bob" ""`}},
		{NewRequest("LOGIN").String(`EXAMPLE\admin\bob`).String(`pa"ss`), []string{`LOGIN "EXAMPLE\\admin\\bob" "pa\"ss"`}},
		{NewRequest("LOGIN").String("b\xc3\xb6b").String("secret"), []string{"LOGIN {4}", "b\xc3\xb6b \"secret\""}},
		{NewRequest("LOGIN").String("bob").String("a\nb"), []string{`LOGIN "bob" {3}`, "a\nb"}},
		{NewRequest("LOGIN").String("b\rb").String("\x00").Raw("x"), []string{"LOGIN {3}", "b\rb {1}", "\x00 x"}},
		{NewRequest("LOGIN").String("tab\t\x7f"), []string{"LOGIN \"tab\t\x7f\""}},
		{NewRequest("SELECT").Mailbox("Sent Items"), []string{`SELECT "Sent Items"`}},
		{NewRequest("SELECT").Mailbox("a/b.c-&AOQ-&-+[~"), []string{"SELECT a/b.c-&AOQ-&-+[~"}},
		{NewRequest("SELECT").Mailbox(""), []string{`SELECT ""`}},
		{NewRequest("SELECT").Mailbox("100%"), []string{`SELECT "100%"`}},
		{NewRequest("SELECT").Mailbox(`a*b\"]`), []string{"SELECT {6}", `a*b\"]`}},
		{NewRequest("SELECT").Mailbox("a{1}"), []string{`SELECT "a{1}"`}}, // else a literal to the server
		{NewRequest("SELECT").Mailbox("a}"), []string{`SELECT "a}"`}},
		{NewRequest("SELECT").Mailbox("(a)"), []string{`SELECT "(a)"`}},
		{NewRequest("SELECT").Mailbox("a\tb\x7f"), []string{"SELECT \"a\tb\x7f\""}},
		{NewRequest("SELECT").Mailbox("r\xe4t"), []string{"SELECT {3}", "r\xe4t"}},
	} {
		if got := written(tt.req); !slices.Equal(got, tt.want) {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

// Whatever is sent as a string or as a mailbox name is read as the same.
func FuzzRequestRoundTrip(f *testing.F) {
	for _, s := range []string{"bob", `EXAMPLE\admin\bob`, "p\xe4ss", `a"b\`, "{5}", "a\r\nx1 LOGOUT", "\x00", "", "INBOX/Sent Items", "(", "NIL"} {
		f.Add(s, s)
	}
	f.Add("{", "}")
	f.Fuzz(func(t *testing.T, name, mailbox string) {
		req := NewRequest("X").String(name).Mailbox(mailbox)
		in := bytes.Join(req.chunks, []byte("\r\n"))
		r := wire.NewCommandReader(bytes.NewReader(append(in, "\r\n"...)))
		defer r.Release()
		args := new(wire.Args)
		for more := true; more; {
			line, err := r.ReadLine(wire.MaxLine)
			if err == wire.ErrLineTooLong {
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			text, lit, err := wire.CheckLine(line)
			if err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			args.AddText(text)
			if more = lit != nil; more {
				var body bytes.Buffer
				if _, err := r.WriteLiteral(&body, lit.Size); err != nil {
					t.Fatal(err)
				}
				args.AddLiteral(body.Bytes())
			}
		}
		for _, want := range []string{"X", name, mailbox} {
			if got, ok := args.String(); !ok || got != want {
				t.Fatalf("%q: got %q, want %q", in, got, want)
			}
			args.Space()
		}
		if !args.IsEmpty() || r.Buffered() > 0 {
			t.Fatalf("%q: something is left", in)
		}
	})
}

func TestQuotableIsWhatNeedsNoLiteral(t *testing.T) {
	for c := range 256 {
		s := "a" + string([]byte{byte(c)})
		if got, want := isQuotable(s), c < 0x80 && !strings.ContainsRune("\x00\r\n", rune(c)); got != want {
			t.Errorf("%q: %v", s, got)
		}
	}
}
