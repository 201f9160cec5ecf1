//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// serviceManager takes what a service tells systemd.
type serviceManager struct {
	t        *testing.T
	socket   *net.UnixConn
	messages chan string // as many as a test can have wait in it
}

// newServiceManager puts itself into the environment, as systemd does.
func newServiceManager(t *testing.T) *serviceManager {
	t.Helper()
	dir, err := os.MkdirTemp("", "exgate") // t.TempDir may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	address := net.UnixAddr{Name: filepath.Join(dir, "notify"), Net: "unixgram"}
	socket, err := net.ListenUnixgram("unixgram", &address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { socket.Close() })
	t.Setenv("NOTIFY_SOCKET", address.Name)
	return &serviceManager{t, socket, make(chan string, 10000)}
}

// read takes messages until the end of the test.
func (m *serviceManager) read() {
	for buf := make([]byte, 4096); ; {
		n, err := m.socket.Read(buf)
		if err != nil {
			return
		}
		m.messages <- string(buf[:n])
	}
}

// told waits for a message that has all parts, and returns it.
func (m *serviceManager) told(parts ...string) string {
	m.t.Helper()
	timeout := time.After(20 * time.Second)
	for {
		select {
		case text := <-m.messages:
			missing := false
			for _, part := range parts {
				missing = missing || !strings.Contains(text, part)
			}
			if !missing {
				return text
			}
		case <-timeout:
			m.t.Fatalf("systemd is not told %q", parts)
		}
	}
}

func TestServeTellsSystemd(t *testing.T) {
	m := newServiceManager(t)
	go m.read()
	t.Setenv("WATCHDOG_USEC", "60000")
	dir := t.TempDir()
	file := filepath.Join(dir, "exgate.yaml")
	upstream := simulatedUpstream(t)
	write := func(mode string) {
		t.Helper()
		config := fmt.Sprintf("mode: %q\nstate_dir: %s\nlisten: { insecure-plaintext: \"127.0.0.1:0\" }\n"+
			"upstream: { address: %q, tls: insecure-none, profile: exchange2016 }\nlog: { format: json }\n", mode, dir, upstream)
		if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("enforce")
	s := startServing(t, file)
	address := s.logged("listening")["address"].(string)
	m.told("READY=1", "STATUS=serving, mode enforce")
	m.told("WATCHDOG=1")
	c := dialGateway(t, address)
	m.told("STATUS=serving, mode enforce, connections: 1, logged in: 1")

	write("observe")
	hup(t)
	m.told("RELOADING=1\nMONOTONIC_USEC=")
	m.told("READY=1", "STATUS=serving, mode observe")
	write("a\nREADY=0")
	hup(t)
	m.told("RELOADING=1")
	said := m.told("READY=1", "STATUS=serving with the previous configuration, since the new one has a mistake: mode: ")
	if strings.Contains(said, "\nREADY=0") {
		t.Errorf("a value of the configuration has become a message: %q", said)
	}
	m.told("WATCHDOG=1")
	if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	m.told("STOPPING=1", "STATUS=stopping")
	c.expect("* BYE")
	if err := <-s.err; err != nil {
		t.Error(err)
	}
}

// A systemd that is not there, or reads nothing, holds up nothing, and the log says so once.
func TestServeWithoutItsSystemd(t *testing.T) {
	for name, prepare := range map[string]func(*serviceManager){
		"not there": func(m *serviceManager) { m.socket.Close() },
		"reads nothing": func(m *serviceManager) {
			for notifySystemd("X=1") == nil { // until its queue is full
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			prepare(newServiceManager(t))
			t.Setenv("WATCHDOG_USEC", "60000")
			dir := t.TempDir()
			file := filepath.Join(dir, "exgate.yaml")
			config := fmt.Sprintf("state_dir: %s\nlisten: { insecure-plaintext: \"127.0.0.1:0\" }\n"+
				"upstream: { address: %q, tls: insecure-none }\nlog: { format: json }\n", dir, simulatedUpstream(t))
			if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
				t.Fatal(err)
			}
			s := startServing(t, file)
			s.logged("systemd is not told of the state of exgate")
			if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			if err := <-s.err; err != nil {
				t.Error(err)
			}
			for line := range s.log {
				if strings.Contains(line, "systemd is not told") {
					t.Error("the log says it twice")
				}
			}
		})
	}
}

// After SIGUSR1, the log and the trace are in files of their old names, and the renamed files
// keep what they had.
func TestServeOpensItsLogsAgain(t *testing.T) {
	dir := t.TempDir()
	file, log, trace := filepath.Join(dir, "exgate.yaml"), filepath.Join(dir, "log"), filepath.Join(dir, "trace")
	address := freeAddress(t)
	config := fmt.Sprintf("state_dir: %s\nlisten: { insecure-plaintext: %q }\n"+
		"upstream: { address: %q, tls: insecure-none }\nlog: { file: %s, trace: %s }\n", dir, address, simulatedUpstream(t), log, trace)
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	m := newServiceManager(t)
	go m.read()
	s := startServing(t, file)
	m.told("READY=1")
	dialGateway(t, address).say("b STATUS XYZZY1 (MESSAGES)", "b NO")
	awaitText(t, trace, "XYZZY1")
	for _, path := range []string{log, trace} {
		if err := os.Rename(path, path+".old"); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	awaitText(t, log, `"key":"log.trace"`)
	dialGateway(t, address).say("b STATUS XYZZY2 (MESSAGES)", "b NO")
	awaitText(t, trace, "XYZZY2")
	if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := <-s.err; err != nil {
		t.Error(err)
	}
	awaitText(t, log+".old", `"exgate starts"`)
	awaitText(t, log, `"exgate has stopped"`)
	if old, err := os.ReadFile(trace + ".old"); err != nil || strings.Contains(string(old), "XYZZY2") {
		t.Errorf("the old trace: %v\n%s", err, old)
	}
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if !json.Valid([]byte(line)) {
			t.Errorf("the log has %q", line)
		}
	}
	for line := range s.log {
		t.Errorf("standard error has %q", line)
	}
}

// awaitText waits until a file has a text.
func awaitText(t *testing.T, path, text string) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; {
		data, err := os.ReadFile(path)
		if err == nil && strings.Contains(string(data), text) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s has no %q: %v\n%s", path, text, err, data)
		}
		time.Sleep(time.Millisecond) // between two looks
	}
}
