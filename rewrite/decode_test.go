package rewrite

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"math/rand/v2"
	"mime/quotedprintable"
	"strings"
	"testing"
	"testing/iotest"
)

func unquoted(t *testing.T, text string) string {
	t.Helper()
	got, err := io.ReadAll(decoder("quoted-printable", io.NewSectionReader(strings.NewReader(text), 0, int64(len(text)))))
	if err != nil {
		t.Fatal(err)
	}
	return string(got)
}

func TestUnquote(t *testing.T) {
	long := strings.Repeat("x", 2*bufferSize)
	for text, want := range map[string]string{
		"":                             "",
		"=C3=a4 \t\r\nb \nc\r\n":       "ä\r\nb\nc\r\n",
		"soft =\r\nbreak= \t\r\n=\r\n": "soft break",
		"50 = 1 =ZZ =4\r\n\xe4 ==41=":  "50 = 1 =ZZ =4\r\n\xe4 =A",
		"=0D=0A=\n \n":                 "\r\n\n",
		"a\rb\r\r\n":                   "a\rb\r\r\n",
		long + "=41":                   long + "A",
		long + "=\r\n" + long:          long + long,
		"\r\n" + strings.Repeat(" ", 2*bufferSize+5) + "=41": "\r\n" + strings.Repeat(" ", 2*bufferSize+5) + "A",
	} {
		if got := unquoted(t, text); got != want {
			t.Errorf("%.80q: %.80q, %d bytes, want %.80q, %d bytes", text, got, len(got), want, len(want))
		}
	}
	// Codes wherever the buffer ends.
	for lead := range 8 {
		text := strings.Repeat("x", bufferSize-lead) + "=C3=A4=\r\n=zz= \r\n."
		if got, want := unquoted(t, text), text[:bufferSize-lead]+"ä=zz."; got != want {
			t.Errorf("%d before the end: %q, want %q", lead, got[bufferSize-lead:], want[bufferSize-lead:])
		}
	}
}

// What has no fault is read as the library reads it.
func TestUnquoteIsTheLibrarys(t *testing.T) {
	for seed := range 300 {
		m := &messages{Rand: rand.New(rand.NewPCG(uint64(seed), 2))}
		var b bytes.Buffer
		w := quotedprintable.NewWriter(&b)
		if _, err := io.WriteString(w, m.text()+m.text()); err != nil {
			t.Fatal(err)
		}
		w.Close()
		want, err := io.ReadAll(quotedprintable.NewReader(bytes.NewReader(b.Bytes())))
		if err != nil {
			t.Fatal(err)
		}
		if got := unquoted(t, b.String()); got != string(want) {
			t.Fatalf("seed %d: %q, want %q", seed, got, want)
		}
	}
}

func TestUnquoteTellsOfFaultsOfReading(t *testing.T) {
	r := iotest.TimeoutReader(strings.NewReader(strings.Repeat("x", 3*bufferSize))) // the second reading fails
	body := io.NewSectionReader(readerAt{r}, 0, 3*bufferSize)
	if _, err := io.ReadAll(decoder("quoted-printable", body)); err != iotest.ErrTimeout {
		t.Errorf("%v", err)
	}
}

// readerAt reads on, wherever it is asked to.
type readerAt struct{ io.Reader }

func (r readerAt) ReadAt(b []byte, _ int64) (int, error) { return r.Read(b) }

