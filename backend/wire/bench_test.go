package wire

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
)

func BenchmarkResponseReader(b *testing.B) {
	header := strings.Repeat("Received: from a.example.com by b.example.com; Sun, 22 Nov 2026 10:00:00 +0000\r\n",
		4) + "\r\n"
	var headers, flags, bodies bytes.Buffer
	for i := 1; i <= 5000; i++ {
		fmt.Fprintf(&headers, "* %d FETCH (UID %d FLAGS (\\Seen) BODY[HEADER] {%d}\r\n%s)\r\n", i, i, len(header), header)
		fmt.Fprintf(&flags, "* %d FETCH (UID %d FLAGS (\\Seen))\r\n", i, i)
	}
	body := strings.Repeat(strings.Repeat("x", 70)+"\r\n", bufferSize/72)
	for i := 1; i <= 100; i++ {
		fmt.Fprintf(&bodies, "* %d FETCH (UID %d BODY[] {%d}\r\n%s)\r\n", i, i, len(body), body)
	}
	for _, bb := range []struct {
		name string
		data []byte
		n    int
	}{
		{"headers", headers.Bytes(), 5000}, {"flags", flags.Bytes(), 5000}, {"bodies", bodies.Bytes(), 100},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.SetBytes(int64(len(bb.data)))
			b.ReportAllocs()
			for b.Loop() {
				r := NewResponseReader(bytes.NewReader(bb.data))
				n := 0
				for r.Fill() == nil {
					for f, ok := r.Scan(); ok; f, ok = r.Scan() {
						if f.Last {
							n++
						}
					}
				}
				r.Release()
				if n != bb.n {
					b.Fatalf("%d responses", n)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(bb.n), "ns/response")
		})
	}
}

func BenchmarkCommandReader(b *testing.B) {
	for _, bb := range []struct{ name, command string }{
		{"NOOP", "a1 NOOP\r\n"},
		{"UID FETCH", "a1 UID FETCH 1:100 (FLAGS BODY.PEEK[HEADER.FIELDS (\"DATE\" FROM)])\r\n"},
		{"APPEND", "a1 APPEND \"Sent Items\" (\\Seen) {20+}\r\nSubject: x\r\n\r\ntext\r\n\r\n"},
	} {
		const commands = 1000
		data := []byte(strings.Repeat(bb.command, commands))
		for _, how := range []string{"pipelined", "one at a time"} {
			b.Run(bb.name+" "+how, func(b *testing.B) {
				b.SetBytes(int64(len(data)))
				b.ReportAllocs()
				for b.Loop() {
					var src io.Reader = bytes.NewReader(data)
					if how == "one at a time" {
						src = &perRead{data: data, size: len(bb.command)}
					}
					if n := drain(b, src); n != commands {
						b.Fatalf("%d commands", n)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/commands, "ns/command")
			})
		}
	}
}

// drain reads commands to the end and counts them.
func drain(b *testing.B, src io.Reader) (n int) {
	r := NewCommandReader(src)
	for {
		line, err := r.ReadLine(MaxLine)
		if err == io.EOF {
			return n
		}
		if err != nil {
			b.Fatal(err)
		}
		n++
		_, lit, err := CheckLine(line)
		if err != nil {
			b.Fatal(err)
		}
		if lit != nil {
			if _, err := r.WriteLiteral(io.Discard, lit.Size); err != nil {
				b.Fatal(err)
			}
			if _, err := r.ReadLine(MaxLine); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// perRead gives at most size bytes in a read.
type perRead struct {
	data []byte
	size int
}

func (r *perRead) Read(p []byte) (int, error) {
	if len(r.data) == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.data[:min(r.size, len(r.data))])
	r.data = r.data[n:]
	return n, nil
}
