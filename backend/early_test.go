package backend

import (
	"bufio"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"exgate/backend/wire"
)

// readDeadlines counts the deadlines that are set for the reads of a connection.
type readDeadlines struct {
	net.Conn
	set atomic.Int32
}

func (c *readDeadlines) SetReadDeadline(t time.Time) error {
	c.set.Add(1)
	return c.Conn.SetReadDeadline(t)
}

// lines passes the lines of the server on.
type lines chan string

func (l lines) Take(f wire.Fragment) error { l <- string(f.Data); return nil }
func (lines) Flush() error                 { return nil }
func (l lines) End(error)                  { close(l) }

// A deadline that was set for an earlier reply ends neither the waiting nor a later reply before its time. A silence
// ends the connection all the same.
func TestDeadlineOfAnEarlierReply(t *testing.T) {
	const reply = 200 * time.Millisecond
	near, far := net.Pipe()
	defer far.Close()
	nc := &readDeadlines{Conn: near}
	c := newConn(&Dialed{Conn: nc}, Timeouts{Reply: reply}, nil)
	defer c.Close()
	got := make(lines)
	c.Relay(got)
	go func() {
		in := bufio.NewReader(far)
		for line, err := in.ReadString('\n'); err == nil; line, err = in.ReadString('\n') {
			if line != "silence\n" {
				io.WriteString(far, "* OK "+line[:len(line)-1]+"\r\n")
			}
		}
	}()
	ask := func(line string) {
		c.Expect(true)
		if _, err := c.Write([]byte(line + "\n")); err != nil {
			t.Error(err)
		}
	}
	for range 50 {
		ask("soon")
		if line := <-got; line != "* OK soon\r\n" {
			t.Fatalf("got %q", line)
		}
		c.Expect(false)
	}
	if n := nc.set.Load(); n > 10 {
		t.Errorf("%d deadlines were set for 50 replies", n)
	}
	select { // the deadline of the replies passes meanwhile, while none is expected
	case line, open := <-got:
		t.Fatalf("got %q (%v): %v", line, open, c.Err())
	case <-time.After(2 * reply):
	}
	ask("later")
	if line := <-got; line != "* OK later\r\n" {
		t.Fatalf("got %q", line)
	}
	began := time.Now()
	ask("silence")
	if line, open := <-got; open {
		t.Fatalf("got %q", line)
	}
	if took := time.Since(began); took < reply || took > 20*reply {
		t.Errorf("the silence ended after %s, want %s", took, reply)
	}
	if want := errSilent(reply).Error(); c.Err() == nil || c.Err().(*LostError).Err.Error() != want {
		t.Errorf("the reason is %v", c.Err())
	}
}
