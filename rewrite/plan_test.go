package rewrite

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
)

var _ io.WriterTo = (*Plan)(nil)

const limit = 9900 // of the profiles

// crlf makes a message of lines as they stand in this source.
func crlf(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }

func TestReport(t *testing.T) {
	recode := Options{LongLines: LongLinesRecode, LineLimit: limit, ReadReceipt: ReadReceiptAll}
	body := func(n int) string { return strings.Repeat("x", n) }
	for _, test := range []struct {
		name, message string
		options       Options
		want          Report
	}{
		{name: "empty", options: recode},
		{name: "only an empty line", message: "\n", options: recode},
		{name: "line of the limit", message: "A: b\n\n" + body(limit) + "\n", options: recode},
		{name: "line of the limit at the end", message: "A: b\n\n" + body(limit), options: recode},
		{name: "line over the limit", message: "A: b\n\n" + body(limit+1) + "\n" + body(limit+2), options: recode,
			want: Report{Fixes: []Fix{{"long-lines", 1}}, LongestLine: limit + 2}},
		{name: "no limit", message: "A: b\n\n" + body(limit+1), options: Options{LongLines: LongLinesRecode}},
		{name: "fix is off", message: "A: b\n\n" + body(limit+1), options: Options{LineLimit: limit},
			want: Report{LongestLine: limit + 1, Unrepaired: []Excess{{"body-line", 1, limit + 1, limit}}}},
		{name: "header line", message: "A: " + body(limit) + "\n\nbody\n", options: recode,
			want: Report{LongestLine: limit + 3, Unrepaired: []Excess{{"header-line", 1, limit + 3, limit}}}},
		{name: "encoding over the limit", message: "Content-Transfer-Encoding: (" + body(limit) + ") 8bit\n\n" + body(limit+1), options: recode,
			want: Report{Fixes: []Fix{{"long-lines", 1}}, LongestLine: limit + 34, Unrepaired: []Excess{{"header-line", 1, limit + 34, limit}}}},
		{name: "header without body", message: "A: " + body(limit), options: recode,
			want: Report{LongestLine: limit + 3, Unrepaired: []Excess{{"header-line", 1, limit + 3, limit}}}},
		{name: "receipts", message: "Return-Receipt-To: a\nX-Confirm-Reading-To: b\n\n", options: recode,
			want: Report{Fixes: []Fix{{"read-receipt", 2}}}},
		{name: "receipt that grows over the limit", message: "Return-Receipt-To: " + body(limit-19) + "\n\n", options: recode,
			want: Report{Fixes: []Fix{{"read-receipt", 1}}, Unrepaired: []Excess{{"header-line", 1, limit + 2, limit}}}},
		{name: "both", message: "Return-Receipt-To: a\n\n" + body(limit+1), options: recode,
			want: Report{Fixes: []Fix{{"long-lines", 1}, {"read-receipt", 1}}, LongestLine: limit + 1}},
		{name: "signed",
			message: "Content-Type: multipart/signed; boundary=b\n\n--b\n\n" + body(limit+1) +
				"\n--b\nContent-Type: application/pgp-signature\n\nshort\n--b--\n",
			options: recode,
			want:    Report{Fixes: []Fix{{"long-lines", 1}}, LongestLine: limit + 1, Signed: 1}},
		{name: "S/MIME", message: "Content-Type: application/pkcs7-mime\nContent-Transfer-Encoding: base64\n\n" + body(limit+1), options: recode,
			want: Report{Fixes: []Fix{{"long-lines", 1}}, LongestLine: limit + 1, Signed: 1}},
		{name: "signed but not that part",
			message: "Content-Type: multipart/mixed; boundary=m\n\n--m\nContent-Type: multipart/signed; boundary=b\n\n--b--\n--m\n\n" + body(limit+1) + "\n--m--\n",
			options: recode,
			want:    Report{Fixes: []Fix{{"long-lines", 1}}, LongestLine: limit + 1}},
		{name: "delivery status", message: "Content-Type: message/delivery-status\n\n" + body(limit+1), options: recode,
			want: Report{LongestLine: limit + 1, Unrepaired: []Excess{{"body-line", 1, limit + 1, limit}}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			message := []byte(crlf(test.message))
			_, p, err := rewriteBytes(t, message, test.options)
			if err != nil {
				t.Fatal(err)
			}
			if got := p.Report(); !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
			checkContract(t, message, test.options)
		})
	}
}

