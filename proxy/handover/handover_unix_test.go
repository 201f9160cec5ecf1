//go:build unix

package handover

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"exgate/proxy/status"
)

// role says what this program does when a test has started it; "": it runs the tests.
const role = "HANDOVER_TEST_ROLE"

func TestMain(m *testing.M) {
	if as := os.Getenv(role); as != "" {
		os.Exit(takeOver(as))
	}
	os.Exit(m.Run())
}

// takeOver is the new process of a test.
func takeOver(as string) int {
	if as == "no exgate" {
		return 3
	}
	i, err := Take()
	if err != nil || i == nil || os.Getenv(variable) != "" {
		return 4
	}
	switch as {
	case "fails":
		i.Fail(errors.New("the configuration is wrong"))
		return 78
	case "hangs":
		time.Sleep(time.Minute)
	}
	control, drain, err := i.Ready(nil)
	if err != nil {
		return 5
	}
	for _, s := range i.Sockets {
		nc, err := s.Accept()
		if err != nil {
			return 6
		}
		io.WriteString(nc, strings.Join(append([]string{s.Name, s.Address, control}, drain.Orders.Paused...), " "))
		nc.Close()
	}
	<-i.Ended()
	return 0
}

// start starts this program in a role, with two sockets.
func start(t *testing.T, as string, patience time.Duration) (*Successor, []Socket, error) {
	t.Helper()
	t.Setenv(role, as)
	t.Setenv("LISTEN_FDS", "7") // of this process
	var sockets []Socket
	for _, name := range []string{"starttls", "status"} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		sockets = append(sockets, Socket{Name: name, Address: "of " + name, Listener: l})
	}
	program, err := ThisProgram()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	next, err := Start(ctx, program, sockets)
	return next, sockets, err
}

// The new process gets the sockets with their names. A client that connects before the new one may accept waits.
func TestTakeOver(t *testing.T) {
	next, sockets, err := start(t, "serves", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	var clients []net.Conn
	for _, s := range sockets {
		nc, err := net.Dial("tcp", s.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		clients = append(clients, nc)
		s.Close() // must not block, although the other process has the socket
	}
	if err := next.Go("/path", status.Drain{Orders: status.Orders{Paused: []string{"joe"}}}); err != nil {
		t.Fatal(err)
	}
	for i, nc := range clients {
		nc.SetDeadline(time.Now().Add(20 * time.Second))
		got, err := io.ReadAll(nc)
		if want := sockets[i].Name + " of " + sockets[i].Name + " /path joe"; err != nil || string(got) != want {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
	}
	if err := next.Close(); err != nil {
		t.Error(err)
	}
}

// A new process that does not become ready changes nothing: the sockets of the old one go on.
func TestTakeOverFails(t *testing.T) {
	for as, want := range map[string]string{
		"fails":     "the configuration is wrong",
		"no exgate": "it ended before it was ready (exit status 3)",
		"hangs":     "it was not ready in time",
	} {
		t.Run(as, func(t *testing.T) {
			patience := time.Minute
			if as == "hangs" {
				patience = 500 * time.Millisecond
			}
			_, sockets, err := start(t, as, patience)
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %q", err, want)
			}
			for _, s := range sockets {
				accepted := make(chan error, 1)
				go func() {
					nc, err := s.Accept()
					if err == nil {
						nc.Close()
					}
					accepted <- err
				}()
				nc, err := net.Dial("tcp", s.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				nc.Close()
				if err := <-accepted; err != nil {
					t.Error(err)
				}
			}
		})
	}
	program := Program{Path: "/nonexistent/exgate", Dir: "/"}
	if _, err := Start(t.Context(), program, nil); err == nil || !strings.Contains(err.Error(), "start /nonexistent/exgate") {
		t.Errorf("no program: %v", err)
	}
}

func TestTakeWithoutAnOldProcess(t *testing.T) {
	if i, err := Take(); i != nil || err != nil {
		t.Errorf("got %v, %v", i, err)
	}
	t.Setenv(variable, "stray")
	if _, err := Take(); err == nil || !strings.Contains(err.Error(), "only an exgate that hands over sets it") {
		t.Errorf("got %v", err)
	}
	var none *Inheritance
	none.Fail(errors.New("nobody is told"))
}
