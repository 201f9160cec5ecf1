package backend

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"exgate/backend/wire"
)

// connect opens a Conn to a server that runs serve.
func connect(t *testing.T, trace Trace, serve func(net.Conn)) *Conn {
	t.Helper()
	nc, err := net.Dial("tcp", listen(t, serve))
	if err != nil {
		t.Fatal(err)
	}
	c := newConn(&Dialed{Conn: nc}, Timeouts{}, trace)
	t.Cleanup(c.Close)
	return c
}

// scripted opens a Conn to a server that follows a script.
func scripted(t *testing.T, lines ...string) *Conn {
	t.Helper()
	return connect(t, nil, script(tls.Certificate{}, lines...))
}

// do sends a request that must be answered.
func do(t *testing.T, c *Conn, req *Request) wire.Status {
	t.Helper()
	status, err := c.Do(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	return status
}

// recorder is a Sink that keeps what it is given. It copies as late as it may:
// on Flush.
type recorder struct {
	fail error // of Take

	mu      sync.Mutex
	pending [][]byte
	taken   bytes.Buffer
	ends    []error
}

func (r *recorder) Take(f wire.Fragment) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pending = append(r.pending, f.Data)
	return r.fail
}

func (r *recorder) Flush() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.flush()
	return nil
}

func (r *recorder) flush() {
	for _, p := range r.pending {
		r.taken.Write(p)
	}
	r.pending = nil
}

func (r *recorder) End(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.flush() // what was taken is still there: a sink may write it now
	r.ends = append(r.ends, err)
}

// check compares what was taken and flushed.
func (r *recorder) check(t *testing.T, want string) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.taken.String() != want || r.pending != nil {
		t.Errorf("sink took %d bytes %.200q, %d fragments are not flushed, want %d bytes %.200q", r.taken.Len(), r.taken.String(), len(r.pending), len(want), want)
	}
}