func TestReadReceiptOptions(t *testing.T) {
	message := []byte("Return-Receipt-To: a\r\n\r\n")
	for _, test := range []struct {
		option ReadReceipt
		seen   bool
		want   bool
	}{
		{"", true, false},
		{ReadReceiptOff, true, false},
		{ReadReceiptSeen, false, false},
		{ReadReceiptSeen, true, true},
		{ReadReceiptAll, false, true},
		{ReadReceiptAll, true, true},
	} {
		_, p, err := rewriteBytes(t, message, Options{ReadReceipt: test.option, Seen: test.seen})
		if err != nil || p.HasChanged() != test.want {
			t.Errorf("%q, seen %v: changed is %v, %v", test.option, test.seen, p.HasChanged(), err)
		}
	}
}

func TestRefused(t *testing.T) {
	deep := strings.Repeat("Content-Type: message/rfc822\n\n", maxDepth)
	text := strings.Repeat("0123456789", 10)
	for _, test := range []struct {
		name, message string
		options       Options
		reason        string // "" if it is not refused
	}{
		{"not too deep", deep[30:] + "\n" + text, Options{LongLines: "recode"}, ""},
		{"too deep", deep + "\n" + text, Options{LongLines: "recode"}, "deeper than 100 levels or after 10000 parts"},
		{"too deep but short", deep + "\nshort", Options{LongLines: "recode"}, ""},
		{"too deep but off", deep + "\n" + text, Options{}, ""},
		{"too many parts", "Content-Type: multipart/mixed; boundary=b\n\n" + strings.Repeat("--b\n\n\n", maxParts) + text,
			Options{LongLines: "recode"}, "deeper than 100 levels or after 10000 parts"},
		{"long line before too many parts", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\n" + text + "\n" + strings.Repeat("--b\n\n\n", maxParts),
			Options{LongLines: "recode"}, ""},
		{"too many receipts", strings.Repeat("Return-Receipt-To: a\n", maxEdits+1), Options{ReadReceipt: "all"}, "needs more than 50000 changes"},
		{"too many encodings", strings.Repeat("Content-Transfer-Encoding: 7bit\n", maxEncodings+1) + "\n" + text,
			Options{LongLines: "recode"}, "more than 16 Content-Transfer-Encoding fields"},
		{"dashes beside a boundary of dashes", "Content-Type: multipart/mixed; boundary=-\n\n--- \n\n" + strings.Repeat("-", 100),
			Options{LongLines: "wrap"}, "without making a boundary"},
		{"dashes beside another boundary", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\n" + strings.Repeat("-", 100),
			Options{LongLines: "wrap"}, ""},
		{"boundary before many blanks", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\n--b" + strings.Repeat(" ", 100) + "x",
			Options{LongLines: "wrap"}, "without making a boundary"},
	} {
		t.Run(test.name, func(t *testing.T) {
			message := []byte(crlf(test.message))
			test.options.LineLimit = 78
			_, err := NewPlan(t.Context(), bytes.NewReader(message), int64(len(message)), test.options)
			var refused *RefusedError
			switch {
			case test.reason == "" && err != nil:
				t.Errorf("refused: %v", err)
			case test.reason != "" && (!errors.As(err, &refused) || !strings.Contains(err.Error(), test.reason)):
				t.Errorf("error is %v, want %q", err, test.reason)
			}
			checkContract(t, message, test.options)
		})
	}
}

