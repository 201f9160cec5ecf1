package backend

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"exgate/backend/wire"
)

func TestDoEndsWithContext(t *testing.T) {
	heard := make(chan struct{})
	c := connect(t, nil, func(conn net.Conn) {
		in := bufio.NewReader(conn)
		in.ReadString('\n')
		close(heard)
		io.Copy(io.Discard, in)
	})
	ctx, cancel := context.WithCancelCause(t.Context())
	left := errors.New("the client left")
	go func() {
		<-heard
		cancel(left)
	}()
	_, err := c.Do(ctx, NewRequest("NOOP"))
	var lost *LostError
	if !errors.As(err, &lost) || !errors.Is(err, left) {
		t.Errorf("got %v", err)
	}
	// The connection is closed, and the next request hears of it.
	if _, err := c.Do(t.Context(), NewRequest("NOOP")); !errors.Is(err, left) {
		t.Errorf("then %v", err)
	}
}

func TestDoAfterContextEnded(t *testing.T) {
	c := scripted(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Do(ctx, NewRequest("NOOP")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// inPipe opens a Conn over net.Pipe, for tests with a clock of their own.
func inPipe(timeouts Timeouts, serve func(net.Conn)) *Conn {
	client, server := net.Pipe()
	go func() {
		defer server.Close()
		serve(server)
	}()
	return newConn(&Dialed{Conn: client}, timeouts, nil)
}

func TestSilenceEndsRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := inPipe(Timeouts{Reply: time.Minute}, func(conn net.Conn) { io.Copy(io.Discard, conn) })
		defer c.Close()
		begin := time.Now()
		_, err := c.Do(t.Context(), NewRequest("NOOP"))
		var lost *LostError
		if !errors.As(err, &lost) || !strings.Contains(err.Error(), "the server has sent no reply for 1m0s") {
			t.Errorf("got %v", err)
		}
		if took := time.Since(begin); took != time.Minute+abandonGrace {
			t.Errorf("took %s", took)
		}
	})
}

// A server that goes on talking is not silent.
func TestUntaggedDataIsNoSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := inPipe(Timeouts{Reply: time.Minute}, func(conn net.Conn) {
			bufio.NewReader(conn).ReadString('\n')
			tick := time.NewTicker(50 * time.Second)
			defer tick.Stop()
			for range 10 {
				<-tick.C
				io.WriteString(conn, "* OK Hang in there..\r\n")
			}
			io.WriteString(conn, "xg1 OK done\r\n")
		})
		defer c.Close()
		if status, err := c.Do(t.Context(), NewRequest("COPY")); err != nil || status.Text != "done" {
			t.Errorf("got %+v, %v", status, err)
		}
	})
}

func TestWriteDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := inPipe(Timeouts{Write: time.Minute}, func(conn net.Conn) { <-t.Context().Done() })
		defer c.Close()
		begin := time.Now()
		_, err := c.Do(t.Context(), NewRequest("NOOP"))
		var timeout net.Error
		if !errors.As(err, &timeout) || !timeout.Timeout() || time.Since(begin) != time.Minute+abandonGrace {
			t.Errorf("got %v after %s", err, time.Since(begin))
		}
	})
}

func TestMessageShorterThanAnnounced(t *testing.T) {
	for _, tt := range []struct {
		name, want string
		body       writerTo
	}{
		{"short", "the message was announced with 8 bytes, but has 4", func(w io.Writer) (int64, error) {
			n, err := io.WriteString(w, "half")
			return int64(n), err
		}},
		{"spool fails", "spool: disk gone", func(w io.Writer) (int64, error) { return 0, errors.New("spool: disk gone") }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ended := make(chan string, 1)
				c := inPipe(Timeouts{}, func(conn net.Conn) {
					in := bufio.NewReader(conn)
					in.ReadString('\n')
					io.WriteString(conn, "+ Ready\r\n")
					rest, _ := io.ReadAll(in)
					ended <- string(rest)
				})
				defer c.Close()
				req := NewRequest("APPEND").Mailbox("INBOX")
				req.Body = &Body{Size: 8, WriterTo: tt.body}
				_, err := c.Do(t.Context(), req)
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("got %v", err)
				}
				// The literal is never completed: nothing was stored.
				if rest := <-ended; strings.Contains(rest, "\r\n") {
					t.Errorf("sent %q", rest)
				}
			})
		})
	}
}