func TestDo(t *testing.T) {
	for _, tt := range []struct {
		name   string
		req    *Request
		script []string
		want   wire.Status
	}{
		{"text", NewRequest("NOOP"),
			[]string{"C: xg1 NOOP", "S: xg1 OK NOOP completed.\r\n"}, wire.Status{Tag: "xg1", Word: "OK", Text: "NOOP completed."}},
		{"NO is no error", NewRequest("CREATE").Mailbox("Files"),
			[]string{"C: xg1 CREATE Files", "S: xg1 NO [CANNOT] Folder name is reserved\r\n"}, wire.Status{Tag: "xg1", Word: "NO", Code: "CANNOT", Text: "Folder name is reserved"}},
		{"bare LF, lower case", NewRequest("NOOP"),
			[]string{"C: xg1 NOOP", "S: xg1 bad Command Error. 10\n"}, wire.Status{Tag: "xg1", Word: "BAD", Text: "Command Error. 10"}},
		{"quoted", NewRequest("LOGIN").String(`a "b" \c`),
			[]string{`C: xg1 LOGIN "a \"b\" \\c"`, "S: xg1 OK\r\n"}, wire.Status{Tag: "xg1", Word: "OK"}},
		{"literals", NewRequest("LOGIN").String("b\xf6b").String("s\xfc\xdf").Raw("x"),
			[]string{"C: xg1 LOGIN {3}", "S: + \r\n", "C: b\xf6b {3}", "S: +\r\n", "C: s\xfc\xdf x", "S: xg1 OK LOGIN completed.\r\n"},
			wire.Status{Tag: "xg1", Word: "OK", Text: "LOGIN completed."}},
		{"untagged replies before", NewRequest("NOOP"),
			[]string{"C: xg1 NOOP", "S: * 1 EXISTS\r\n* 1 FETCH (BODY[] {7}\r\nxg1 OK )\r\n", "S: xg1 OK done\r\n"}, wire.Status{Tag: "xg1", Word: "OK", Text: "done"}},
		{"an empty line before", NewRequest("NOOP"), []string{"C: xg1 NOOP", "S: \r\nxg1 OK done\r\n"}, wire.Status{Tag: "xg1", Word: "OK", Text: "done"}},
		{"the reply is the last word", NewRequest("LOGOUT"),
			[]string{"C: xg1 LOGOUT", "S: * BYE signing off.\r\nxg1 OK LOGOUT completed.\r\n", "CLOSE"}, wire.Status{Tag: "xg1", Word: "OK", Text: "LOGOUT completed."}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := do(t, scripted(t, tt.script...), tt.req); got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

// The next request may follow at once.
func TestDoManyTimes(t *testing.T) {
	const times = 300
	var lines []string
	for i := range times {
		lines = append(lines, fmt.Sprintf("C: xg%d NOOP", i+1), fmt.Sprintf("S: xg%d OK done\r\n", i+1))
	}
	c := scripted(t, lines...)
	for range times {
		do(t, c, NewRequest("NOOP"))
	}
}

// A literal refused in place of "+" is not sent: the next thing that the
// server hears is the next command.
func TestDoLiteralRefused(t *testing.T) {
	c := scripted(t,
		"C: xg1 LOGIN {3}", "S: xg1 NO Server Unavailable. 15\r\n",
		"C: xg2 APPEND INBOX {5}", "S: xg2 NO Request is throttled. Suggested Backoff Time: 299609 milliseconds\r\n",
		"C: xg3 NOOP", "S: xg3 OK done\r\n")
	if got := do(t, c, NewRequest("LOGIN").String("b\xf6b").String("x")); got.Word != "NO" {
		t.Errorf("got %+v", got)
	}
	untouched := NewRequest("APPEND").Mailbox("INBOX")
	untouched.Body = &Body{Size: 5, WriterTo: writerTo(func(io.Writer) (int64, error) {
		t.Error("a refused message is written")
		return 0, nil
	})}
	if got := do(t, c, untouched); got.Word != "NO" || !strings.HasPrefix(got.Text, "Request is throttled") {
		t.Errorf("got %+v", got)
	}
	if got := do(t, c, NewRequest("NOOP")); got.Text != "done" {
		t.Errorf("got %+v", got)
	}
}

type writerTo func(io.Writer) (int64, error)

func (f writerTo) WriteTo(w io.Writer) (int64, error) { return f(w) }

// watchedConn keeps what is written, write by write.
type watchedConn struct {
	net.Conn
	writes []string
}

func (c *watchedConn) Write(p []byte) (int, error) {
	c.writes = append(c.writes, string(p))
	return c.Conn.Write(p)
}

func TestDoBody(t *testing.T) {
	const message = "Subject: x\r\n\r\nxg1 OK\r\n+\r\n{5}"
	address := listen(t, func(conn net.Conn) {
		in := bufio.NewReader(conn)
		line, _ := in.ReadString('\n')
		io.WriteString(conn, "+ Ready\r\n")
		literal := make([]byte, len(message))
		io.ReadFull(in, literal)
		end, _ := in.ReadString('\n')
		fmt.Fprintf(conn, "xg1 OK got %q %q %q\r\n", line, literal, end)
		io.Copy(io.Discard, in)
	})
	nc, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	watched := &watchedConn{Conn: nc}
	c := newConn(&Dialed{Conn: watched}, Timeouts{}, nil)
	defer c.Close()
	req := NewRequest("APPEND").Mailbox("Sent Items").Raw(`(\Seen)`)
	req.Body = &Body{Size: int64(len(message)), WriterTo: strings.NewReader(message)}
	got := do(t, c, req)
	announced := fmt.Sprintf("xg1 APPEND \"Sent Items\" (\\Seen) {%d}\r\n", len(message))
	if want := fmt.Sprintf("got %q %q %q", announced, message, "\r\n"); got.Text != want {
		t.Errorf("got %s\nwant %s", got.Text, want)
	}
	// Until the last write nothing has been stored.
	if want := []string{announced, message, "\r\n"}; !slices.Equal(watched.writes, want) {
		t.Errorf("writes %q", watched.writes)
	}
	in, out := c.Traffic()
	if wantIn := int64(len("+ Ready\r\nxg1 OK \r\n") + len(got.Text)); in != wantIn || out != int64(len(announced)+len(message)+2) {
		t.Errorf("%d bytes in, %d out", in, out)
	}
}

// A reply before the last byte of a literal was sent, or with another tag:
// Exchange would run the rest as commands. Nothing is read any more.
func TestReplyBeforeLastByteIsViolation(t *testing.T) {
	for reply, want := range map[string]string{
		"xg1 BAD Command Argument Error. 11": "BAD Command Argument Error. 11",
		"<body BAD Command Error. 10":        "BAD Command Error. 10",
		"xg1 OK APPEND completed.":           "OK APPEND completed.",
		"+ go on":                            "+ go on",
	} {
		t.Run(reply, func(t *testing.T) {
			c := connect(t, nil, func(conn net.Conn) {
				in := bufio.NewReader(conn)
				in.ReadString('\n')
				io.WriteString(conn, "+ Ready\r\n")
				io.ReadFull(in, make([]byte, 4))
				io.WriteString(conn, reply+"\r\n* 99 EXISTS\r\n<meta BAD Command Error. 10\r\n")
				io.Copy(io.Discard, in)
			})
			var sink recorder
			c.Relay(&sink)
			req := NewRequest("APPEND").Mailbox("INBOX")
			req.Body = &Body{Size: 8, WriterTo: writerTo(func(w io.Writer) (int64, error) {
				io.WriteString(w, "half")
				<-c.Ended()
				n, err := io.WriteString(w, "half")
				return int64(4 + n), err
			})}
			_, err := c.Do(t.Context(), req)
			var violation *Violation
			if !errors.As(err, &violation) || violation.Line != want || FailureOf(err).Kind != KindOutOfStep {
				t.Errorf("got %v", err)
			}
			sink.check(t, "")
		})
	}
}

func TestViolation(t *testing.T) {
	if line := OutOfStep([]byte("Dear John")).Line; line != "a line of 9 bytes that is no reply" {
		t.Errorf("a line of a mail: %s", line)
	}
	for _, tt := range []struct{ name, reply, line string }{
		{"unknown tag", "xg7 OK NOOP completed.\r\n", "OK NOOP completed."},
		{"the word of a body for a tag", "* 1 EXISTS\r\n<meta BAD Command Error. 10\r\n", "BAD Command Error. 10"},
		{"long", "xg7 OK " + strings.Repeat("x", 1000) + "\r\n", "OK " + strings.Repeat("x", 300) + "..."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := scripted(t, "C: xg1 NOOP", "S: "+tt.reply+"xg1 OK done\r\n")
			_, err := c.Do(t.Context(), NewRequest("NOOP"))
			var violation *Violation
			if !errors.As(err, &violation) || violation.Line != tt.line || !strings.Contains(err.Error(), "out of step") {
				t.Errorf("got %v", err)
			}
			var lost *LostError
			if c.Err() != err || errors.As(err, &lost) {
				t.Errorf("the connection ended by %v", c.Err())
			}
		})
	}
	t.Run("+ after a message", func(t *testing.T) {
		c := scripted(t, "C: xg1 APPEND INBOX {4}", "S: + Ready\r\n", "C: half", "S: + more\r\n")
		req := NewRequest("APPEND").Mailbox("INBOX")
		req.Body = &Body{Size: 4, WriterTo: strings.NewReader("half")}
		_, err := c.Do(t.Context(), req)
		var violation *Violation
		if !errors.As(err, &violation) || violation.Line != "+ more" {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a second reply", func(t *testing.T) {
		c := scripted(t, "C: xg1 NOOP", "S: xg1 OK done\r\nxg1 OK done\r\n")
		do(t, c, NewRequest("NOOP"))
		<-c.Ended()
		var violation *Violation
		if !errors.As(c.Err(), &violation) || violation.Line != "OK done" {
			t.Errorf("got %v", c.Err())
		}
	})
}

func TestUntaggedGoesToSinkInOrder(t *testing.T) {
	c := scripted(t, "C: xg1 STATUS INBOX (UIDNEXT)",
		"S: * 1 EXISTS\r\n* STATUS INBOX (UIDNEXT 5)\r\n* 2 FETCH (BODY[] {9}\r\n* STATUS )\r\n", "S: * 0 RECENT\r\nxg1 OK done\r\n",
		"C: xg2 NOOP", "S: * 3 EXPUNGE\r\nxg2 OK done\r\n",
		"C: d1 DIRECT", "S: * SEARCH 1\r\nd1 OK done\r\n+ go on\r\n",
		"C: xg3 NOOP", "S: xg3 OK done\r\n")
	var sink recorder
	c.Relay(&sink)
	var asked []string
	req := NewRequest("STATUS").Mailbox("INBOX").Raw("(UIDNEXT)")
	req.Untagged = func(line []byte) bool {
		ok := bytes.HasPrefix(line, []byte("* STATUS "))
		if ok {
			asked = append(asked, string(line))
		}
		return ok
	}
	do(t, c, req)
	if !slices.Equal(asked, []string{"* STATUS INBOX (UIDNEXT 5)\r\n"}) {
		t.Errorf("asked for: %q", asked)
	}
	// All of it is there before the reply is known.
	taken := "* 1 EXISTS\r\n* 2 FETCH (BODY[] {9}\r\n* STATUS )\r\n* 0 RECENT\r\n"
	sink.check(t, taken)
	do(t, c, NewRequest("NOOP"))
	taken += "* 3 EXPUNGE\r\n"
	sink.check(t, taken)
	// The direct lane's own replies have tags that are not ours.
	if _, err := io.WriteString(c, "d1 DIRECT\r\n"); err != nil {
		t.Fatal(err)
	}
	taken += "* SEARCH 1\r\nd1 OK done\r\n+ go on\r\n"
	for { // a Do before that came would take it for its own
		sink.mu.Lock()
		n := sink.taken.Len()
		sink.mu.Unlock()
		if n >= len(taken) {
			break
		}
		select {
		case <-c.Ended():
			t.Fatal(c.Err())
		case <-time.After(time.Millisecond):
		}
	}
	do(t, c, NewRequest("NOOP"))
	sink.check(t, taken)
	if len(asked) != 1 {
		t.Errorf("Untagged was called after its request: %q", asked)
	}
}

// What is too long to have been asked for goes to the sink, whole.
func TestGatherLimit(t *testing.T) {
	long := "* 1 FETCH (BODY[] {" + fmt.Sprint(3*gatherLimit) + "}\r\n" + strings.Repeat("y", 3*gatherLimit) + " FLAGS ())\r\n"
	longLine := "* SEARCH" + strings.Repeat(" 1", gatherLimit) + "\r\n"
	for _, relayed := range []bool{true, false} {
		t.Run(fmt.Sprintf("relayed %v", relayed), func(t *testing.T) {
			c := scripted(t, "C: xg1 NOOP", "S: * 1 EXISTS\r\n"+long+longLine+"* 2 EXISTS\r\nxg1 OK done\r\n")
			var sink recorder
			if relayed {
				c.Relay(&sink)
			}
			var seen []string
			req := NewRequest("NOOP")
			req.Untagged = func(line []byte) bool {
				seen = append(seen, string(line))
				return false
			}
			do(t, c, req)
			if !slices.Equal(seen, []string{"* 1 EXISTS\r\n", "* 2 EXISTS\r\n"}) {
				t.Errorf("%d responses were gathered", len(seen))
			}
			if relayed {
				sink.check(t, "* 1 EXISTS\r\n"+long+longLine+"* 2 EXISTS\r\n")
			}
		})
	}
}

func TestOneRequestAtATime(t *testing.T) {
	c := scripted(t, "C: xg1 NOOP", "S: * 1 EXISTS\r\nxg1 OK done\r\n")
	req := NewRequest("NOOP")
	req.Untagged = func([]byte) bool {
		defer func() {
			if recover() == nil {
				t.Error("two requests at a time")
			}
		}()
		c.Do(t.Context(), NewRequest("NOOP"))
		return true
	}
	do(t, c, req)
}

func TestTraceHidesSecrets(t *testing.T) {
	var mu sync.Mutex
	var lines []string
	trace := func(sent bool, line []byte) {
		mu.Lock()
		defer mu.Unlock()
		lines = append(lines, fmt.Sprintf("%v %s", sent, bytes.TrimSpace(line)))
	}
	c := connect(t, trace, script(tls.Certificate{},
		"C: xg1 LOGIN {3}", "S: + OK\r\n", "C: b\xf6b {7}", "S: + OK\r\n", "C: s\xe4cr et", "S: xg1 NO LOGIN failed.\r\n",
		"C: xg2 LOGIN \"bob\" \"secret\"", "S: xg2 NO LOGIN failed.\r\n",
		"C: xg3 AUTHENTICATE PLAIN", "S: +\r\n", "C: c2VjcmV0", "S: xg3 OK AUTHENTICATE completed.\r\n",
		"C: xg4 STATUS INBOX (UIDNEXT)", "S: * STATUS INBOX (UIDNEXT 1)\r\nxg4 OK done\r\n"))
	login := NewRequest("LOGIN").String("b\xf6b").String("s\xe4cr et")
	again := NewRequest("LOGIN").String("bob").String("secret")
	plain := NewRequest("AUTHENTICATE").Raw("PLAIN")
	plain.Continue = func(string) (string, error) { return "c2VjcmV0", nil }
	login.Secrets, again.Secrets, plain.Secrets = []string{"s\xe4cr et"}, []string{"secret"}, []string{"secret"}
	for _, req := range []*Request{login, again, plain, NewRequest("STATUS").Mailbox("INBOX").Raw("(UIDNEXT)")} {
		do(t, c, req)
	}
	want := []string{
		"true xg1 LOGIN ***", "false + OK", "true ***", "false + OK", "true ***", "false xg1 NO LOGIN failed.",
		"true xg2 LOGIN ***", "false xg2 NO LOGIN failed.",
		"true xg3 AUTHENTICATE ***", "false +", "false xg3 OK AUTHENTICATE completed.",
		"true xg4 STATUS INBOX (UIDNEXT)", "false * STATUS INBOX (UIDNEXT 1)", "false xg4 OK done",
	}
	if !slices.Equal(lines, want) {
		t.Errorf("got %q\nwant %q", lines, want)
	}
}

// The trace has the blanks that a request does not see (docs/exchange.md#ex-71).
func TestTraceIsRaw(t *testing.T) {
	var mu sync.Mutex
	var traced, asked []string
	trace := func(sent bool, line []byte) {
		mu.Lock()
		defer mu.Unlock()
		if !sent {
			traced = append(traced, string(line))
		}
	}
	c := connect(t, trace, script(tls.Certificate{},
		"C: xg1 STATUS INBOX (UIDNEXT)", "S: * STATUS INBOX (UIDNEXT  1 ) \r\n xg1 OK done \r\n"))
	req := NewRequest("STATUS").Mailbox("INBOX").Raw("(UIDNEXT)")
	req.Untagged = func(line []byte) bool {
		asked = append(asked, string(line))
		return true
	}
	do(t, c, req)
	if want := []string{"* STATUS INBOX (UIDNEXT 1)\r\n"}; !slices.Equal(asked, want) {
		t.Errorf("the request sees %q", asked)
	}
	if want := []string{"* STATUS INBOX (UIDNEXT  1 ) \r\n", " xg1 OK done \r\n"}; !slices.Equal(traced, want) {
		t.Errorf("the trace is %q", traced)
	}
}

func TestContinue(t *testing.T) {
	c := scripted(t, "C: xg1 AUTHENTICATE X", "S: + Zmlyc3Q=\r\n", "C: b25l", "S: * OK thinking\r\n+  \r\n", "C: *", "S: xg1 BAD cancelled\r\n")
	var challenges []string
	req := NewRequest("AUTHENTICATE").Raw("X")
	req.Continue = func(challenge string) (string, error) {
		challenges = append(challenges, challenge)
		if challenge == "" {
			return "", errors.New("no such challenge")
		}
		return "b25l", nil
	}
	if got := do(t, c, req); got.Word != "BAD" || !slices.Equal(challenges, []string{"Zmlyc3Q=", ""}) {
		t.Errorf("got %+v, challenges %q", got, challenges)
	}
}
