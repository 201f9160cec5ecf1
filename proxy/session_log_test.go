package proxy

import (
	"bytes"
	"log/slog"
	"testing"
)

// The log of a session writes what Logger.With would write.
func TestSessionLog(t *testing.T) {
	noTime := &slog.HandlerOptions{Level: slog.LevelInfo, ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) == 0 && a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}
	tests := map[string]func(*slog.Logger){
		"no attributes":   func(l *slog.Logger) { l.Info("session open") },
		"attributes":      func(l *slog.Logger) { l.Warn("lost", "err", "x", "n", 1, "last", true) },
		"many attributes": func(l *slog.Logger) { l.Info("m", "a", 1, "b", 2, "c", 3, "d", 4, "e", 5, "f", 6, "g", 7) },
		"below the level": func(l *slog.Logger) { l.Debug("not written") },
		"With":            func(l *slog.Logger) { l.With("proxy", "p").Info("m", "a", 1) },
		"WithGroup":       func(l *slog.Logger) { l.WithGroup("g").Info("m", "a", 1) },
		"text that needs quotes": func(l *slog.Logger) {
			l.Info("m", "a", "b\nc\"")
		},
	}
	for name, write := range tests {
		t.Run(name, func(t *testing.T) {
			for _, handler := range []func(*bytes.Buffer) slog.Handler{
				func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, noTime) },
				func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, noTime) },
			} {
				var got, want bytes.Buffer
				write(slog.New(&sessionLog{handler(&got), "abc", "192.0.2.1:5 [x]"}))
				write(slog.New(handler(&want)).With("session", "abc", "client", "192.0.2.1:5 [x]"))
				if got.String() != want.String() {
					t.Errorf("got  %s\nwant %s", &got, &want)
				}
			}
		})
	}
}
