package backend

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"exgate/backend/wire"
)

// taken is a sink that tells of the end of each response.
type taken struct {
	bytes int
	ends  chan int // with the bytes taken until then
}

func (s *taken) Take(f wire.Fragment) error {
	s.bytes += len(f.Data)
	if f.Last {
		s.ends <- s.bytes
	}
	return nil
}
func (*taken) Flush() error { return nil }
func (*taken) End(error)    {}

// flowing returns a connection by which 100 kB pass in a second each way, and
// its other end.
func flowing(t *testing.T, sink Sink) (*Conn, net.Conn) {
	t.Helper()
	ours, its := net.Pipe()
	c := newConn(&Dialed{Conn: ours}, Timeouts{Reply: 2 * time.Second}, nil)
	c.KeepPace(NewPace(100e3, nil), NewPace(100e3, nil))
	if sink != nil {
		c.Relay(sink)
	}
	t.Cleanup(func() { c.Close(); its.Close() })
	return c, its
}

// A second's bytes pass at once, what is beyond them by the clock.
const flowTakes = 9 * time.Second

func TestFlowIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &taken{ends: make(chan int, 1)}
		c, its := flowing(t, sink)
		c.Expect(true) // by which a silence of 2 s is the end
		began := time.Now()
		go func() {
			fmt.Fprintf(its, "* 1 FETCH (BODY[] {1000000}\r\n")
			its.Write(bytes.Repeat([]byte("x"), 1e6))
			fmt.Fprintf(its, ")\r\n")
		}()
		if n := <-sink.ends; n < 1e6 {
			t.Errorf("%d bytes", n)
		}
		if got := time.Since(began).Round(time.Second); got != flowTakes {
			t.Errorf("took %s, want %s", got, flowTakes)
		}
		time.Sleep(10 * time.Second)
		if c.Err() == nil {
			t.Error("a silence is none any more")
		}
	})
}

func TestFlowOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, its := flowing(t, nil)
		began := time.Now()
		go func() {
			r := bufio.NewReader(its)
			io.CopyN(io.Discard, r, 1e6)
			r.ReadString('\n')
			fmt.Fprintf(its, "xg1 OK done\r\n")
		}()
		status, err := c.Do(t.Context(), NewRequest("NOOP").Raw(string(bytes.Repeat([]byte("x"), 1e6))))
		if err != nil || status.Word != "OK" {
			t.Fatal(status, err)
		}
		if got := time.Since(began).Round(time.Second); got != flowTakes {
			t.Errorf("took %s, want %s", got, flowTakes)
		}
	})
}

// What is held back ends with the connection.
func TestFlowEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, its := flowing(t, &taken{ends: make(chan int, 10)})
		c.flow.Load().in.Charge(1e9) // of hours
		c.flow.Load().out.Charge(1e9)
		began := time.Now()
		failed := make(chan error)
		go func() {
			_, err := c.Write([]byte("a NOOP\r\n"))
			failed <- err
		}()
		fmt.Fprintf(its, "* OK hello\r\n") // the reader holds back what comes next
		synctest.Wait()
		c.Close()
		if err := <-failed; err == nil {
			t.Error("written after the end")
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("ended after %s", took)
		}
	})
}
