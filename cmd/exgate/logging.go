package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"exgate/config"
	"exgate/proxy/logqueue"
	"exgate/proxy/trace"
)

// maxLog and maxTrace limit the bytes that wait while nothing reads the log or the trace.
// flushTime is the longest wait for these bytes at the end of the program.
const (
	maxLog    = 4 << 20
	maxTrace  = 16 << 20
	flushTime = 2 * time.Second
)

// newLogger returns a logger that writes text to a terminal and JSON to anything else,
// unless c sets the format.
func newLogger(w io.Writer, c config.Log) *slog.Logger {
	return slog.New(logHandler(w, c, isTerminal(w)))
}

// newQueuedLogger returns a logger like that of newLogger, but for a gateway, which must
// not wait for its log. The log reports how many lines the queue has dropped. flush writes
// the waiting lines and ends the logger.
func newQueuedLogger(w io.Writer, c config.Log) (log *slog.Logger, flush func()) {
	terminal := isTerminal(w)
	queue := logqueue.New(w, logqueue.Options{Max: maxLog, Missing: func(w io.Writer, lines int64) {
		slog.New(logHandler(w, c, terminal)).Error(
			"lines are missing here: the log was not read, or could not be written", "lines", lines)
	}})
	return slog.New(logHandler(queue, c, terminal)), func() { queue.Close(flushTime) }
}

func isTerminal(w io.Writer) bool {
	f, isFile := w.(*os.File)
	return isFile && term.IsTerminal(int(f.Fd()))
}

func logHandler(w io.Writer, c config.Log, terminal bool) slog.Handler {
	opts := &slog.HandlerOptions{Level: c.Level, ReplaceAttr: logged}
	if c.Format == config.FormatText || c.Format == config.FormatAuto && terminal {
		return slog.NewTextHandler(w, opts)
	}
	return slog.NewJSONHandler(w, opts)
}

// maxLogged limits a value of the log, in bytes: the name of a mailbox, or what an upstream says, can be
// as long as a line of IMAP. The stack of a panic is longer.
const maxLogged, maxStack = 2_000, 64_000

// logged returns an attribute as the log has it.
func logged(_ []string, a slog.Attr) slog.Attr {
	text := ""
	switch v := a.Value.Any().(type) {
	case time.Duration: // JSON would count nanoseconds
		text = v.String()
	case string:
		text = v
	case error:
		text = fmt.Sprint(v) // which does not panic for a nil of a type
	case []string:
		cut := make([]string, len(v))
		for i := range v {
			cut[i] = bounded(v[i], maxLogged)
		}
		return slog.Any(a.Key, cut)
	default:
		return a
	}
	most := maxLogged
	if a.Key == "stack" || strings.HasPrefix(text, "panic: ") { // which has its stack
		most = maxStack
	}
	return slog.String(a.Key, bounded(text, most))
}

// bounded cuts a text after most bytes.
func bounded(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return fmt.Sprintf("%s… (%d bytes)", strings.ToValidUTF8(text[:most], ""), len(text))
}

// openTrace opens the wire trace. wire is nil if the configuration has no trace. The trace
// reports how many of its lines are missing. The log reports the first loss, and at the end
// the number of all lost lines. closeTrace writes what waits. files closes the file.
func openTrace(
	c config.Log, files *logFiles, log *slog.Logger,
) (wire *trace.Wire, closeTrace func(), err error) {
	if c.Trace == config.TraceOff {
		return nil, func() {}, nil
	}
	f, err := files.open("log.trace", c.Trace, c.RotateAt)
	if err != nil {
		return nil, nil, err
	}
	queue := logqueue.New(f, logqueue.Options{
		Max: maxTrace,
		Missing: func(w io.Writer, lines int64) {
			fmt.Fprintf(w, "%s exgate: %d lines are missing here\n", time.Now().UTC().Format(time.RFC3339), lines)
		},
		Lost: func(why error) { log.Error("lines are lost that log.trace should have", "err", why) },
	})
	return trace.NewWire(queue), func() {
		if lost := queue.Close(flushTime); lost > 0 {
			log.Warn("lines are missing in log.trace", "lines", lost)
		}
	}, nil
}
