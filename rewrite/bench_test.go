package rewrite

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"
)

const benchSize = 32 << 20

// cleanMessage is base64 in lines of 76, as most bytes of most mail are.
func cleanMessage(size int) []byte {
	head := "From: a@example.org\r\nMIME-Version: 1.0\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\n"
	line := strings.Repeat("QUJD", 19) + "\r\n"
	return []byte(head + strings.Repeat(line, (size-len(head))/len(line)))
}

// longMessage has a body of the content type with lines of 20,000 bytes.
func longMessage(contentType, encoding, text string, size int) []byte {
	line := strings.Repeat(text, 20_000/len(text)) + "\r\n"
	return []byte("From: a@example.org\r\nMIME-Version: 1.0\r\nContent-Type: " + contentType +
		"\r\nContent-Transfer-Encoding: " + encoding + "\r\n\r\n" + strings.Repeat(line, size/len(line)))
}

// profileOptions are those of the profiles.
var profileOptions = Options{LongLines: LongLinesRecode, LineLimit: 9900, ReadReceipt: ReadReceiptAll, Uses: UsesAt}

func BenchmarkClean(b *testing.B) {
	message := cleanMessage(benchSize)
	// What a scan of memory costs: every line end, as this package needs them.
	b.Run("IndexByte", func(b *testing.B) {
		b.SetBytes(int64(len(message)))
		b.ReportAllocs()
		for b.Loop() {
			for rest := message; ; {
				i := bytes.IndexByte(rest, '\n')
				if i < 0 {
					break
				}
				rest = rest[i+1:]
			}
		}
	})
	// The same for one byte that does not occur: the fastest that memory can be
	// looked at.
	b.Run("IndexByte-absent", func(b *testing.B) {
		b.SetBytes(int64(len(message)))
		for b.Loop() {
			if bytes.IndexByte(message, 0) >= 0 {
				b.Fatal("a NUL")
			}
		}
	})
	// What reading costs: the least that any scan of a ReaderAt can take.
	b.Run("ReadAt", func(b *testing.B) {
		b.SetBytes(int64(len(message)))
		b.ReportAllocs()
		src, buf := bytes.NewReader(message), make([]byte, bufferSize)
		for b.Loop() {
			for off := int64(0); off < int64(len(message)); off += bufferSize {
				src.ReadAt(buf, off)
			}
		}
	})
	o := profileOptions
	b.Run("NewPlan", func(b *testing.B) { benchPlan(b, message, o, false) })
	b.Run("NewPlan-copied", func(b *testing.B) { benchFrom(b, bytes.NewReader(message), int64(len(message)), o, false) })
	b.Run("NewPlan+WriteTo", func(b *testing.B) { benchPlan(b, message, o, true) })
	for _, size := range []int{1 << 10, 50 << 10} {
		b.Run(fmt.Sprintf("NewPlan+WriteTo-%dkB", size>>10), func(b *testing.B) { benchPlan(b, cleanMessage(size), o, true) })
	}
	b.Run("LinesOf9000", func(b *testing.B) {
		benchPlan(b, []byte("A: b\r\n\r\n"+strings.Repeat(strings.Repeat("x", 9000)+"\r\n", benchSize/9002)), o, false)
	})
}

// BenchmarkCleanRatio tells how fast a clean message is planned beside one
// bytes.IndexByte over the same memory, in turns, since other loads of the
// machine concern both: 1.0 is as fast.
func BenchmarkCleanRatio(b *testing.B) {
	for _, bench := range []struct {
		name    string
		message []byte
	}{
		{"base64", cleanMessage(benchSize)},
		{"text", cleanText(benchSize)},
		{"longest-lines", []byte("A: b\r\n\r\n" + strings.Repeat(strings.Repeat("x", 9000)+"\r\n", benchSize/9002))},
	} {
		b.Run(bench.name, func(b *testing.B) {
			src := heldBytes{bytes.NewReader(bench.message), bench.message}
			var ratios []float64
			for b.Loop() {
				start := time.Now()
				if bytes.IndexByte(bench.message, 0) >= 0 {
					b.Fatal("a NUL")
				}
				between := time.Now()
				if _, err := NewPlan(b.Context(), src, int64(len(bench.message)), profileOptions); err != nil {
					b.Fatal(err)
				}
				ratios = append(ratios, float64(between.Sub(start))/float64(time.Since(between)))
			}
			slices.Sort(ratios)
			b.ReportMetric(ratios[len(ratios)/2], "of-IndexByte")
		})
	}
}

// cleanText is English text in lines of all lengths.
func cleanText(size int) []byte {
	var b bytes.Buffer
	b.WriteString("From: a@example.org\r\n\r\n")
	text := strings.Repeat("The quick brown fox jumps over the lazy dog. ", 3)
	for n := 0; b.Len() < size; n++ {
		b.WriteString(text[:20+n*37%59] + "\r\n")
	}
	return b.Bytes()
}

func BenchmarkRecode(b *testing.B) {
	for _, bench := range []struct{ name, contentType, encoding, text string }{
		{"text", "text/plain", "7bit", "The quick brown fox jumps over the lazy dog. "},
		{"german", "text/plain; charset=utf-8", "8bit", "Falsches Üben von Xylophonmusik quält jeden größeren Zwerg. "},
		{"russian", "text/plain; charset=utf-8", "8bit", "Съешь же ещё этих мягких французских булок, да выпей чаю. "},
		{"data", "application/pdf", "binary", "%PDF-1.4 \x00\xff\x80 "},
		{"base64", "image/png", "base64", "QUJD"},
		{"quoted-printable", "text/plain", "quoted-printable", "=C3=BCber alles "},
	} {
		b.Run(bench.name, func(b *testing.B) {
			benchPlan(b, longMessage(bench.contentType, bench.encoding, bench.text, benchSize),
				profileOptions, true)
		})
	}
	refused := profileOptions
	refused.Stage = StageRefused
	b.Run("eight-bit", func(b *testing.B) {
		text := strings.Repeat("Falsches Üben von Xylophonmusik quält jeden größeren Zwerg.\r\n", benchSize/64)
		benchPlan(b, []byte("From: a@example.org\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"+text), refused, true)
	})
	b.Run("line-endings", func(b *testing.B) {
		benchPlan(b, []byte("From: a@example.org\n\n"+strings.Repeat(strings.Repeat("QUJD", 19)+"\n", benchSize/77)), profileOptions, true)
	})
	b.Run("wrap", func(b *testing.B) {
		benchPlan(b, longMessage("text/plain", "7bit", "The quick brown fox. ", benchSize),
			Options{LongLines: LongLinesWrap, LineLimit: 9900}, true)
	})
}

// heldBytes is a message in memory, as the gateway's spool is.
type heldBytes struct {
	*bytes.Reader
	b []byte
}

func (h heldBytes) Bytes() []byte { return h.b }

func benchPlan(b *testing.B, message []byte, o Options, write bool) {
	benchFrom(b, heldBytes{bytes.NewReader(message), message}, int64(len(message)), o, write)
}

func benchFrom(b *testing.B, src io.ReaderAt, size int64, o Options, write bool) {
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		p, err := NewPlan(b.Context(), src, size, o)
		if err != nil {
			b.Fatal(err)
		}
		if write {
			if _, err := p.WriteTo(io.Discard); err != nil {
				b.Fatal(err)
			}
		}
	}
}