func TestServerCloses(t *testing.T) {
	for _, tt := range []struct {
		name, says, said string
		kind             Kind
	}{
		{"without a word", "", "", KindLost},
		{"in the middle of a line", "xg1 OK do", "", KindLost},
		{"in the middle of a literal", "* 1 FETCH (BODY[] {10}\r\nabc", "", KindLost},
		{"after BYE", "* BYE Session invalidated - AccessTokenExpired\r\n", "BYE Session invalidated - AccessTokenExpired", KindLost},
		{"after an untagged NO", "* NO Request is throttled. Suggested Backoff Time: 5 milliseconds\r\n* BYE Connection closed. 14\r\n",
			"NO Request is throttled. Suggested Backoff Time: 5 milliseconds", KindLost},
		{"after an untagged OK", "* OK still here\r\n", "", KindLost},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := scripted(t, "C: xg1 NOOP", "S: "+tt.says, "CLOSE")
			_, err := c.Do(t.Context(), NewRequest("NOOP"))
			var lost *LostError
			if !errors.As(err, &lost) || lost.Said != tt.said || !strings.Contains(err.Error(), "the upstream has closed the connection") {
				t.Errorf("got %v", err)
			}
			if f := FailureOf(err); f.Kind != tt.kind || f.Text != tt.said {
				t.Errorf("failure %+v", f)
			}
			if !strings.Contains(err.Error(), tt.said) {
				t.Errorf("%q is not in %q", tt.said, err)
			}
		})
	}
}

// lateConn comes back from a Write when the connection has ended.
type lateConn struct {
	net.Conn
	ended func() <-chan struct{}
}

func (c *lateConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	<-c.ended()
	return n, err
}

// A reply that was the last word before the end is a reply, however late it is
// looked at.
func TestReplyJustBeforeTheEnd(t *testing.T) {
	for range 20 {
		nc, err := net.Dial("tcp", listen(t, script(tls.Certificate{}, "C: xg1 NOOP", "S: xg1 OK done\r\n", "CLOSE")))
		if err != nil {
			t.Fatal(err)
		}
		late := &lateConn{Conn: nc}
		c := newConn(&Dialed{Conn: late}, Timeouts{}, nil)
		late.ended = c.Ended
		if got := do(t, c, NewRequest("NOOP")); got.Text != "done" {
			t.Fatalf("got %+v", got)
		}
		c.Close()
	}
}

// What was complained of is said again when the line drops.
func TestLastComplaintIsRemembered(t *testing.T) {
	for _, tt := range []struct{ name, says, said string }{
		{"NO", "xg1 NO Server Unavailable. 15\r\n", "NO Server Unavailable. 15"},
		{"BAD and BYE", "xg1 BAD User is authenticated but not connected.\r\n* BYE Connection closed. 14\r\n", "BAD User is authenticated but not connected."},
		{"BYE after OK, while nothing is asked", "xg1 OK done\r\n* BYE Session invalidated - AccessTokenExpired\r\n", "BYE Session invalidated - AccessTokenExpired"},
		{"OK", "xg1 OK done\r\n* OK [ALERT] hello\r\n* 1 EXISTS\r\n", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := scripted(t, "C: xg1 NOOP", "S: "+tt.says, "C: close", "CLOSE")
			do(t, c, NewRequest("NOOP"))
			if _, err := io.WriteString(c, "close\r\n"); err != nil {
				t.Fatal(err)
			}
			<-c.Ended()
			var lost *LostError
			if !errors.As(c.Err(), &lost) || lost.Said != tt.said {
				t.Errorf("got %v", c.Err())
			}
		})
	}
}

