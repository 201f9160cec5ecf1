package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/textproto"
	"strings"
	"sync"
	"time"
)

// syncTimeout limits one command, so that the demo always ends.
const syncTimeout = 30 * time.Second

// account is the destination of a sync.
type account struct {
	address string // implicit TLS
	roots   *x509.CertPool
	user    string
}

// attempt is the result of one APPEND for the client.
type attempt struct {
	ok     bool
	said   string // the tagged reply without its tag; without a tagged reply, the line that came instead
	closed bool   // the connection ended
	fixes  []string
}

// syncMailbox copies messages as a simple sync tool does: one APPEND after the
// other. If the connection is lost, it connects again and continues with the next
// message. fixes returns the fixes used since its last call.
func syncMailbox(ctx context.Context, to account, messages []demoMessage, fixes func() []string) ([]attempt, error) {
	var attempts []attempt
	var c *syncConn
	for _, m := range messages {
		if c == nil {
			var err error
			if c, err = to.connect(ctx); err != nil {
				return nil, err
			}
		}
		a := c.append(m)
		a.fixes = fixes()
		attempts = append(attempts, a)
		if a.closed {
			c.close()
			c = nil
		}
		if err := ctx.Err(); err != nil {
			break
		}
	}
	if c != nil {
		_, _ = c.do("LOGOUT") // all messages have their replies, so an error does not matter
		c.close()
	}
	return attempts, ctx.Err()
}

// syncConn is a client's connection. It uses no IMAP library, because the demo
// shows the server's exact words, and a library stops at the first reply that RFC
// 9051 section 9 does not allow.
type syncConn struct {
	net.Conn
	lines *textproto.Reader
	tags  int
	stop  func() bool // ends the watch on the context
}

func (a account) connect(ctx context.Context) (*syncConn, error) {
	dialer := tls.Dialer{Config: &tls.Config{RootCAs: a.roots}}
	conn, err := dialer.DialContext(ctx, "tcp", a.address)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	c := &syncConn{Conn: conn, lines: textproto.NewReader(bufio.NewReader(conn))}
	c.stop = context.AfterFunc(ctx, func() { conn.Close() })
	if _, err := c.lines.ReadLine(); err != nil {
		c.close()
		return nil, fmt.Errorf("greeting: %w", err)
	}
	if said, err := c.do(fmt.Sprintf("LOGIN %q %q", upn(a.user), demoPassword)); err != nil ||
		!strings.HasPrefix(said, "OK ") {
		c.close()
		return nil, errors.Join(fmt.Errorf("login: %q", said), err)
	}
	return c, nil
}

func (c *syncConn) close() {
	c.stop()
	c.Close()
}

// append sends one message. After a refusal, it checks whether the connection is
// still alive.
func (c *syncConn) append(m demoMessage) attempt {
	command := fmt.Sprintf("APPEND INBOX (%s) \"%s\" {%d}",
		strings.Join(m.flags, " "), m.date.Format("_2-Jan-2006 15:04:05 -0700"), len(m.raw))
	said, err := c.do(command, m.raw, []byte("\r\n"))
	if err != nil {
		return attempt{said: said, closed: true}
	}
	if strings.HasPrefix(said, "OK ") {
		return attempt{ok: true, said: said}
	}
	after, err := c.do("NOOP")
	if err != nil && after != "" {
		said += ", " + after
	}
	return attempt{said: said, closed: err != nil}
}

// do sends a command, and after each "+" of the server the rest of it. It returns
// the tagged reply without the tag. If the connection ends before the reply, it
// returns the first line that a client does not expect, and the error.
func (c *syncConn) do(command string, more ...[]byte) (string, error) {
	c.tags++
	tag := fmt.Sprintf("A%d ", c.tags)
	if err := c.SetDeadline(time.Now().Add(syncTimeout)); err != nil {
		return "", err
	}
	_, writeErr := fmt.Fprintf(c, "%s%s\r\n", tag, command)
	odd := ""
	for {
		line, err := c.lines.ReadLine()
		if err != nil {
			return odd, fmt.Errorf("the connection ended: %w", err)
		}
		reply, tagged := strings.CutPrefix(line, tag)
		switch {
		case tagged:
			return reply, writeErr
		case strings.HasPrefix(line, "+"):
			// After a failure the tagged reply is missing, which ends the loop.
			_, writeErr = (*net.Buffers)(&more).WriteTo(c)
		case odd == "" && (!strings.HasPrefix(line, "* ") || strings.HasPrefix(line, "* BYE")):
			odd = line
		}
	}
}

// fixRecorder is a log handler that records the fixes that the gateway used.
type fixRecorder struct {
	mu    sync.Mutex
	fixes []string
}

// take returns the recorded fixes, and forgets them. The gateway logs a message
// before it answers the client, so they are the fixes of the last APPEND.
func (r *fixRecorder) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	fixes := r.fixes
	r.fixes = nil
	return fixes
}

func (r *fixRecorder) Enabled(context.Context, slog.Level) bool { return true }
func (r *fixRecorder) WithAttrs([]slog.Attr) slog.Handler       { return r }
func (r *fixRecorder) WithGroup(string) slog.Handler            { return r }

func (r *fixRecorder) Handle(_ context.Context, record slog.Record) error {
	if record.Message != "message stored" {
		return nil
	}
	record.Attrs(func(a slog.Attr) bool {
		if fixes, ok := a.Value.Any().([]string); ok && a.Key == "fixes" {
			r.mu.Lock()
			r.fixes = append(r.fixes, fixes...)
			r.mu.Unlock()
		}
		return true
	})
	return nil
}
