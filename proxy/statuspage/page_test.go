package statuspage

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"exgate/backend"
	"exgate/proxy/status"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noon = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

// evil is a name that would run as a script if it was not escaped.
const evil = `<script>alert(1)</script>" onclick="x`

func snapshot() status.Snapshot {
	return status.Snapshot{
		Time: noon, Paused: []string{"carol"},
		Sessions: []status.Session{
			{ID: "s1", Client: "192.0.2.1:5", Since: noon.Add(-time.Minute), State: status.StateLogin},
			{ID: "s2", Client: "192.0.2.1:6", Since: noon, User: "bob", Caller: "backup", Program: evil, Mailbox: evil,
				State: status.StateThrottled, Until: noon.Add(time.Minute), Detail: "Exchange throttles this account",
				Outcomes: status.Outcomes{Stored: 12, Refused: 1, UpstreamOut: 1_234_567}},
		},
		Accounts: []status.Account{
			{User: "bob", Upstream: "default", Sessions: 1, AppendPerSecond: 0.5, ThrottledUntil: noon.Add(time.Minute), LastActive: noon,
				Budget: &status.Budget{Messages: 12, MessageLimit: 100, Bytes: 1_500, Until: noon.Add(time.Hour)}},
			{User: "dave", Upstream: "online", Outcomes: status.Outcomes{Unknown: 3, Waited: 90 * time.Second}},
		},
		Upstreams: []status.Upstream{{Name: "default", Address: "mail.example.com:993", Sessions: 1, Slots: 1, Throttled: 1,
			Budget: &status.Budget{Bytes: 2_000_000, ByteLimit: 9_000_000}}},
		Refusals: []status.Refusal{
			{Time: noon, What: status.RefusedMessage, Session: "s2", User: "bob", Mailbox: evil, Size: 5_000, Explain: "throttled", Title: "Throttled"},
			{Time: noon, What: status.RefusedLogin, Session: "s9", User: "eve"},
		},
	}
}

func serve(t *testing.T, h http.Handler) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server
}

func get(t *testing.T, url string) (*http.Response, string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func TestPage(t *testing.T) {
	server := serve(t, New(snapshot, nil))
	resp, body := get(t, server.URL)
	for _, want := range []string{
		">login<", "bob by backup", "throttled until ", "Exchange throttles this account", "1.2 MB", "Paused: carol.", "0.5/s",
		"mail.example.com:993", `href="explain/throttled"`, "see the log, session s9", "5.0 kB", "1m30s",
		"12 of 100 messages, 1.5 kB; used up until 2026-11-29", "0 messages, 2.0 MB of 9.0 MB<",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("%q is not in the page", want)
		}
	}
	if strings.Contains(body, "<script>alert") || strings.Contains(body, `" onclick=`) {
		t.Error("a client's text is not escaped")
	}
	if csp := resp.Header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none';") || strings.Contains(csp, "unsafe") {
		t.Errorf("Content-Security-Policy: %s", csp)
	}
	for _, text := range []string{body, file(t, "style.css"), file(t, "script.js")} {
		if strings.Contains(text, "://") || strings.Contains(text, "url(") {
			t.Error("the page asks another server")
		}
	}
}

// The report of the ledger is behind a link, and is made one at a time.
func TestReport(t *testing.T) {
	making, most := 0, 0
	release := make(chan struct{})
	report := func(_ context.Context, w io.Writer) error {
		making++ // one at a time, so without a lock
		most = max(most, making)
		<-release
		making--
		_, err := io.WriteString(w, "<!DOCTYPE html><p>the report")
		return err
	}
	server := serve(t, New(snapshot, report))
	if _, body := get(t, server.URL); !strings.Contains(body, `href="report"`) {
		t.Error("the page has no link to the report")
	}
	var asking sync.WaitGroup
	for range 3 {
		asking.Go(func() {
			resp, err := http.Get(server.URL + "/report")
			if err != nil {
				t.Error(err)
				return
			}
			defer resp.Body.Close()
			body, _ := io.ReadAll(resp.Body)
			csp := resp.Header.Get("Content-Security-Policy")
			if !strings.Contains(string(body), "the report") || !strings.HasPrefix(csp, "default-src 'none';") {
				t.Errorf("%s, %q", body, csp)
			}
		})
	}
	for range 3 {
		release <- struct{}{}
	}
	asking.Wait()
	if most != 1 {
		t.Errorf("%d reports were made at a time", most)
	}
	failing := serve(t, New(snapshot, func(context.Context, io.Writer) error { return errors.New("no file") }))
	if resp, body := get(t, failing.URL+"/report"); resp.StatusCode != http.StatusInternalServerError ||
		!strings.Contains(body, "no file") {
		t.Errorf("%d: %s", resp.StatusCode, body)
	}
	without := serve(t, New(snapshot, nil))
	if resp, body := get(t, without.URL+"/report"); resp.StatusCode != http.StatusNotFound {
		t.Errorf("%d: %s", resp.StatusCode, body)
	}
	if _, body := get(t, without.URL); strings.Contains(body, `href="report"`) {
		t.Error("the page has a link to a report that there is none of")
	}
}

