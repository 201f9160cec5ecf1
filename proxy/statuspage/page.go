// Package statuspage is the page that shows an operator what a gateway does: its sessions, accounts, upstreams and last
// refusals. The page is read only, and asks nothing of other servers. Server-sent events keep it up to date.
package statuspage

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"exgate/backend/knowledge"
	"exgate/proxy/status"
)

//go:embed page.html style.css script.js
var files embed.FS

var page = template.Must(template.ParseFS(files, "page.html"))

const (
	// maxLive limits the pages that are kept up to date.
	maxLive = 16
	// writeTime is the longest time to write an event.
	writeTime = 10 * time.Second
)

// Handler serves the page.
type Handler struct {
	mux      http.ServeMux
	snapshot func() status.Snapshot
	every    time.Duration // between two events
	live     chan struct{} // holds an element for each page that is kept up to date
	report   Report
	making   chan struct{} // holds an element while a report is made

	mu   sync.Mutex
	last *view // nil: none was made
}

// Report writes the report of the ledger, in HTML. It is nil without a ledger.
type Report func(ctx context.Context, w io.Writer) error

// New returns a handler that shows what snapshot and report return.
func New(snapshot func() status.Snapshot, report Report) *Handler {
	h := &Handler{snapshot: snapshot, every: time.Second, live: make(chan struct{}, maxLive), report: report,
		making: make(chan struct{}, 1)}
	h.mux.HandleFunc("GET /report", h.writeReport)
	h.mux.HandleFunc("GET /{$}", h.page)
	h.mux.HandleFunc("GET /events", h.events)
	h.mux.HandleFunc("GET /explain/{id}", h.explain)
	h.mux.Handle("GET /style.css", http.FileServerFS(files))
	h.mux.Handle("GET /script.js", http.FileServerFS(files))
	return h
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; "+
		"connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cache-Control", "no-store")
	h.mux.ServeHTTP(w, r)
}

func (h *Handler) page(w http.ResponseWriter, _ *http.Request) {
	now := h.snapshot()
	render(w, "page.html", struct {
		Sections  []section
		HasReport bool
	}{sections(&now), h.report != nil})
}

// writeReport makes one report at a time: a large ledger takes seconds. The report is one file, whose style and script
// are inside.
func (h *Handler) writeReport(w http.ResponseWriter, r *http.Request) {
	if h.report == nil {
		http.Error(w, "there is no report without a ledger (ledger.file)", http.StatusNotFound)
		return
	}
	select {
	case h.making <- struct{}{}:
		defer func() { <-h.making }()
	case <-r.Context().Done():
		return
	}
	var text bytes.Buffer
	if err := h.report(r.Context(), &text); err != nil {
		http.Error(w, "the report cannot be made: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; script-src "+
		"'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Write(text.Bytes()) // whoever has asked may have left
}

func (h *Handler) explain(w http.ResponseWriter, r *http.Request) {
	entry, ok := knowledge.ByID(r.PathValue("id"))
	if !ok {
		http.Error(w, "exgate explain has no such entry", http.StatusNotFound)
		return
	}
	render(w, "explain", entry)
}

func render(w http.ResponseWriter, name string, data any) {
	var text bytes.Buffer
	if err := page.ExecuteTemplate(&text, name, data); err != nil {
		http.Error(w, "the page cannot be made: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Write(text.Bytes()) // whoever has asked may have left
}

// news is an event: the sections that have changed, and the line above them.
type news struct {
	Sections map[string]string `json:"sections"`
	Says     string            `json:"says"`
}

// events sends the sections that change, until the client leaves or the server closes the connection.
func (h *Handler) events(w http.ResponseWriter, r *http.Request) {
	out := http.NewResponseController(w)
	w.Header().Set("Content-Type", "text/event-stream")
	send := func(event string) error {
		if err := out.SetWriteDeadline(time.Now().Add(writeTime)); err != nil {
			return err
		}
		if _, err := fmt.Fprint(w, event); err != nil {
			return err
		}
		return out.Flush()
	}
	select {
	case h.live <- struct{}{}:
		defer func() { <-h.live }()
	default:
		send(fmt.Sprintf("event: full\ndata: not live: %d pages are live already; reload this one to see news\n\n",
			maxLive))
		return
	}
	if out.SetReadDeadline(time.Time{}) != nil { // the client says nothing more
		return
	}
	tick := time.NewTicker(h.every)
	defer tick.Stop()
	sent := make(map[string]string)
	for {
		event, err := h.event(sent)
		if err != nil || send(event) != nil {
			return
		}
		select {
		case <-tick.C:
		case <-r.Context().Done():
			return
		}
	}
}

// event returns the next event. sent has the sections that were sent before.
func (h *Handler) event(sent map[string]string) (string, error) {
	now, err := h.shown()
	if err != nil {
		return "", err
	}
	next := news{Sections: make(map[string]string), Says: now.says}
	for id, text := range now.sections {
		if sent[id] != text {
			sent[id], next.Sections[id] = text, text
		}
	}
	data, err := json.Marshal(next)
	return "data: " + string(data) + "\n\n", err
}

// view is the page as all browsers see it for a moment.
type view struct {
	made     time.Time
	says     string
	sections map[string]string // by ID
}

// shown returns the view. It is made at most twice between two events of a browser, whose events it serves with those
// of all others: with thousands of sessions, it takes the processor for tens of milliseconds.
func (h *Handler) shown() (*view, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.last != nil && time.Since(h.last.made) < h.every/2 {
		return h.last, nil
	}
	now := h.snapshot()
	next := &view{made: time.Now(), says: "live, " + now.Time.Local().Format(time.TimeOnly),
		sections: make(map[string]string)}
	if now.Draining {
		next.says += ": exgate is stopping"
	}
	if lost := now.Cluster.Text(); lost != "" {
		next.says += ": " + lost
	}
	for _, s := range sections(&now) {
		var text strings.Builder
		if err := page.ExecuteTemplate(&text, "section", s); err != nil {
			return nil, err
		}
		next.sections[s.ID] = text.String()
	}
	h.last = next
	return next, nil
}
