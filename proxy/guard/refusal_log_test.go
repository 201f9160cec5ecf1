package guard

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"exgate/proxy/testkit"
)

func TestRefusalLog(t *testing.T) {
	clock := &testkit.Clock{T: time.Unix(0, 0)}
	r := NewRefusalLog()
	r.now = clock.Now
	var out strings.Builder
	log := slog.New(slog.NewTextHandler(&out, nil))
	said := func(all bool) string {
		out.Reset()
		r.Flush(log, all)
		return out.String()
	}
	first := func(n int, reason, address string) (logged int) {
		for range n {
			if r.IsFirst(reason, address) {
				logged++
			}
		}
		return logged
	}
	if n := first(100, "guessing", "192.0.2.1"); n != 1 {
		t.Errorf("%d are logged", n)
	}
	if n := first(1, "guessing", "192.0.2.2") + first(1, "connections", "192.0.2.1"); n != 2 {
		t.Errorf("of another address, and for another reason, %d", n)
	}
	if text := said(false); text != "" {
		t.Errorf("at once: %s", text)
	}
	clock.Add(flushEvery)
	const line = "reason=guessing address=192.0.2.1 refused=99 within=5m0s"
	if text := said(false); strings.Count(text, "\n") != 1 || !strings.Contains(text, line) {
		t.Errorf("after a while: %s", text)
	}
	// It goes on, and then ends.
	if n := first(7, "guessing", "192.0.2.1"); n != 0 {
		t.Errorf("%d are logged though it goes on", n)
	}
	if text := said(true); !strings.Contains(text, "refused=7") {
		t.Errorf("at the end: %s", text)
	}
	clock.Add(flushEvery)
	said(false)
	if len(r.unlogged) != 0 || first(2, "guessing", "192.0.2.1") != 1 {
		t.Errorf("%d are remembered", len(r.unlogged))
	}
	// From very many addresses the log does not fill up either.
	logged := 0
	for i := range 100_000 {
		logged += first(1, "guessing", fmt.Sprint("2001:db8:", i))
	}
	if logged > maxRefusalKeys+1 || len(r.unlogged) > maxRefusalKeys+1 {
		t.Errorf("%d lines, %d remembered", logged, len(r.unlogged))
	}
	if text := said(true); strings.Count(text, "\n") != 2 || !strings.Contains(text, "address=others refused=99000") {
		t.Errorf("of many: %s", text)
	}
}