func TestRelayEnds(t *testing.T) {
	t.Run("when the server closes", func(t *testing.T) {
		c := scripted(t, "C: go", "S: * 1 EXISTS\r\n* BYE Connection closed. 14\r\n", "CLOSE")
		var sink recorder
		c.Relay(&sink)
		io.WriteString(c, "go\r\n")
		<-c.Ended()
		sink.check(t, "* 1 EXISTS\r\n* BYE Connection closed. 14\r\n")
		if !slices.Equal(sink.ends, []error{c.Err()}) || c.Err() == nil {
			t.Errorf("ends %v, err %v", sink.ends, c.Err())
		}
	})
	t.Run("when it has ended already", func(t *testing.T) {
		c := scripted(t, "CLOSE")
		<-c.Ended()
		var sink recorder
		c.Relay(&sink)
		if !slices.Equal(sink.ends, []error{c.Err()}) || c.Err() == nil {
			t.Errorf("ends %v, err %v", sink.ends, c.Err())
		}
	})
	t.Run("when it ends meanwhile", func(t *testing.T) {
		for range 50 {
			c := scripted(t, "CLOSE")
			var sink recorder
			c.Relay(&sink)
			c.Close()
			if len(sink.ends) != 1 {
				t.Fatalf("ends %v", sink.ends)
			}
		}
	})
	t.Run("when the sink fails", func(t *testing.T) {
		c := scripted(t, "C: go", "S: * 1 EXISTS\r\n* 2 EXISTS\r\n")
		sink := recorder{fail: errors.New("client gone")}
		c.Relay(&sink)
		io.WriteString(c, "go\r\n")
		<-c.Ended()
		if !errors.Is(c.Err(), sink.fail) || !slices.Equal(sink.ends, []error{c.Err()}) || sink.taken.String() != "* 1 EXISTS\r\n" {
			t.Errorf("err %v, ends %v, taken %q", c.Err(), sink.ends, sink.taken.String())
		}
	})
}

// blocked is a Sink whose Take waits.
type blocked struct {
	recorder
	entered, leave chan struct{}
}

func (b *blocked) Take(f wire.Fragment) error {
	close(b.entered)
	<-b.leave
	return b.recorder.Take(f)
}

func TestCloseWaitsForReader(t *testing.T) {
	c := scripted(t, "C: go", "S: * 1 EXISTS\r\n")
	sink := blocked{entered: make(chan struct{}), leave: make(chan struct{})}
	c.Relay(&sink)
	io.WriteString(c, "go\r\n")
	<-sink.entered
	closed := make(chan struct{})
	go func() {
		c.Close()
		close(closed)
	}()
	for c.Err() == nil { // Close has begun
		runtime.Gosched()
	}
	select {
	case <-closed:
		t.Error("Close did not wait")
	default:
	}
	close(sink.leave)
	<-closed
	if c.Err() != errClosed || !slices.Equal(sink.ends, []error{errClosed}) {
		t.Errorf("err %v, ends %v", c.Err(), sink.ends)
	}
	c.Close() // again is harmless
	if _, err := c.Do(t.Context(), NewRequest("NOOP")); err != errClosed {
		t.Errorf("Do after Close: %v", err)
	}
}

func TestAbandonTellsWhatTheServerSaid(t *testing.T) {
	c := scripted(t, "C: d1 APPEND", "S: * BYE Session invalidated - AccessTokenExpired\r\n", "CLOSE")
	io.WriteString(c, "d1 APPEND\r\n")
	err := c.Abandon(errors.New("broken pipe"))
	var lost *LostError
	if !errors.As(err, &lost) || lost.Said != "BYE Session invalidated - AccessTokenExpired" {
		t.Errorf("got %v", err)
	}
}