// TestBufferEnds puts what an encoder looks ahead for at the ends of buffers.
func TestBufferEnds(t *testing.T) {
	recode := Options{LongLines: LongLinesRecode, LineLimit: 78}
	kinds := []struct {
		head    string
		options Options
	}{
		{"\n", recode},
		{"\n", Options{LongLines: LongLinesWrap, LineLimit: 78}},
		{"Content-Transfer-Encoding: quoted-printable\n\n", recode},
		{"Content-Transfer-Encoding: base64\n\n", recode},
	}
	for _, special := range []string{"\n", " \n", "\t \nx", "\n--x", "é", "=C3=A9", "=\nx", "=", "\r"} {
		for lead := bufferSize - 4; lead <= bufferSize; lead++ {
			text := strings.Repeat("a ", lead/2) + strings.Repeat("a", lead%2) + special + strings.Repeat("b", 100)
			for _, kind := range kinds {
				checkContract(t, []byte(crlf(kind.head+text)), kind.options)
			}
			if t.Failed() {
				t.Fatalf("%q at %d", special, lead)
			}
		}
	}
}

// errorAt is a message of which the bytes from n on cannot be read.
type errorAt struct {
	io.ReaderAt
	n int64
}

var errBroken = errors.New("broken")

func (e errorAt) ReadAt(b []byte, off int64) (int, error) {
	if n := e.n - off; n < int64(len(b)) {
		read, _ := e.ReaderAt.ReadAt(b[:max(n, 0)], off)
		return read, errBroken
	}
	return e.ReaderAt.ReadAt(b, off)
}

func TestReadErrors(t *testing.T) {
	message := crlf("Return-Receipt-To: a\n\n" + strings.Repeat("a ", bufferSize) + "\nend\n")
	src := strings.NewReader(message)
	for _, o := range []Options{
		{LongLines: "recode", LineLimit: limit},
		{LongLines: "wrap", LineLimit: limit},
		{ReadReceipt: "all"},
	} {
		p, err := NewPlan(t.Context(), src, src.Size(), o)
		if err != nil {
			t.Fatal(err)
		}
		for n := int64(0); n < src.Size(); n += 1000 {
			if o.LongLines != "" {
				if _, err := NewPlan(t.Context(), errorAt{src, n}, src.Size(), o); !errors.Is(err, errBroken) {
					t.Fatalf("NewPlan with %d bytes: %v", n, err)
				}
			}
			broken := *p
			broken.message = errorAt{src, n}
			if _, err := broken.WriteTo(io.Discard); !errors.Is(err, errBroken) {
				t.Fatalf("WriteTo with %d bytes: %v", n, err)
			}
		}
	}
	if _, err := NewPlan(t.Context(), src, src.Size()+1, Options{LineLimit: limit}); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("message that is shorter than its size: %v", err)
	}
}

func TestWriteErrors(t *testing.T) {
	message := crlf("A: b\n\n" + strings.Repeat("a ", bufferSize))
	p, err := NewPlan(t.Context(), strings.NewReader(message), int64(len(message)), Options{LongLines: "recode",
		LineLimit: limit})
	if err != nil {
		t.Fatal(err)
	}
	for n := int64(0); n < p.Size(); n += 5000 {
		written, err := p.WriteTo(&shortWriter{left: n})
		if !errors.Is(err, errBroken) || written > n {
			t.Fatalf("%d bytes taken: wrote %d, %v", n, written, err)
		}
	}
}

// shortWriter takes so many bytes.
type shortWriter struct{ left int64 }

func (w *shortWriter) Write(b []byte) (int, error) {
	n := int(min(w.left, int64(len(b))))
	w.left -= int64(n)
	if n < len(b) {
		return n, errBroken
	}
	return n, nil
}

func TestMessageChanged(t *testing.T) {
	message := []byte(crlf("A: b\n\n" + strings.Repeat("a ", limit)))
	p, err := NewPlan(t.Context(), bytes.NewReader(message), int64(len(message)), Options{LongLines: "recode",
		LineLimit: limit})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []string{"\xff", "\n"} {
		copy(message[100:], strings.Repeat(c, 1000))
		if n, err := p.WriteTo(io.Discard); err == nil || n > p.Size() {
			t.Errorf("a changed message was written: %d bytes, %v", n, err)
		}
	}
}