func file(t *testing.T, name string) string {
	t.Helper()
	text, err := files.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestPaths(t *testing.T) {
	server := serve(t, New(func() status.Snapshot { return status.Snapshot{} }, nil))
	for path, want := range map[string]struct {
		code       int
		kind, says string
	}{
		"/":                  {http.StatusOK, "text/html; charset=utf-8", "No client is connected."},
		"/style.css":         {http.StatusOK, "text/css; charset=utf-8", "prefers-color-scheme: dark"},
		"/script.js":         {http.StatusOK, "text/javascript; charset=utf-8", "EventSource"},
		"/explain/throttled": {http.StatusOK, "text/html; charset=utf-8", "What exgate does"},
		"/explain/nothing":   {http.StatusNotFound, "text/plain; charset=utf-8", "no such entry"},
		"/page.html":         {http.StatusNotFound, "text/plain; charset=utf-8", "not found"},
	} {
		resp, body := get(t, server.URL+path)
		if resp.StatusCode != want.code || resp.Header.Get("Content-Type") != want.kind || !strings.Contains(body, want.says) {
			t.Errorf("%s: %d %s\n%.300s", path, resp.StatusCode, resp.Header.Get("Content-Type"), body)
		}
	}
	if resp, err := http.Post(server.URL, "text/plain", strings.NewReader("x")); err != nil || resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST: %v, %v", resp, err)
	} else {
		resp.Body.Close()
	}
}

// A table has a bound, and says so.
func TestRowsHaveABound(t *testing.T) {
	now := status.Snapshot{
		Sessions: make([]status.Session, maxRows+7), Accounts: make([]status.Account, maxRows+7),
		Upstreams: make([]status.Upstream, maxRows+7),
	}
	for i, note := range []string{"7 more are not shown.", "Since the start of exgate. 7 more are not shown.", "7 more are not shown."} {
		s := sections(&now)[i]
		if len(s.Rows) != maxRows || s.Count != "507" || s.Note != note {
			t.Errorf("%s: %d rows, %s, %q", s.ID, len(s.Rows), s.Count, s.Note)
		}
	}
}

// All browsers share what one of them is shown.
func TestViewIsShared(t *testing.T) {
	var made atomic.Int64
	h := New(func() status.Snapshot {
		made.Add(1)
		return snapshot()
	}, nil)
	h.every = time.Hour
	server := serve(t, h)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for range maxLive {
		if _, data := listen(t, ctx, server.URL)(); !strings.Contains(data, "Paused: carol.") {
			t.Fatalf("a page is told %s", data)
		}
	}
	if n := made.Load(); n != 1 {
		t.Errorf("%d snapshots for %d pages", n, maxLive)
	}
}

