package rewrite

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
)

// pattern is a message of any size: a head, then a text over and over.
type pattern struct {
	head, text []byte
	size       int64
}

func (p pattern) ReadAt(b []byte, off int64) (int, error) {
	n := 0
	for n < len(b) && off+int64(n) < p.size {
		at := off + int64(n)
		from := p.head
		if at < int64(len(p.head)) {
			from = from[at:]
		} else {
			from = p.text[(at-int64(len(p.head)))%int64(len(p.text)):]
		}
		n += copy(b[n:min(int64(len(b)), p.size-off)], from)
	}
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// mixed is the header of a message of parts.
const mixed = "Content-Type: multipart/mixed; boundary=b\r\n\r\n"

var longLine = strings.Repeat("long line ", 2000)

// hostile are messages that cost much to a careless reader, by size.
var hostile = []struct {
	name    string
	message func(size int) []byte
	refused bool
}{
	{"depth", func(size int) []byte {
		var b strings.Builder
		for i := 0; b.Len() < size; i++ {
			fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
		}
		return []byte(b.String() + "\r\n" + longLine)
	}, true},
	{"messages", func(size int) []byte {
		return []byte(strings.Repeat("Content-Type: message/rfc822\r\n\r\n", size/32) + "\r\n" + longLine)
	}, true},
	{"parts", func(size int) []byte {
		return []byte(mixed + strings.Repeat("--b\r\n\r\n\r\n", size/9) + longLine)
	}, true},
	{"long parts", func(size int) []byte {
		part := "--b\r\n\r\n" + longLine + "\r\n"
		return []byte(mixed + strings.Repeat(part, min(size/len(part), maxParts-2)))
	}, false},
	{"near boundaries", func(size int) []byte {
		var b strings.Builder
		name := strings.Repeat("-", 900)
		for i := range maxDepth - 1 {
			fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=\"%s%d\"\r\n\r\n--%s%d\r\n", name, i, name, i)
		}
		b.WriteString("\r\n")
		for b.Len() < size {
			b.WriteString("--" + name + "x\r\n")
		}
		return []byte(b.String() + longLine)
	}, false},
	{"header", func(size int) []byte {
		return []byte(strings.Repeat("X-Field: value\r\n", size/16) + "\r\n" + longLine)
	}, false},
	{"header line", func(size int) []byte {
		return []byte("X-Field: " + strings.Repeat("value ", size/6) + "\r\n\r\n" + longLine)
	}, false},
	{"folded Content-Type", func(size int) []byte {
		return []byte("Content-Type: text/plain" + strings.Repeat(";\r\n\ta=b", size/9) + "\r\n\r\n" + longLine)
	}, false},
	{"receipts", func(size int) []byte {
		return []byte(strings.Repeat("Return-Receipt-To: a\r\n", max(size/22, maxEdits+1)) + "\r\n")
	}, true},
	{"encodings", func(size int) []byte {
		return []byte(strings.Repeat("Content-Transfer-Encoding: 7bit\r\n", size/33) + "\r\n" + longLine)
	}, true},
	{"boundary blanks", func(size int) []byte {
		return []byte(mixed +
			strings.Repeat("--b"+strings.Repeat(" ", 12_000)+"\r\n\r\n", min(size/12_007, maxParts-2)) + "--b--")
	}, false},
	{"trailing blanks", func(size int) []byte {
		return []byte("Content-Transfer-Encoding: quoted-printable\r\n\r\n" +
			strings.Repeat("="+strings.Repeat(" ", 11_000)+"\r\n", size/11_003))
	}, false},
	{"equals", func(size int) []byte {
		return []byte("Content-Transfer-Encoding: quoted-printable\r\n\r\n" + strings.Repeat("=", size))
	}, false},
	{"bare CR", func(size int) []byte {
		return []byte("A: b\r\n\r\n" + strings.Repeat("\ra", size/2))
	}, false},
	{"NUL", func(size int) []byte {
		return []byte("A: b\r\n\r\n" + strings.Repeat("\x00aaaaaaaaa", size/10))
	}, false},
	{"fields to rename", func(size int) []byte {
		return []byte(strings.Repeat("X-\xfc: \xe9\r\n", min(size/9, maxEdits-1)) + "\r\n")
	}, false},
	{"encoded words", func(size int) []byte {
		return []byte("Subject: " + strings.Repeat("=?x?q?a?= ", min(size, maxField/2)/10) + "\r\n\r\n")
	}, false},
	{"params", func(size int) []byte {
		return []byte("Content-Type: a/b" + strings.Repeat(";a*1*=\xfc", min(size, maxField-100)/8) + "\r\n\r\n")
	}, false},
	{"addresses", func(size int) []byte {
		return []byte("To: " + strings.Repeat("(\xfc\"a,<", min(size, maxField-100)/7) + "\r\n\r\n")
	}, false},
	{"quotes", func(size int) []byte {
		return []byte("Content-Type: a/b;" + strings.Repeat("a=\"\\\";", min(size, maxField-100)/6) + "\r\n\r\n")
	}, false},
	{"parts of data", func(size int) []byte {
		part := "--b\r\nContent-Type: a/b\r\n\r\n\x00\r\n"
		return []byte(mixed + strings.Repeat(part, min(size/len(part), maxParts-2)))
	}, false},
	{"one body line", func(size int) []byte {
		return []byte("A: b\r\n\r\n" + strings.Repeat("x", size))
	}, false},
	{"one header line", func(size int) []byte {
		return []byte("A: " + strings.Repeat("x", size))
	}, false},
	{"one line of a field name", func(size int) []byte {
		return []byte(strings.Repeat("x", size))
	}, false},
	{"no line end", func(size int) []byte {
		return []byte("\r\n" + strings.Repeat("\r", size))
	}, false},

	// What public corpora have, in any size.
	{"base64 with a list's footer", func(size int) []byte {
		line := strings.Repeat("A", 76) + "\r\n"
		return []byte(mixed + "--b\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
			strings.Repeat(line, size/len(line)) + "____\r\nThe list\r\n--b--\r\n")
	}, false},
	{"base64 with blanks", func(size int) []byte {
		line := strings.Repeat("QUJD ", 15) + "!\r\n"
		head := "Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\n"
		return []byte(head + strings.Repeat(line, size/len(line)))
	}, false},
	{"quoted-printable with faults", func(size int) []byte {
		line := "50 = 1 =ZZ =4\xe4 ==41=\r\n"
		return []byte("Content-Transfer-Encoding: quoted-printable\r\n\r\n" + strings.Repeat(line, size/len(line)))
	}, false},
	{"eight bits", func(size int) []byte {
		line := "Falsches \xdcben von Xylophonmusik qu\xe4lt jeden gr\xf6\xdferen Zwerg.\r\n"
		return []byte("Content-Type: text/plain; charset=iso-8859-1\r\n\r\n" + strings.Repeat(line, size/len(line)))
	}, false},
	{"bare LF among CRLF", func(size int) []byte {
		return []byte("A: b\r\n\r\n" + strings.Repeat("some text\r\nmore text\n", size/21))
	}, false},
	{"unknown charset", func(size int) []byte {
		return []byte("Content-Type: text/plain; charset=x-nobody\r\n\r\n" + strings.Repeat("text \xc3\xa4\xc3\r\n", size/10))
	}, false},
	{"UTF-7", func(size int) []byte {
		return []byte("Content-Type: text/plain; charset=utf-7\r\n\r\n" + strings.Repeat("gr+APY-+AN8-er +\r\n", size/18))
	}, false},
	{"data of binary parts", func(size int) []byte {
		part := "--b\r\nContent-Type: a/b\r\nContent-Transfer-Encoding: binary\r\n\r\n" +
			strings.Repeat("\x00\r\xff\n", 500) + "\r\n"
		return []byte(mixed + strings.Repeat(part, min(size/len(part), maxParts-2)+1) + "--b--")
	}, false},
	{"parts with raw fields", func(size int) []byte {
		part := "--b\r\nX-\xfc: \xe9\r\nSubject: \xe9\r\n\r\n\xe9\r\n"
		return []byte(mixed + strings.Repeat(part, min(size/len(part), maxParts-2)))
	}, false},
	{"raw subjects", func(size int) []byte {
		return []byte(strings.Repeat("Subject: \xe9 b\xe9 c d\r\n", min(size/22, 9000)) + "\r\n")
	}, false},
	{"recipients", func(size int) []byte {
		two := ",\r\n B\xe4r <b@ex\xe4mple.org>, c@example.org"
		return []byte("To: a@example.org" + strings.Repeat(two, min(size, maxField-100)/len(two)) + "\r\n\r\n")
	}, false},
	{"lines that are no field", func(size int) []byte {
		return []byte("From: a@example.org\r\n" + strings.Repeat("no field\r\n", min(size/10, maxEdits-10)) + "\r\ntext")
	}, false},
	{"fragment", func(size int) []byte {
		return []byte("Content-Type: message/partial; id=a; number=2\r\n\r\n" + strings.Repeat("text text\r\n", size/11))
	}, false},
	{"appledouble", func(size int) []byte {
		part := "--b\r\nContent-Type: multipart/appledouble; boundary=c\r\n\r\n--c\r\n\r\ntext\r\n--c--\r\n"
		return []byte(mixed + strings.Repeat(part, min(size/len(part), maxParts/3)) + "--b--")
	}, false},
	{"references", func(size int) []byte {
		return []byte("References:" + strings.Repeat(" <a@example.org>\r\n", min(size, maxField-100)/18) + "\r\n")
	}, false},
	{"subject", func(size int) []byte {
		return []byte("Subject:" + strings.Repeat(" =?utf-8?q?=C3=A4?=\r\n", min(size, maxField-100)/21) + "\r\n")
	}, false},
}

