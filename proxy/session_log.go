package proxy

import (
	"context"
	"log/slog"
)

// sessionLog is the handler of a session's log: it puts the session and its client before the attributes of each
// line. Logger.With would write them once, and keep the text as long as the session lives.
type sessionLog struct {
	slog.Handler
	session, client string
}

func (l *sessionLog) own() []slog.Attr {
	return []slog.Attr{slog.String("session", l.session), slog.String("client", l.client)}
}

// Handle implements slog.Handler.
func (l *sessionLog) Handle(ctx context.Context, line slog.Record) error {
	whole := slog.NewRecord(line.Time, line.Level, line.Message, line.PC)
	whole.AddAttrs(l.own()...)
	line.Attrs(func(a slog.Attr) bool {
		whole.AddAttrs(a)
		return true
	})
	return l.Handler.Handle(ctx, whole)
}

// WithAttrs implements slog.Handler.
func (l *sessionLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return l.Handler.WithAttrs(l.own()).WithAttrs(attrs)
}

// WithGroup implements slog.Handler.
func (l *sessionLog) WithGroup(name string) slog.Handler {
	return l.Handler.WithAttrs(l.own()).WithGroup(name)
}
