package exchangesim

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testNow makes UIDVALIDITY and dates the same in every run.
var testNow = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

// waitLimit is how long a test waits for what must come.
const waitLimit = 10 * time.Second

// startServer serves on a free port of loopback until the test ends.
func startServer(t *testing.T, cfg Config, mode Mode) (*Server, string) {
	t.Helper()
	if cfg.Now == nil {
		cfg.Now = func() time.Time { return testNow }
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l, mode) }()
	t.Cleanup(func() {
		s.Close()
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return s, l.Addr().String()
}

// testClient speaks lines and keeps what was said.
type testClient struct {
	t    *testing.T
	conn net.Conn
	r    *bufio.Reader
	said []string
}

func dial(t *testing.T, addr string) *testClient {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	c := &testClient{t: t}
	c.attach(nc)
	return c
}

func (c *testClient) attach(nc net.Conn) {
	if err := nc.SetDeadline(time.Now().Add(waitLimit)); err != nil {
		c.t.Fatal(err)
	}
	c.conn, c.r = nc, bufio.NewReader(nc)
}

func (c *testClient) startTLS(s *Server) {
	c.t.Helper()
	pool, err := s.RootCAs()
	if err != nil {
		c.t.Fatal(err)
	}
	tc := tls.Client(c.conn, &tls.Config{RootCAs: pool, ServerName: "localhost"})
	if err := tc.Handshake(); err != nil {
		c.t.Fatalf("TLS handshake: %v", err)
	}
	c.attach(tc)
}

// C sends a line. Where the server has hung up meanwhile, the next S shows it.
func (c *testClient) C(line string) {
	c.said = append(c.said, "C: "+line)
	_, _ = io.WriteString(c.conn, line+"\r\n")
}

// S expects a line; "…" at its end stands for any more.
func (c *testClient) S(want string) {
	c.t.Helper()
	line, err := c.r.ReadString('\n')
	if err != nil {
		c.fatalf("want %q, got %q and %v", want, line, err)
	}
	got, ok := strings.CutSuffix(line, "\r\n")
	c.said = append(c.said, "S: "+got)
	prefix, isPrefix := strings.CutSuffix(want, "…")
	if !ok || got != want && !(isPrefix && strings.HasPrefix(got, prefix)) {
		c.fatalf("want %q", want)
	}
}

// closed expects the server to hang up.
func (c *testClient) closed() {
	c.t.Helper()
	if b, err := c.r.ReadByte(); !isHangUp(err) {
		c.fatalf("want the end of the connection, got byte %q, error %v", b, err)
	}
}

// isHangUp is true of the end of a connection, in whatever way, but not of a
// test that waited too long.
func isHangUp(err error) bool {
	var op *net.OpError
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &op) && !op.Timeout()
}

func (c *testClient) fatalf(format string, v ...any) {
	c.t.Helper()
	for i, line := range c.said {
		if len(line) > 200 {
			c.said[i] = line[:200] + "…"
		}
	}
	c.t.Fatalf("%s\n%s", fmt.Sprintf(format, v...), strings.Join(c.said, "\n"))
}

// transcript is a session to replay, read from testdata/transcripts:
//
//	# profile exchange2010        settings, before anything else: also quirk,
//	# fault throttle:3s           fault, mode (plaintext, starttls), seed USER
//	C: a1 APPEND INBOX {#}        what the client sends; {#} or {#+} is the size
//	S: + Ready…                   of the L lines next to come; what must come
//	L: Subject: [x*300]           back; a line of a literal; x 300 times
//	TLS                           the client's handshake
//	CLOSED                        the server hangs up
//	O: alice INBOX 1 flagged      what Outlook shows: flagged, receipt, category=…
//
// C2 and S2 are a second client.
type transcript struct {
	cfg   Config
	mode  Mode
	seed  string
	lines []string
}

var repeated = regexp.MustCompile(`\[(.+?)\*(\d+)\]`)

