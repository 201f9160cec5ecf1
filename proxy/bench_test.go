package proxy

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"exgate/backend"
	"exgate/backend/folders"
	"exgate/backend/wire"
)

// nowhere is a client that takes everything.
type nowhere struct{ net.Conn }

func (nowhere) Write(p []byte) (int, error)      { return len(p), nil }
func (nowhere) SetWriteDeadline(time.Time) error { return nil }
func (nowhere) SetReadDeadline(time.Time) error  { return nil }

// BenchmarkRelay measures what the gateway adds to what an upstream says, from
// its socket's buffer to the client's writer.
func BenchmarkRelay(b *testing.B) {
	var list, list2, fetch strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&list, "* LIST (\\HasNoChildren) \"/\" \"Projects/Customer %d/Year %d\"\r\n", i/10, i%10)
		fmt.Fprintf(&list2, "* LIST (\\HasNoChildren) \"/\" \"Projects/Customer %d/Year %d&JCM-\"\r\n", i/10, i%10)
		fmt.Fprintf(&fetch, "* %d FETCH (UID %d FLAGS (\\Seen) RFC822.SIZE 12345)\r\n", i+1, i+1000)
	}
	bodies := strings.Repeat("* 1 FETCH (UID 7 BODY[] {50000}\r\n"+strings.Repeat("x", 50_000)+")\r\n", 20)
	for _, bm := range []struct {
		name, data string
		names      folders.Options
		command    string
	}{
		{"flags", fetch.String(), folders.Options{}, "UID FETCH"},
		{"bodies", bodies, folders.Options{}, "UID FETCH"},
		{"list-off", list.String(), folders.Options{}, "LIST"},
		{"list-apart", list.String(), apartNames, "LIST"},
		{"list-changed", list2.String(), apartNames, "LIST"},
	} {
		b.Run(bm.name, func(b *testing.B) { benchmarkRelay(b, bm.data, bm.names, bm.command) })
	}
}

func benchmarkRelay(b *testing.B, data string, opts folders.Options, verb string) {
	names, err := newNames(opts, "alice")
	if err != nil {
		b.Fatal(err)
	}
	c := &conn{
		srv: &Server{limits: defaultLimits}, log: slog.New(slog.DiscardHandler), nc: nowhere{},
		w: &clientWriter{nc: nowhere{}, timeout: time.Minute}, wake: make(chan struct{}, 1),
		login: &login{policy: Policy{Name: "exchange2016", Names: opts}, names: names, edits: names != nil, account: &account{Account: new(backend.Account)}},
	}
	cmd := &command{tag: "a1", verb: verb, route: routes[verb]}
	c.flight = []*command{cmd}
	have := folders.NewList("")
	r := &relay{c: c}
	c.relay.Store(r)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if names != nil {
			cmd.editor = &listing{c: c, list: have, patterns: []string{"*"}, fresh: have.Fresh()}
		}
		if err := relayAll(r, strings.NewReader(data)); err != nil {
			b.Fatal(err)
		}
	}
	if want := int64(len(data)); bytes.Contains([]byte(data), []byte("JCM-")) {
		b.ReportMetric(float64(c.w.sent.Load())/float64(want)/float64(b.N), "written/read")
	}
}

func relayAll(r *relay, src io.Reader) error {
	reader := wire.NewResponseReader(src)
	defer reader.Release()
	for {
		for f, ok := reader.Scan(); ok; f, ok = reader.Scan() {
			if err := r.Take(f); err != nil {
				return err
			}
		}
		if err := r.Flush(); err != nil {
			return err
		}
		if err := reader.Fill(); err != nil {
			return nil
		}
	}
}
