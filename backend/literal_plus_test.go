package backend

import (
	"bufio"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"exgate/backend/exchangesim"
	"exgate/backend/testkit"
)

// turnsConn counts how often something is written after something was heard:
// the round trips.
type turnsConn struct {
	net.Conn
	heard atomic.Bool
	turns atomic.Int32
}

func (c *turnsConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 {
		c.heard.Store(true)
	}
	return n, err
}

func (c *turnsConn) Write(p []byte) (int, error) {
	if c.heard.Swap(false) {
		c.turns.Add(1)
	}
	return c.Conn.Write(p)
}

func appendOf(message string) *Request {
	req := NewRequest("APPEND").Mailbox("INBOX")
	req.Body = &Body{Size: int64(len(message)), WriterTo: strings.NewReader(message)}
	return req
}

// A message costs one round trip where it need not wait for "+", else two.
func TestLiteralPlusSavesARoundTrip(t *testing.T) {
	sim, err := exchangesim.New(exchangesim.Config{})
	if err != nil {
		t.Fatal(err)
	}
	l := testkit.Listen(t)
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := sim.Serve(l, exchangesim.InsecurePlaintext); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { sim.Close(); serving.Wait() })
	short, long := "Subject: x\r\n\r\ntext\r\n", "Subject: x\r\n\r\n"+strings.Repeat("text\r\n", plusLimit/6)
	for _, tt := range []struct {
		name         string
		on           bool
		capabilities string
		message      string
		turns        int32
	}{
		{"off", false, "LITERAL+", short, 2},
		{"on", true, "LITERAL+", short, 1},
		{"on, long", true, "IDLE literal+", long, 1},
		{"on, the server has it not", true, "IDLE", short, 2},
		{"on, LITERAL-", true, "LITERAL-", short, 1},
		{"on, LITERAL-, at its limit", true, "LITERAL-", short + strings.Repeat("x", plusLimit-len(short)), 1},
		{"on, LITERAL-, long", true, "LITERAL-", long, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			nc, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			counted := &turnsConn{Conn: nc}
			dialed, err := (&Dialer{}).greeting(&ahead{Conn: counted})
			if err != nil {
				t.Fatal(err)
			}
			c := newConn(dialed, Timeouts{}, nil)
			t.Cleanup(c.Close)
			if s := do(t, c, NewRequest("LOGIN").String("bob").String("bobpass")); s.Word != "OK" {
				t.Fatal(s)
			}
			c.literalPlus, c.Capabilities = tt.on, strings.Fields(tt.capabilities)
			counted.turns.Store(0)
			for range 3 {
				if s := do(t, c, appendOf(tt.message)); s.Word != "OK" {
					t.Fatal(s)
				}
			}
			if got := counted.turns.Load(); got != 3*tt.turns {
				t.Errorf("%d round trips for 3 messages, want %d", got, 3*tt.turns)
			}
		})
	}
}

// What a server says to a literal before its last byte was sent ends the
// connection; a refusal is told all the same.
func TestLiteralPlusRefused(t *testing.T) {
	const message = "Subject: x\r\n\r\na1 DELETE INBOX\r\n"
	for _, tt := range []struct {
		name, reply string
		after       int64  // bytes of the literal that the server reads before
		refusal     string // "": Do fails
	}{
		{"NO at once", "xg1 NO [LIMIT] too large", 0, "NO too large"},
		{"BAD in its midst", "xg1 BAD Command Argument Error. 11", 10, "BAD Command Argument Error. 11"},
		{"NO at its end", "xg1 NO refused", int64(len(message) + 2), "NO refused"},
		{"OK before its end", "xg1 OK stored", 3, ""},
		{"its bytes are commands", "a1 OK DELETE completed.", 3, ""},
		{"a go-ahead that nobody asked for", "+ Ready", 0, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := connect(t, nil, func(conn net.Conn) {
				in := bufio.NewReader(conn)
				in.ReadString('\n')
				io.CopyN(io.Discard, in, tt.after)
				io.WriteString(conn, tt.reply+"\r\n* 99 EXISTS\r\na1 OK DELETE completed.\r\n")
				io.Copy(io.Discard, in)
			})
			c.literalPlus, c.Capabilities = true, []string{"LITERAL+"}
			var sink recorder
			c.Relay(&sink)
			req := appendOf(message)
			req.Body.WriterTo = writerTo(func(w io.Writer) (int64, error) {
				n, err := io.WriteString(w, message[:len(message)-1])
				if err == nil && tt.after < int64(len(message)) {
					<-c.Ended()
				}
				_, err = io.WriteString(w, message[n:])
				return int64(len(message)), err
			})
			status, err := c.Do(t.Context(), req)
			<-c.Ended()
			if tt.refusal != "" {
				if err != nil || status.Word+" "+status.Text != tt.refusal || !errors.Is(c.Err(), errPlusRefused) {
					t.Errorf("got %+v, %v; ended by %v", status, err, c.Err())
				}
			} else if FailureOf(err).Kind != KindOutOfStep {
				t.Errorf("got %+v, %v", status, err)
			}
			if req.Body.Ended != (tt.after > int64(len(message))) {
				t.Errorf("ended: %v", req.Body.Ended)
			}
			if taken := sink.taken.String(); strings.Contains(taken, "DELETE") {
				t.Errorf("read on: %q", taken)
			}
			if _, err := c.Do(t.Context(), NewRequest("NOOP")); err == nil {
				t.Error("the connection is used again")
			}
		})
	}
}
