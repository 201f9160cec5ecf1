package main

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"exgate/config"
)

// A value of the log has a bounded length, whoever has chosen it, and stays UTF-8.
func TestLoggedValues(t *testing.T) {
	long := strings.Repeat("x", maxLogged-1) + "äöü"
	cut := long[:maxLogged-1] + "… (2005 bytes)"
	for _, tt := range []struct {
		attr slog.Attr
		want string // in JSON
	}{
		{slog.String("mailbox", "Entwürfe"), `"Entwürfe"`},
		{slog.String("mailbox", long), `"` + cut + `"`},
		{slog.Any("err", errors.New(long)), `"` + cut + `"`},
		{slog.Any("err", io.EOF), `"EOF"`},
		{slog.Any("err", nil), "null"},
		{slog.String("stack", long), `"` + long + `"`},
		{slog.Duration("took", 1500*time.Millisecond), `"1.5s"`},
		{slog.Int("size", 12), "12"},
		{slog.Any("mailboxes", []string{"a", long}), `["a","` + cut + `"]`},
		{slog.Any("err", errors.New("panic: "+long)), `"panic: ` + long + `"`},
		{slog.Any("err", (*net.OpError)(nil)), `"<nil>"`},
	} {
		var out strings.Builder
		slog.New(logHandler(&out, config.Log{Format: config.FormatJSON}, false)).Info("m", tt.attr)
		if want := `"` + tt.attr.Key + `":` + tt.want + "}\n"; !strings.HasSuffix(out.String(), want) {
			t.Errorf("%s: want %s", out.String(), want)
		}
	}
}
