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
	"exgate/config/profile"
	"exgate/proxy/names"
	"exgate/proxy/replies"
	"exgate/proxy/testkit"
)

// nowhere is a client's connection that discards what is written.
type nowhere struct{ net.Conn }

func (nowhere) Write(p []byte) (int, error)      { return len(p), nil }
func (nowhere) SetWriteDeadline(time.Time) error { return nil }
func (nowhere) SetReadDeadline(time.Time) error  { return nil }

// BenchmarkRelay measures the relaying of responses, from the buffer of the upstream's socket to the client's writer.
func BenchmarkRelay(b *testing.B) {
	var list, list2, fetch strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&list, "* LIST (\\HasNoChildren) \"/\" \"Projects/Customer %d/Year %d\"\r\n", i/10, i%10)
		fmt.Fprintf(&list2, "* LIST (\\HasNoChildren) \"/\" \"Projects/Customer %d/Year %d&JCM-\"\r\n", i/10, i%10)
		fmt.Fprintf(&fetch, "* %d FETCH (UID %d FLAGS (\\Seen) RFC822.SIZE 12345)\r\n", i+1, i+1000)
	}
	var headers, envelopes, broken strings.Builder
	for i := range 5000 {
		n := i + 1
		header := fmt.Sprintf("Date: Mon, 1 Jan 2026 00:00:00 +0000\r\nFrom: a%d@example.com\r\nSubject: message %d\r\nMessage-ID: <%d@example.com>\r\n%s\r\n", n, n, n, strings.Repeat("Received: by x\r\n", 20))
		fmt.Fprintf(&headers, "* %d FETCH (UID %d FLAGS (\\Seen) RFC822.SIZE 4096 BODY[HEADER.FIELDS (DATE FROM SUBJECT)] {%d}\r\n%s)\r\n", n, n, len(header), header)
		fmt.Fprintf(&envelopes, "* %d FETCH (UID %d FLAGS (\\Seen) ENVELOPE %s BODYSTRUCTURE (%s NIL (\"inline\" NIL) NIL NIL)%s NIL NIL NIL NIL) \"mixed\" (\"boundary\" \"x\") NIL NIL NIL))\r\n", n, n, testkit.Envelope, testkit.TextPart, testkit.TextPart)
		fmt.Fprintf(&broken, "* %d FETCH (UID %d FLAGS (\\Seen) ENVELOPE %s BODYSTRUCTURE (%s NIL \"inline\" NIL NIL)%s NIL NIL NIL NIL) \"mixed\" (\"boundary\" \"x\") NIL NIL NIL))\r\n", n, n, testkit.Envelope, testkit.TextPart, testkit.TextPart)
	}
	bodies := strings.Repeat("* 1 FETCH (UID 7 BODY[] {50000}\r\n"+strings.Repeat("x", 50_000)+")\r\n", 20)
	for _, bm := range []struct {
		name, data string
		names      folders.Options
		command    string
	}{
		{"flags", fetch.String(), folders.Options{}, "UID FETCH"},
		{"bodies", bodies, folders.Options{}, "UID FETCH"},
		{"headers", headers.String(), folders.Options{}, "UID FETCH"},
		{"list-off", list.String(), folders.Options{}, "LIST"},
		{"list-apart", list.String(), apartNames, "LIST"},
		{"list-changed", list2.String(), apartNames, "LIST"},
		{"list-apart-first", list.String(), apartNames, "LIST"},
		{"list-changed-first", list2.String(), apartNames, "LIST"},
	} {
		b.Run(bm.name, func(b *testing.B) {
			benchmarkRelay(b, bm.data, bm.names, bm.command, "", strings.HasSuffix(bm.name, "-first"))
		})
	}
	for _, bm := range []struct{ name, data, items string }{
		{"flags-repaired", fetch.String(), "(UID FLAGS RFC822.SIZE)"},
		{"bodies-repaired", bodies, "(UID BODY.PEEK[])"},
		{"headers-repaired", headers.String(), "(UID FLAGS RFC822.SIZE BODY.PEEK[HEADER.FIELDS (DATE FROM SUBJECT)])"},
		{"envelopes-repaired", envelopes.String(), "(UID FLAGS ENVELOPE BODYSTRUCTURE)"},
		{"envelopes-broken", broken.String(), "(UID FLAGS ENVELOPE BODYSTRUCTURE)"},
	} {
		b.Run(bm.name, func(b *testing.B) { benchmarkRelay(b, bm.data, folders.Options{}, "UID FETCH", bm.items, false) })
	}
}

