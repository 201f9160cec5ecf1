package control

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"exgate/proxy/status"
)

// stage is a gateway with one session, of alice.
type stage struct{ kicked, ordered []string }

func (s *stage) obey(format string, args ...any) (int, error) {
	s.ordered = append(s.ordered, fmt.Sprintf(format, args...))
	return len(s.ordered), nil
}

func (s *stage) Pause(who string) (int, error)  { return s.obey("pause %s", who) }
func (s *stage) Resume(who string) (int, error) { return 0, fmt.Errorf("%s is not paused", who) }
func (s *stage) Pace(user string, perSecond *float64) (int, error) {
	if perSecond == nil {
		return s.obey("pace %s as configured", user)
	}
	return s.obey("pace %s %v", user, *perSecond)
}
func (s *stage) Trace(user string, on bool) (int, error) { return s.obey("trace %s %v", user, on) }

func (*stage) Drained() status.Drain { return status.Drain{Draining: true} }

func (*stage) Snapshot() status.Snapshot {
	return status.Snapshot{Sessions: []status.Session{{ID: "abc", User: "alice", State: status.StateIdle}}}
}

func (s *stage) Kick(who string, now bool) int {
	if who != "alice" {
		return 0
	}
	if now {
		who += " now"
	}
	s.kicked = append(s.kicked, who)
	return 1
}

// serve makes a control socket, and returns its path.
func serve(t *testing.T, gateway Gateway, log io.Writer) string {
	t.Helper()
	path := Path(t.TempDir())
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(Serve(l, gateway, slog.New(slog.NewTextHandler(log, nil))))
	return path
}

func TestOrders(t *testing.T) {
	gateway, log := new(stage), new(bytes.Buffer)
	client := NewClient(serve(t, gateway, log))
	now, err := client.Snapshot(t.Context())
	if err != nil || len(now.Sessions) != 1 || now.Sessions[0].User != "alice" || now.Sessions[0].State != status.StateIdle {
		t.Errorf("got %+v, %v", now, err)
	}
	for _, hard := range []bool{false, true} {
		if n, err := client.Kick(t.Context(), "alice", hard); n != 1 || err != nil {
			t.Errorf("kick: %d, %v", n, err)
		}
	}
	var refused RefusedError
	if _, err := client.Kick(t.Context(), "bob", false); !errors.As(err, &refused) || !strings.Contains(err.Error(), `"bob"`) {
		t.Errorf("kick of nobody: %v", err)
	}
	if got := strings.Join(gateway.kicked, ", "); got != "alice, alice now" {
		t.Errorf("kicked: %s", got)
	}
	if n := strings.Count(log.String(), "order=kick"); n != 2 {
		t.Errorf("the log has %d orders, want 2:\n%s", n, log)
	}
}

func TestOtherOrders(t *testing.T) {
	gateway, half := new(stage), 0.5
	client := NewClient(serve(t, gateway, io.Discard))
	for i, order := range []func() (int, error){
		func() (int, error) { return client.Pause(t.Context(), "all") },
		func() (int, error) { return client.Pace(t.Context(), "bob", &half) },
		func() (int, error) { return client.Pace(t.Context(), "bob", nil) },
		func() (int, error) { return client.Trace(t.Context(), "bob", true) },
		func() (int, error) { return client.Trace(t.Context(), "bob", false) },
	} {
		if n, err := order(); n != i+1 || err != nil {
			t.Errorf("order %d: %d, %v", i, n, err)
		}
	}
	if got := strings.Join(gateway.ordered, ", "); got !=
		"pause all, pace bob 0.5, pace bob as configured, trace bob true, trace bob false" {
		t.Errorf("ordered: %s", got)
	}
	if _, err := client.Resume(t.Context(), "bob"); err == nil || err.Error() != "bob is not paused" {
		t.Errorf("resume: %v", err)
	}
}

// A request that is no order of this version changes nothing.
func TestBadRequests(t *testing.T) {
	gateway := new(stage)
	client := NewClient(serve(t, gateway, io.Discard))
	if _, err := client.order(t.Context(), "dance", kickRequest{}); err == nil || !strings.Contains(err.Error(), "another version") {
		t.Errorf("an order of another version: %v", err)
	}
	for _, test := range []struct {
		method, path, body string
		want               int
	}{
		{"POST", "/v1/kick", `{"who":"alice","how":"hard"}`, http.StatusBadRequest},
		{"POST", "/v1/kick", `{"who":`, http.StatusBadRequest},
		{"POST", "/v1/kick", `{"who":"` + strings.Repeat("a", maxRequest) + `"}`, http.StatusBadRequest},
		{"GET", "/v1/kick", ``, http.StatusMethodNotAllowed},
		{"POST", "/v1/snapshot", `{}`, http.StatusMethodNotAllowed},
		{"GET", "/", ``, http.StatusNotFound},
	} {
		req, err := http.NewRequestWithContext(t.Context(), test.method, "http://exgate"+test.path, strings.NewReader(test.body))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.http.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != test.want {
			t.Errorf("%s %s %.40s: %d, want %d", test.method, test.path, test.body, resp.StatusCode, test.want)
		}
	}
	if gateway.kicked != nil {
		t.Errorf("kicked: %v", gateway.kicked)
	}
}

func TestSocketIsPrivate(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no mode of files")
	}
	info, err := os.Stat(serve(t, new(stage), io.Discard))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

// The socket of an exgate that was killed is in nobody's way, and that of a running one is left alone.
func TestListenAgain(t *testing.T) {
	path := Path(t.TempDir())
	killed, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	killed.(*net.UnixListener).SetUnlinkOnClose(false)
	killed.Close()
	if _, err := NewClient(path).Snapshot(t.Context()); !errors.Is(err, ErrNotRunning) {
		t.Errorf("the client of a killed exgate: %v", err)
	}
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(Serve(l, new(stage), slog.New(slog.DiscardHandler)))
	if _, err := Listen(path); !errors.Is(err, ErrInUse) {
		t.Errorf("a second exgate: %v", err)
	}
	if _, err := NewClient(path).Snapshot(t.Context()); err != nil {
		t.Errorf("the first exgate, after the second: %v", err)
	}
}

func TestListenFails(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(Path(dir), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		Path(filepath.Join(dir, strings.Repeat("x", 100))): "choose a state_dir of at most 90 bytes",
		Path(file): "state_dir: ",
		Path(dir):  "is no socket: remove it",
	} {
		if l, err := Listen(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
			if err == nil {
				l.Close()
			}
		}
	}
}

func TestClientWithoutServer(t *testing.T) {
	dir := t.TempDir()
	if _, err := NewClient(Path(dir)).Snapshot(t.Context()); !errors.Is(err, ErrNotRunning) {
		t.Errorf("no socket: %v", err)
	}
	l, err := Listen(Path(dir)) // accepts, and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := NewClient(Path(dir)).Snapshot(ctx); err == nil || errors.Is(err, ErrNotRunning) {
		t.Errorf("a server that is silent: %v", err)
	}
}
