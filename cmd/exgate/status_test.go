package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"exgate/backend"
	"exgate/config/profile"
	"exgate/proxy"
	"exgate/proxy/routing"
)

// startedStatus serves the status of a gateway that has no clients.
func startedStatus(t *testing.T, limits statusLimits) (address string) {
	t.Helper()
	server, err := proxy.NewServer(proxy.Options{Upstreams: []routing.Upstream{{
		Backend: backend.Options{Address: "127.0.0.1:1", TLS: backend.TLSInsecureNone}, Profile: "plain",
		Profiles: func(string) profile.Profile { return profile.Profile{Name: "plain"} },
	}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	var log bytes.Buffer
	stop, err := startStatus("127.0.0.1:0", limits, server, slog.New(slog.NewJSONHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	var line struct{ Address string }
	if err := json.Unmarshal(log.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	return line.Address
}

// askStatus opens a connection and says something.
func askStatus(t *testing.T, address, says string) net.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(nc, says); err != nil {
		t.Fatal(err)
	}
	return nc
}

// A gateway whose upstream cannot be reached is not ready, and says why.
func TestNotReady(t *testing.T) {
	address := startedStatus(t, defaultStatusLimits)
	answer, err := http.Get("http://" + address + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusServiceUnavailable ||
		!bytes.Contains(text, []byte("no upstream can be reached: connect to 127.0.0.1:1: ")) {
		t.Errorf("%d %s, %v", answer.StatusCode, text, err)
	}
}

// Whoever does not ask, or asks slowly, or does not ask again, is left.
func TestStatusLeavesWhoIdles(t *testing.T) {
	limits := defaultStatusLimits
	limits.header, limits.read, limits.idle = 20*time.Millisecond, 20*time.Millisecond, 20*time.Millisecond
	address := startedStatus(t, limits)
	for name, says := range map[string]string{
		"says nothing":               "",
		"begins a request":           "GET /livez HT",
		"begins a body":              "GET /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc",
		"asks once":                  "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n",
		"asks for what is not there": "GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := io.ReadAll(askStatus(t, address, says)); errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error("the connection is kept")
			}
		})
	}
}

// One who asks for much and does not read is left.
func TestStatusLeavesWhoDoesNotRead(t *testing.T) {
	limits := defaultStatusLimits
	limits.write = 20 * time.Millisecond
	address := startedStatus(t, limits)
	nc := askStatus(t, address, "")
	ask := bytes.Repeat([]byte("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"), 100)
	for {
		if _, err := nc.Write(ask); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal("the connection is kept")
		} else if err != nil {
			return
		}
	}
}

// So many are served at a time, and others when these have gone.
func TestStatusBoundsConnections(t *testing.T) {
	limits := defaultStatusLimits
	limits.connections = 2
	address := startedStatus(t, limits)
	var kept []net.Conn
	for range 2 {
		nc := askStatus(t, address, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
		if _, err := nc.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		kept = append(kept, nc)
	}
	third := askStatus(t, address, "")
	if _, err := third.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a third is served: %v", err)
	}
	for _, nc := range kept {
		nc.Close()
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for deadline := time.Now().Add(10 * time.Second); ; {
		answer, err := client.Get("http://" + address + "/livez")
		if err == nil {
			answer.Body.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("nobody is served after two have gone: %v", err)
		}
	}
}
