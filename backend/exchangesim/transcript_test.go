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
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"exgate/backend/testkit"
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
	l := testkit.Listen(t)
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

// cutAfter expects the beginning of a line and then nothing; "[cr]" is a CR.
func (c *testClient) cutAfter(want string) {
	c.t.Helper()
	want = strings.ReplaceAll(want, "[cr]", "\r")
	got := make([]byte, len(want))
	if n, err := io.ReadFull(c.r, got); err != nil || string(got) != want {
		c.fatalf("want %q, got %q and %v", want, got[:n], err)
	}
	c.said = append(c.said, "S: "+want)
}

// reset expects a TCP reset.
func (c *testClient) reset() {
	c.t.Helper()
	if b, err := c.r.ReadByte(); !errors.Is(err, syscall.ECONNRESET) {
		c.fatalf("want a reset, got byte %q, error %v", b, err)
	}
}

// silent expects nothing. It can only see that nothing comes at once.
func (c *testClient) silent() {
	c.t.Helper()
	if err := c.conn.SetReadDeadline(time.Now().Add(20 * time.Millisecond)); err != nil {
		c.t.Fatal(err)
	}
	if b, err := c.r.ReadByte(); !errors.Is(err, os.ErrDeadlineExceeded) {
		c.fatalf("want silence, got byte %q, error %v", b, err)
	}
	if err := c.conn.SetReadDeadline(time.Now().Add(waitLimit)); err != nil {
		c.t.Fatal(err)
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
//	E: * 1 FE                     the line that must come, but for what is cut off
//	RESET                         the server resets the connection
//	SILENT                        nothing comes
//	OPEN                          the server has not closed its side
//	F: cut:WAITING                a fault is ordered; OFF ends them all
//	DELIVER: alice INBOX          a message comes by mail
//	FOLDER: alice Work|in/out     Outlook makes a folder, level by level
//	LATER: 10m                    so much time passes
//	M: alice INBOX 2              there are two messages
//	AWAIT: alice INBOX 2          there come to be; also alice connections 2
//	                              and alice unthrottled
//	O: alice INBOX 1 flagged      what Outlook shows: flagged, receipt, category=…
//
// C2 and S2 are a second client. Every fault that is ordered must strike.
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
	var later atomic.Int64
	tr.cfg.Now = func() time.Time { return testNow.Add(time.Duration(later.Load())) }
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
		what, who := strings.TrimRight(what, "123456789"), strings.TrimLeft(what, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
		if who == "" {
			who = "1"
		}
		c := clients[who]
		if c == nil {
			c = dial(t, addr)
			clients[who] = c
		}
		switch what {
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
		case "E":
			c.cutAfter(text)
		case "RESET":
			c.reset()
		case "SILENT":
			c.silent()
		case "OPEN":
			if n := s.Stats().Connections; n == 0 {
				t.Error("the server has closed its side")
			}
		case "F":
			order(t, s, text)
			tr.cfg.Faults = append(tr.cfg.Faults, text)
		case "OFF":
			s.ClearFaults()
		case "DELIVER":
			words := strings.Fields(text)
			if _, err := s.Deliver(words[0], words[1], nil, testNow, []byte("Subject: x\r\n\r\ny\r\n")); err != nil {
				t.Fatal(err)
			}
		case "FOLDER":
			user, levels, _ := strings.Cut(text, " ")
			if err := s.MakeFolder(user, strings.Split(levels, "|")...); err != nil {
				t.Fatal(err)
			}
		case "LATER":
			d, err := time.ParseDuration(text)
			if err != nil {
				t.Fatal(err)
			}
			later.Add(int64(d))
		case "M":
			if !holds(s, text) {
				t.Errorf("%s: there are not so many", line)
			}
		case "AWAIT":
			testkit.Eventually(t, text, func() bool { return holds(s, text) })
		default:
			t.Fatalf("line %q: not of a transcript", line)
		}
	}
	strikes := s.Stats().Strikes
	for _, spec := range tr.cfg.Faults {
		f, err := parseFault(spec)
		if err != nil {
			t.Fatal(err)
		}
		if f.kind != faultRandom && strikes[f.name()] == 0 {
			t.Errorf("fault %s did not strike, only %v", spec, strikes)
		}
	}
}

func order(t *testing.T, s *Server, spec string) {
	t.Helper()
	if err := s.AddFault(spec); err != nil {
		t.Fatal(err)
	}
}

// holds says whether a line M or AWAIT is true.
func holds(s *Server, line string) bool {
	words := strings.Fields(line)
	user, what := words[0], words[1]
	switch what {
	case "unthrottled":
		s.faults.mu.Lock()
		defer s.faults.mu.Unlock()
		return time.Now().After(s.faults.throttled[user].until)
	case "connections":
		return strconv.Itoa(s.Stats().Users[user]) == words[2]
	}
	return strconv.Itoa(len(s.Messages(user, what))) == words[2]
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

// Each fault has a session that shows it, with every ending that it has.
func TestEveryFaultHasTranscript(t *testing.T) {
	files, err := filepath.Glob("testdata/transcripts/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{}
	for _, file := range files {
		tr := readTranscript(t, file)
		specs := tr.cfg.Faults
		for _, line := range tr.lines {
			if spec, ok := strings.CutPrefix(line, "F: "); ok {
				specs = append(specs, spec)
			}
		}
		for _, spec := range specs {
			f, err := parseFault(spec)
			if err != nil {
				t.Errorf("%s: %v", file, err)
			}
			shown[f.name()] = true
		}
	}
	for _, k := range faultKinds() {
		f := fault{kind: k.name}
		for _, f.end = range append([]ending{""}, endings[:]...) {
			if (f.end != "") == k.ends && !shown[f.name()] {
				t.Errorf("%s: no transcript", f.name())
			}
		}
	}
}