// An attachment is taken out whole, whatever is wrong with its encoding, or the
// original is kept.
func TestDetachBroken(t *testing.T) {
	const filler = 20_000
	letters := strings.Repeat("QUJD\r\n", filler/6)
	for _, test := range []struct {
		name, encoding, body, file string
		lossy                      bool
	}{
		{"quoted-printable", "quoted-printable", "a =ZZ b\xe4\r\n" + strings.Repeat("x", filler) + "\r\nend", "a =ZZ b\xe4\r\n" + strings.Repeat("x", filler) + "\r\nend", false},
		{"sound base64", "base64", letters, strings.Repeat("ABC", filler/6), false},
		{"a list's footer", "base64", letters + "QQ==\r\n____\r\nThe list\r\n", strings.Repeat("ABC", filler/6) + "A", true},
		{"two in one", "base64", "QQ==\r\n" + letters, "A", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			message := "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ntext\r\n--b\r\nContent-Type: application/pdf\r\n" +
				"Content-Transfer-Encoding: " + test.encoding + "\r\n\r\n" + test.body + "\r\n--b--\r\n"
			_, plan, err := rewriteBytes(t, []byte(message), Options{Oversize: OversizeDetach, SizeLimit: 10_000})
			if err != nil || len(plan.Report().Detached) != 1 {
				t.Fatalf("%v, %+v", err, plan)
			}
			var file bytes.Buffer
			if _, err := plan.Report().Detached[0].WriteTo(&file); err != nil || file.String() != test.file {
				t.Errorf("%v, %d bytes, want %d", err, file.Len(), len(test.file))
			}
			if got := plan.Report().Lossy; got != test.lossy {
				t.Errorf("lossy: %t", got)
			}
			if _, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(test.body, "\r\n", "")); test.encoding == "base64" && (err != nil) != test.lossy {
				t.Errorf("the library: %v", err)
			}
		})
	}
}

// progressing fails where a reader returns nothing and no error, which those
// who read on would wait for without end.
type progressing struct{ io.Reader }

var errNoProgress = errors.New("a reader returned 0, nil")

func (r progressing) Read(b []byte) (int, error) {
	n, err := r.Reader.Read(b)
	if n == 0 && err == nil && len(b) > 0 {
		return 0, errNoProgress
	}
	return n, err
}

// Every reader of the package reads whatever size it is asked for.
func TestReadersProgress(t *testing.T) {
	long := strings.Repeat("QUJD", 2*bufferSize/4)
	for _, encoded := range []struct{ encoding, body string }{
		{"base64", ""}, {"base64", "="}, {"base64", "Q"}, {"base64", "QQ"}, {"base64", "QUI"}, {"base64", "Q\r\nU\r\nJ"},
		{"base64", "QUJD\r\n____\r\nA list"}, {"base64", "QUJDQQ==\r\nUUU="}, {"base64", long}, {"base64", long + "Q"},
		{"base64", "!" + long + "QQ==\r\n____\r\nA list"}, {"base64", strings.Repeat("!", 3*bufferSize)},
		{"quoted-printable", ""}, {"quoted-printable", "="}, {"quoted-printable", "=\r\n"}, {"quoted-printable", long + "=4"},
		{"quoted-printable", strings.Repeat(" ", 3*bufferSize)}, {"quoted-printable", strings.Repeat("=\r\n", bufferSize)},
		{"7bit", "text"},
	} {
		read := func() io.Reader {
			body := io.NewSectionReader(strings.NewReader(encoded.body), 0, int64(len(encoded.body)))
			return progressing{decoder(encoded.encoding, body)}
		}
		want, err := io.ReadAll(read())
		if err != nil {
			t.Fatalf("%s %.40q: %v", encoded.encoding, encoded.body, err)
		}
		if err := iotest.TestReader(read(), want); err != nil {
			t.Errorf("%s %.40q: %v", encoded.encoding, encoded.body, err)
		}
		got, err := io.ReadAll(iotest.OneByteReader(read()))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s %.40q: one byte at a time: %d bytes of %d, %v", encoded.encoding, encoded.body, len(got), len(want),
				err)
		}
	}
}

// Base64 without a fault is read as the library reads it, wherever the buffer
// ends.
func TestUnbase64IsTheLibrarys(t *testing.T) {
	for size := bufferSize/4*3 - 200; size < bufferSize/4*3+200; size++ {
		content := bytes.Repeat([]byte{0x5a, 0xff, 0x00, 0x13, 0x88}, size/5+1)[:size]
		body := base64.StdEncoding.EncodeToString(content)
		got, err := io.ReadAll(newUnbase64(io.NewSectionReader(strings.NewReader(body), 0, int64(len(body)))))
		if err != nil || !bytes.Equal(got, content) {
			t.Fatalf("%d bytes: %d, %v", size, len(got), err)
		}
	}
}