func readTranscript(t *testing.T, file string) transcript {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	tr := transcript{mode: InsecurePlaintext}
	for line := range strings.Lines(string(b)) {
		line = strings.TrimRight(line, "\r\n")
		key, value, _ := strings.Cut(strings.TrimPrefix(line, "# "), " ")
		switch {
		case !strings.HasPrefix(line, "# "):
			line = repeated.ReplaceAllStringFunc(line, func(s string) string {
				m := repeated.FindStringSubmatch(s)
				n, _ := strconv.Atoi(m[2])
				return strings.Repeat(m[1], n)
			})
			tr.lines = append(tr.lines, line)
		case key == "profile":
			tr.cfg.Profile = value
		case key == "quirk":
			tr.cfg.Quirks = append(tr.cfg.Quirks, value)
		case key == "fault":
			tr.cfg.Faults = append(tr.cfg.Faults, value)
		case key == "seed":
			tr.seed = value
		case key == "mode":
			tr.mode = map[string]Mode{"plaintext": InsecurePlaintext, "starttls": StartTLS}[value]
		}
	}
	return tr
}

// withSize puts the size of the L lines that follow into the place of "#".
func withSize(line string, following []string) string {
	n, begun := 0, false
	for _, next := range following {
		text, ok := strings.CutPrefix(next, "L:")
		if ok {
			begun = true
			n += len(strings.TrimPrefix(text, " ")) + len("\r\n")
		} else if begun {
			break
		}
	}
	return strings.NewReplacer("{#}", fmt.Sprintf("{%d}", n), "{#+}", fmt.Sprintf("{%d+}", n)).Replace(line)
}

func (tr transcript) run(t *testing.T) {
	s, addr := startServer(t, tr.cfg, tr.mode)
	if tr.seed != "" {
		if err := s.Seed(tr.seed); err != nil {
			t.Fatal(err)
		}
	}
	clients := map[string]*testClient{"1": dial(t, addr)}
	for i, line := range tr.lines {
		what, text, _ := strings.Cut(line, ":")
		text = strings.TrimPrefix(text, " ")
		who := strings.TrimLeft(what, "CSLTDOE")
		if who == "" {
			who = "1"
		}
		c := clients[who]
		if c == nil {
			c = dial(t, addr)
			clients[who] = c
		}
		switch strings.TrimRight(what, "12") {
		case "":
		case "C":
			c.C(withSize(text, tr.lines[i+1:]))
		case "L":
			c.C(text)
		case "S":
			c.S(text)
		case "TLS":
			c.startTLS(s)
		case "O":
			expectOutlook(t, s, text)
		case "CLOSED":
			c.closed()
		default:
			t.Fatalf("line %q: not of a transcript", line)
		}
	}
}

func expectOutlook(t *testing.T, s *Server, line string) {
	t.Helper()
	words := strings.Fields(line)
	user, mailbox, uid, want := words[0], words[1], words[2], strings.Join(words[3:], " ")
	for _, m := range s.Messages(user, mailbox) {
		if strconv.Itoa(int(m.UID)) != uid {
			continue
		}
		var got []string
		if m.OutlookFlagged {
			got = append(got, "flagged")
		}
		if m.WouldSendReceipt {
			got = append(got, "receipt")
		}
		if m.OutlookCategory != "" {
			got = append(got, "category="+m.OutlookCategory)
		}
		if got := strings.Join(got, " "); got != want {
			t.Errorf("Outlook's view of %s: %q, want %q", line, got, want)
		}
		return
	}
	t.Errorf("Outlook's view of %s: no such message", line)
}

func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/transcripts/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			readTranscript(t, file).run(t)
		})
	}
}

// Each quirk has a session that shows it: EX-05-literal-run.txt.
func TestEveryQuirkHasTranscript(t *testing.T) {
	for _, q := range Quirks() {
		files, _ := filepath.Glob("testdata/transcripts/" + q.ID + "-*.txt")
		if len(files) == 0 {
			t.Errorf("%s %s: no transcript", q.ID, q.Name)
		}
	}
}