// readList returns the list of folders that exgate reads from the replies to LIST.
func readList(b *testing.B, data string) *folders.List {
	list := folders.NewList("")
	for resp := range bytes.Lines([]byte(data)) {
		l, ok := replies.ParseListed(resp)
		if !ok {
			b.Fatalf("%q", resp)
		}
		replies.AddListed(list, resp, &l)
	}
	return list
}

// unpaced returns an account without limits.
func unpaced() *account {
	return &account{Account: &backend.Account{Paces: &backend.Paces{Appends: new(backend.Pace), Fetches: new(backend.Pace)}}}
}

// countedWrites is a client's connection that discards what is written, and counts the writes.
type countedWrites struct {
	nowhere
	n int
}

func (w *countedWrites) Write(p []byte) (int, error) {
	w.n++
	return len(p), nil
}

func benchmarkRelay(b *testing.B, data string, opts folders.Options, verb, items string, first bool) {
	mapped, err := names.New(opts, "alice")
	if err != nil {
		b.Fatal(err)
	}
	nc := new(countedWrites)
	c := &conn{
		srv: &Server{limits: defaultLimits}, log: slog.New(slog.DiscardHandler),
		client: clientSide{nc: nc, w: newClientWriter(nc, time.Minute, nil)},
		login:  &login{profile: &profile.Profile{Name: "exchange2016", Names: opts}, names: mapped, edits: mapped != nil, account: unpaced()},
	}
	cmd := &command{tag: "a1", verb: verb, rule: ruleOf[verb]}
	if items != "" {
		c.login.profile.Replies, c.login.edits = backend.AllReplies(), true
		f := replies.NewFetching(cmd.tag, verb, c.login.profile.Replies, "1:*", replies.WithoutSections(items), items,
			c.repaired, c.log)
		if cmd.Editor = f; strings.Contains(items, "BODY.PEEK[") { // as amend.Fetch does it
			f.CountTexts()
		}
	}
	c.link.flight = []*command{cmd}
	have := folders.NewList("")
	r := &relay{c: c}
	c.link.sink.Store(r)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if first { // the list is collected, but not requested yet
			b.StopTimer()
			have = readList(b, data)
			b.StartTimer()
		}
		if mapped != nil {
			cmd.Editor = &replies.Listing{Mapper: mapped.Mapper, Separator: mapped.Options.Separator, List: have, Patterns: []string{"*"}, All: have.Pass()}
		}
		if err := relayAll(r, strings.NewReader(data)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(nc.n)/float64(b.N), "writes/op")
	if want := int64(len(data)); bytes.Contains([]byte(data), []byte("JCM-")) {
		b.ReportMetric(float64(c.client.w.sent.Load())/float64(want)/float64(b.N), "written/read")
	}
}

func relayAll(r *relay, src io.Reader) error {
	reader := wire.NewResponseReader(src)
	defer reader.Release()
	for {
		oneByOne := 0 // bytes of FETCH responses that the relay does not want at once
		for {
			if oneByOne <= 0 && reader.MayHaveFetches() {
				run := reader.Fetches()
				taken, err := false, error(nil)
				if len(run.Data) > 0 {
					taken, err = r.TakeFetches(run)
				}
				switch {
				case err != nil:
					return err
				case taken:
					reader.TakeFetches(run)
				default:
					oneByOne = len(run.Data)
				}
			}
			f, ok := reader.Scan()
			if !ok {
				break
			}
			oneByOne -= len(f.Data)
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