// BenchmarkEvents is what exgate does each second for browsers that show thousands of sessions and accounts.
func BenchmarkEvents(b *testing.B) {
	now := status.Snapshot{Sessions: make([]status.Session, 4_000), Accounts: make([]status.Account, 10_000)}
	for i := range now.Sessions {
		now.Sessions[i] = snapshot().Sessions[1]
	}
	for i := range now.Accounts {
		now.Accounts[i] = snapshot().Accounts[0]
	}
	for _, browsers := range []int{1, maxLive} {
		b.Run(fmt.Sprintf("browsers=%d", browsers), func(b *testing.B) {
			sent := make([]map[string]string, browsers)
			for b.Loop() {
				h := New(func() status.Snapshot { return now }, nil)
				for i := range sent {
					sent[i] = make(map[string]string)
					if _, err := h.event(sent[i]); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

// listen opens the stream of events, and returns a function that reads the next one.
func listen(t *testing.T, ctx context.Context, url string) (next func() (name, data string)) {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	return func() (name, data string) {
		t.Helper()
		for lines.Scan() {
			switch key, value, _ := strings.Cut(lines.Text(), ": "); key {
			case "event":
				name = value
			case "data":
				data = value
			case "":
				return name, data
			}
		}
		return "end", ""
	}
}

// The events have what has changed, also beyond the deadlines of the server.
func TestEvents(t *testing.T) {
	var stored atomic.Int64
	h := New(func() status.Snapshot {
		now := snapshot()
		now.Sessions[1].Stored = stored.Load()
		return now
	}, nil)
	h.every = time.Millisecond
	server := httptest.NewUnstartedServer(h)
	server.Config.ReadTimeout, server.Config.WriteTimeout = 500*time.Millisecond, 500*time.Millisecond
	server.Start()
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	next := listen(t, ctx, server.URL)
	read := func() (got news) {
		t.Helper()
		if _, data := next(); json.Unmarshal([]byte(data), &got) != nil {
			t.Fatalf("got %q", data)
		}
		return got
	}
	if first := read(); len(first.Sections) != 4 || !strings.HasPrefix(first.Says, "live, ") {
		t.Errorf("the first event has %d sections and says %q", len(first.Sections), first.Says)
	}
	for end := time.Now().Add(600 * time.Millisecond); time.Now().Before(end); {
		if more := read(); len(more.Sections) != 0 {
			t.Errorf("nothing has changed, and %d sections came", len(more.Sections))
		}
	}
	stored.Store(98765)
	for got := read(); ; got = read() {
		if html, ok := got.Sections["sessions"]; ok {
			if !strings.Contains(html, "98765") || len(got.Sections) != 1 {
				t.Errorf("%d sections, %s", len(got.Sections), html)
			}
			break
		}
	}
}

// One page more than there may be is told so, and a place is free again when a page is closed.
func TestEventsHaveABound(t *testing.T) {
	h := New(snapshot, nil)
	h.every = time.Millisecond
	server := serve(t, h)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for range maxLive {
		if name, _ := listen(t, ctx, server.URL)(); name != "" {
			t.Fatalf("a page is told %s", name)
		}
	}
	next := listen(t, t.Context(), server.URL)
	if name, data := next(); name != "full" || !strings.Contains(data, "16 pages are live already") {
		t.Errorf("one too many: %q %q", name, data)
	}
	if name, _ := next(); name != "end" {
		t.Errorf("one too many: %q", name)
	}
	cancel()
	for name := "full"; name == "full"; {
		name, _ = listen(t, t.Context(), server.URL)()
	}
}

func TestGuard(t *testing.T) {
	secret := backend.NewSecret("0123456789abcdef")
	page := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "page") })
	proven := &tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{{}}}
	for name, test := range map[string]struct {
		token        backend.Secret
		certificates bool
		host         string
		tls          *tls.ConnectionState
		auth         []string // user and password, or a bearer token
		want         int
	}{
		"open by address":       {host: "127.0.0.1:9143", want: 200},
		"open by IPv6":          {host: "[::1]:9143", want: 200},
		"open by IPv6, no port": {host: "[::1]", want: 200},
		"open by localhost":     {host: "localhost:9143", want: 200},
		"open by another name":  {host: "evil.example:9143", want: 403},
		"no token":              {token: secret, host: "x", want: 401},
		"wrong token":           {token: secret, host: "x", auth: []string{"a", "0123456789abcdee"}, want: 401},
		"the token as the name": {token: secret, host: "x", auth: []string{"0123456789abcdef", ""}, want: 401},
		"the token":             {token: secret, host: "x", auth: []string{"", "0123456789abcdef"}, want: 200},
		"the bearer of it":      {token: secret, host: "x", auth: []string{"0123456789abcdef"}, want: 200},
		"no bearer":             {token: secret, host: "x", auth: []string{""}, want: 401},
		"no certificate":        {certificates: true, host: "127.0.0.1", tls: new(tls.ConnectionState), want: 403},
		"a certificate":         {certificates: true, host: "x", tls: proven, want: 200},
		"either, certificate":   {token: secret, certificates: true, host: "x", tls: proven, want: 200},
		"either, none":          {token: secret, certificates: true, host: "x", tls: new(tls.ConnectionState), want: 401},
		"empty token, no right": {certificates: true, host: "x", auth: []string{"", ""}, want: 403},
	} {
		req := httptest.NewRequest(http.MethodGet, "/", nil)
		req.Host, req.TLS = test.host, test.tls
		switch len(test.auth) {
		case 1:
			req.Header.Set("Authorization", "Bearer "+test.auth[0])
		case 2:
			req.SetBasicAuth(test.auth[0], test.auth[1])
		}
		got := httptest.NewRecorder()
		Guard(page, test.token, test.certificates).ServeHTTP(got, req)
		if got.Code != test.want || (got.Code == 200) != (got.Body.String() == "page") {
			t.Errorf("%s: %d %s, want %d", name, got.Code, got.Body, test.want)
		}
	}
}

func TestCells(t *testing.T) {
	for want, c := range map[string]cell{
		"999": size(999), "1.0 kB": size(1000), "12.3 MB": size(12_345_678), "2.0 GB": size(2e9), "3000.0 TB": size(3e15),
		"no limit": pace(0), "0.333/s": pace(1.0 / 3), "-": text(""),
	} {
		if c.Text != want {
			t.Errorf("%q, want %q", c.Text, want)
		}
	}
	if !slices.Equal(heads("a", "b#"), []head{{"a", ""}, {"b", "number"}}) {
		t.Errorf("%v", heads("a", "b#"))
	}
}