// meter notes how much memory is in use while a message is read: a dozen
// samples, of which each collects garbage first.
type meter struct {
	io.ReaderAt
	step, left int64 // bytes between samples, and to the next
	base, most uint64
}

func newMeter(message io.ReaderAt, size int64) *meter {
	return &meter{ReaderAt: message, step: size / 4, base: inUse()}
}

func (m *meter) ReadAt(b []byte, off int64) (int, error) {
	if m.left -= int64(len(b)); m.left <= 0 {
		m.left = m.step
		m.most = max(m.most, inUse())
	}
	return m.ReaderAt.ReadAt(b, off)
}

func (m *meter) used() uint64 { return m.most - min(m.base, m.most) }

func inUse() uint64 {
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return s.HeapAlloc
}

const memoryBound = 16 << 20

func TestHostile(t *testing.T) {
	for _, h := range hostile {
		t.Run(h.name, func(t *testing.T) {
			o := Options{LongLines: LongLinesRecode, LineLimit: 9900, ReadReceipt: ReadReceiptAll}
			message := h.message(200_000)
			m := newMeter(bytes.NewReader(message), int64(len(message)))
			p, err := NewPlan(t.Context(), m, int64(len(message)), o)
			var refused *RefusedError
			if errors.As(err, &refused) != h.refused {
				t.Fatalf("error is %v, refused should be %v", err, h.refused)
			}
			if err == nil {
				_, err = p.WriteTo(io.Discard)
			}
			if err != nil && !h.refused {
				t.Fatal(err)
			}
			if m.used() > memoryBound {
				t.Errorf("%d bytes in use", m.used())
			}
			checkContract(t, message, o)
			o.Uses, o.Stage = UsesAt, StageShed
			checkContract(t, message, o)
		})
	}
}

