package proxy

import (
	"net"
	"syscall"
	"testing"

	"exgate/proxy/testkit"
)

// A client that reads the answer and closes its connection has the answer: an equal message after that is another one. A
// client that dies with the answer unread has not.
func TestClosedConnectionTellsWhetherTheAnswerWasRead(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(*client)
		want int
	}{
		{"read", answered, 2},
		{"unread", dies, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g, sim := newRecorded(t, "exchange2016")
			for range 2 {
				g.put(cleanMessage, "", tt.end)
			}
			if n := len(sim.Messages("alice", "INBOX")); n != tt.want {
				t.Errorf("%d messages, want %d\n%s", n, tt.want, g.log)
			}
		})
	}
}

// A client that has read all until the BYE of a gateway that drains, and then closes, has the answer.
func TestDrainHearsThatTheAnswerWasRead(t *testing.T) {
	got := provenAfterDrain(t, func(_ *gateway, c *client) {
		c.ends()
		c.close()
	})
	if got != "1" {
		t.Errorf("proven is %s, want 1", got)
	}
}

// dies returns when the answer is with the client's machine.
func dies(c *client) {
	c.t.Helper()
	raw, err := c.nc.(*net.TCPConn).SyscallConn()
	if err != nil {
		c.t.Fatal(err)
	}
	err = raw.Read(func(fd uintptr) bool {
		n, _, err := syscall.Recvfrom(int(fd), make([]byte, 1), syscall.MSG_PEEK)
		return n > 0 || err != syscall.EAGAIN
	})
	if err != nil {
		c.t.Fatal(err)
	}
}

// arrivals does not report what the client has not acknowledged, nor anything of a closed connection.
func TestArrivals(t *testing.T) {
	l := testkit.Listen(t)
	defer l.Close()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	server, err := l.AcceptTCP()
	if err != nil {
		t.Fatal(err)
	}
	arrived := arrivals(server)
	if !arrived() {
		t.Error("a connection that has sent nothing waits for an acknowledgement")
	}
	server.SetWriteBuffer(1 << 16)
	client.(*net.TCPConn).SetReadBuffer(1 << 12)
	written := make(chan struct{})
	go func() {
		defer close(written)
		server.Write(make([]byte, 1<<24)) // more than the client's machine takes
	}()
	testkit.Eventually(t, "what the client's machine does not take is not acknowledged", func() bool { return !arrived() })
	server.Close()
	<-written
	if arrived() {
		t.Error("a closed connection counts as acknowledged")
	}
}

// A load balancer acknowledges what its client may not get.
func TestArrivalsBehindProxy(t *testing.T) {
	near, _ := pair(t)
	if arrivals(near) == nil {
		t.Error("nothing is known of a direct connection")
	}
	if arrivals(&proxiedConn{Conn: near}) != nil {
		t.Error("a proxy is taken for its client")
	}
}
