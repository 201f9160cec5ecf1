package proxy

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/iotest"

	"exgate/backend"
	"exgate/backend/wire"
	"exgate/config/profile"
	"exgate/proxy/replies"
	"exgate/proxy/testkit"
)

// keptWrites is a client's connection that keeps what is written.
type keptWrites struct {
	nowhere
	bytes.Buffer
}

func (w *keptWrites) Write(p []byte) (int, error) { return w.Buffer.Write(p) }

var _ net.Conn = (*keptWrites)(nil)

// FETCH responses that pass at once are those that pass one by one.
func TestFetchesPassAtOnceOrOneByOne(t *testing.T) {
	flags := strings.Repeat("* 3 FETCH (UID 7 FLAGS (\\Seen) RFC822.SIZE 12)\r\n", 2000)
	headers := strings.Repeat("* 3 FETCH (UID 7 RFC822.SIZE 12 BODY[HEADER] {13}\r\nSubject:  x\r\n)\r\n", 2000)
	substitute := "Subject: Retrieval using the IMAP4 protocol failed for the following message: 5\r\nX: Microsoft Exchange Server\r\n\r\n"
	tests := map[string]struct {
		items, data string
		atOnce      bool // some of them pass at once
	}{
		"flags":              {"(UID FLAGS)", flags, true},
		"sizes":              {"(UID RFC822.SIZE)", flags, true},
		"a wrong size":       {"(UID RFC822.SIZE)", flags + "* 2 FETCH (UID 6 RFC822.SIZE -1)\r\n", true},
		"a size behind text": {"(RFC822.SIZE BODY.PEEK[HEADER])", "* 2 FETCH (BODY[HEADER] {2}\r\n\r\n RFC822.SIZE -1)\r\n" + flags, false},
		"unasked":            {"(UID FLAGS)", "* 5 EXISTS\r\n" + flags + "* 1 EXPUNGE\r\n" + flags + "* 3 RECENT\r\n", true},
		"above EXISTS":       {"(UID FLAGS)", flags + "* 900 FETCH (UID 99 FLAGS ())\r\n" + flags, true},
		"blanks":             {"(UID FLAGS)", flags + "* 2 FETCH (UID  6 FLAGS () ) \r\n" + flags, true},
		"envelopes":          {"(ENVELOPE)", "* 1 FETCH (ENVELOPE " + testkit.Envelope + ")\r\n" + flags, false},
		"stray lines":        {"(FLAGS)", flags + "\r\nCAPABILITY completed.\r\n" + flags, true},
		"headers":            {"(UID RFC822.SIZE BODY.PEEK[HEADER])", headers, true},
		"headers, then size": {"(UID BODY.PEEK[HEADER] RFC822.SIZE)", headers + "* 2 FETCH (RFC822.SIZE -1 BODY[HEADER] {2}\r\nx\n)\r\n" + headers, true},
		"headers in blanks":  {"(UID BODY.PEEK[HEADER])", headers + "* 2 FETCH (UID  5 BODY[HEADER] {2}\r\nx\n)\r\n" + headers, true},
		"headers and flags":  {"(UID BODY.PEEK[HEADER])", headers + flags + headers + flags, true},
		"headers cut":        {"(UID BODY.PEEK[HEADER]<0.2>)", "* 2 FETCH (BODY[HEADER]<0> {5}\r\nx: y\n)\r\n" + headers, false},
		"a substitute":       {"(UID BODY.PEEK[HEADER])", headers + fmt.Sprintf("* 2 FETCH (BODY[HEADER] {%d}\r\n%s)\r\n", len(substitute), substitute) + headers, true},
		"headers to nobody":  {"(ENVELOPE)", headers, false},
		"literals":           {"(UID BODY[])", "* 1 FETCH (UID 7 BODY[] {5}\r\nx\r\n)\r)\r\n" + flags, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			relayed := func(src io.Reader, isAtOnce bool) (string, int) {
				out := new(keptWrites)
				c := &conn{
					srv: &Server{limits: defaultLimits}, log: slog.New(slog.DiscardHandler),
					client: clientSide{nc: out, w: newClientWriter(out, testkit.WaitLimit, nil)},
					login:  &login{profile: &profile.Profile{Name: "exchange2016", Replies: backend.AllReplies()}, edits: true, account: unpaced()},
				}
				c.link.view.Mailbox, c.link.view.Exists = "INBOX", 100
				cmd := &command{tag: "a1", verb: "UID FETCH", rule: ruleOf["UID FETCH"]}
				items := replies.WithoutSections(tt.items)
				f := replies.NewFetching("a1", "UID FETCH", backend.AllReplies(), "1:*", items, tt.items, c.repaired, c.log)
				f.CountTexts()
				if f.CanEdit() {
					cmd.Editor = f
				}
				c.link.flight = []*command{cmd}
				r := &relay{c: c}
				c.link.sink.Store(r)
				reader := wire.NewResponseReader(src)
				defer reader.Release()
				taken := 0
				for reader.Fill() == nil {
					for {
						if run := reader.Fetches(); isAtOnce && len(run.Data) > 0 {
							if ok, err := r.TakeFetches(run); err != nil {
								t.Fatal(err)
							} else if ok {
								reader.TakeFetches(run)
								taken++
							}
						}
						fragment, ok := reader.Scan()
						if !ok {
							break
						}
						if err := r.Take(fragment); err != nil {
							t.Fatal(err)
						}
					}
					if err := r.Flush(); err != nil {
						t.Fatal(err)
					}
				}
				seen, _ := f.Seen()
				return fmt.Sprintf("%s%d texts of %d messages", out.String(), f.Texts(), seen.Count()), taken
			}
			want, _ := relayed(strings.NewReader(tt.data), false)
			for how, src := range map[string]io.Reader{
				"whole": strings.NewReader(tt.data), "by halves": iotest.HalfReader(strings.NewReader(tt.data)),
				"by bytes": iotest.OneByteReader(strings.NewReader(tt.data)),
			} {
				got, taken := relayed(src, true)
				if got != want {
					t.Errorf("%s: %d bytes, want the %d bytes that pass one by one", how, len(got), len(want))
				}
				isLiteral := strings.Contains(tt.data, "}\r\n") // whose line has been relayed when its end comes
				if tt.atOnce && taken == 0 && !(isLiteral && how == "by bytes") {
					t.Errorf("%s: nothing passed at once", how)
				}
			}
		})
	}
}
