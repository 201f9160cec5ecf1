package testkit

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"exgate/backend/testkit"
)

// Redis is a redis-server (or valkey-server) of a test's own, on a loopback address, without files.
type Redis struct {
	Address string // host:port
	t       testing.TB
	program string
	args    []string
	running *exec.Cmd
}

// StartRedis starts a server with more arguments, if there are any. The test is skipped where neither redis-server nor
// valkey-server is installed, unless TEST_REDIS=needed says that it must be.
func StartRedis(t testing.TB, args ...string) *Redis {
	t.Helper()
	r := &Redis{t: t, args: args}
	for _, name := range []string{"redis-server", "valkey-server"} {
		if path, err := exec.LookPath(name); err == nil && r.program == "" {
			r.program = path
		}
	}
	switch {
	case r.program != "":
	case os.Getenv("TEST_REDIS") == "needed":
		t.Fatal("neither redis-server nor valkey-server is installed")
	default:
		t.Skip("neither redis-server nor valkey-server is installed")
	}
	l := testkit.Listen(t)
	r.Address = l.Addr().String()
	l.Close()
	r.Start()
	t.Cleanup(r.Kill)
	return r
}

// Start starts the server, which has lost its data, and waits until it answers.
func (r *Redis) Start() {
	r.t.Helper()
	host, port, _ := net.SplitHostPort(r.Address)
	args := []string{
		"--bind", host, "--port", port, "--dir", r.t.TempDir(), "--save", "", "--appendonly", "no",
	}
	r.running = exec.Command(r.program, append(args, r.args...)...)
	if err := r.running.Start(); err != nil {
		r.t.Fatal(err)
	}
	for began := time.Now(); !r.isUp(); time.Sleep(10 * time.Millisecond) { // a server that starts is asked again
		if time.Since(began) > WaitLimit {
			r.t.Fatal("the Redis server does not answer")
		}
	}
}

func (r *Redis) isUp() bool {
	nc, err := net.Dial("tcp", r.Address)
	if err != nil {
		return false
	}
	defer nc.Close()
	fmt.Fprint(nc, "PING\r\n")
	line, err := bufio.NewReader(nc).ReadString('\n')
	return err == nil && (strings.HasPrefix(line, "+PONG") || strings.HasPrefix(line, "-NOAUTH"))
}

// Kill ends the server at once. It does nothing if the server does not run.
func (r *Redis) Kill() {
	if r.running == nil {
		return
	}
	if err := r.running.Process.Kill(); err != nil {
		r.t.Error(err)
	}
	_ = r.running.Wait() // "signal: killed"
	r.running = nil
}