// TestMemory and BenchmarkLarge repair one large part within the same memory.
func TestMemory(t *testing.T) {
	for _, encoding := range []string{"binary", "base64", "quoted-printable"} {
		if used := repairLarge(t, encoding, 20_000_000); used > memoryBound {
			t.Errorf("%s: %d bytes in use", encoding, used)
		}
	}
}

func BenchmarkLarge(b *testing.B) {
	const size = 500_000_000
	for _, encoding := range []string{"binary", "base64", "quoted-printable"} {
		b.Run(encoding, func(b *testing.B) {
			b.SetBytes(size)
			for b.Loop() {
				b.ReportMetric(float64(repairLarge(b, encoding, size))/1e6, "MB-in-use")
			}
		})
	}
}

// repairLarge returns how much memory was in use.
func repairLarge(t testing.TB, encoding string, size int64) uint64 {
	message := pattern{
		head: []byte("Content-Type: application/pdf\r\nContent-Transfer-Encoding: " + encoding + "\r\n\r\n"),
		text: []byte(strings.Repeat("long", 1<<20) + "\r\n"),
		size: size,
	}
	m := newMeter(message, size)
	p, err := NewPlan(t.Context(), m, size, profileOptions)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := p.WriteTo(io.Discard); err != nil || n <= size {
		t.Fatalf("wrote %d bytes, %v", n, err)
	}
	return m.used()
}

// BenchmarkSizes shows, for every shape and each stage, that time grows with
// size and no faster: the MB/s of all sizes of a row are alike, once a message
// is large enough for its bytes to be what counts. With -short the largest
// sizes are left out.
func BenchmarkSizes(b *testing.B) {
	sizes := []int{10_000, 100_000, 1_000_000, 10_000_000, 100_000_000}
	if testing.Short() {
		sizes = sizes[:3]
	}
	for _, h := range hostile {
		for stage := StageProfile; stage <= StageEnvelope; stage++ {
			for _, size := range sizes {
				b.Run(fmt.Sprintf("%s/%s/%dkB", h.name, stage, size/1000), func(b *testing.B) {
					o := profileOptions
					o.Stage = stage
					message := h.message(size)
					b.SetBytes(int64(len(message)))
					for b.Loop() {
						p, err := NewPlan(b.Context(), bytes.NewReader(message), int64(len(message)), o)
						if err == nil {
							_, err = p.WriteTo(io.Discard)
						}
						if err != nil && !isRefusal(err) {
							b.Fatal(err)
						}
					}
				})
			}
		}
	}
}
