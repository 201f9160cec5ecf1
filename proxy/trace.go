package proxy

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"exgate/backend"
)

// Tracer writes the wire trace: what both sides say, without the bytes of
// literals and without secrets. It fails closed: before login only commands
// that are known to carry no secret are printed.
type Tracer struct {
	mu sync.Mutex
	w  io.Writer
}

// NewTracer writes the trace to w.
func NewTracer(w io.Writer) *Tracer { return &Tracer{w: w} }

// tracer is the trace of one session. A nil tracer writes nothing.
type tracer struct {
	out     *Tracer
	session string
	hidden  string // a first word that was not shown: the reply to it names it
}

func (t *Tracer) session(id string) *tracer {
	if t == nil {
		return nil
	}
	return &tracer{out: t, session: id}
}

// maxTraced bounds a line of the trace.
const maxTraced = 2048

func (t *tracer) print(arrow string, line []byte) {
	if t == nil {
		return
	}
	line = bytes.TrimRight(line, "\r\n")
	more := ""
	if len(line) > maxTraced {
		more = fmt.Sprintf(" ... (%d bytes)", len(line))
		line = line[:maxTraced]
	}
	// Control characters are escaped, so that nobody can forge a line.
	quoted := strconv.QuoteToASCII(string(line))
	text := strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(quoted[1 : len(quoted)-1])
	t.out.mu.Lock()
	defer t.out.mu.Unlock()
	fmt.Fprintf(t.out.w, "%s %s %s %s%s\n", time.Now().UTC().Format("2006-01-02T15:04:05.000Z"), t.session, arrow, text, more)
}

// The arrows: who speaks to whom. C is the client, E exgate, S the upstream.
func (t *tracer) fromClient(line []byte)   { t.print("C>E", line) }
func (t *tracer) toUpstream(line string)   { t.print("E>S", []byte(line)) }
func (t *tracer) fromUpstream(line []byte) { t.print("E<S", line) }
func (t *tracer) toClient(line []byte) {
	if t != nil && t.hidden != "" {
		line = bytes.ReplaceAll(line, []byte(t.hidden), []byte("***"))
	}
	t.print("C<E", line)
}

// upstream is the hook of a backend.Conn, for exgate's own requests.
func (t *tracer) upstream() backend.Trace {
	if t == nil {
		return nil
	}
	return func(sent bool, line []byte) {
		if sent {
			t.toUpstream(string(line))
		} else {
			t.fromUpstream(line)
		}
	}
}

// openBeforeLogin are the commands before login that carry no secret.
var openBeforeLogin = map[string]bool{"CAPABILITY": true, "NOOP": true, "LOGOUT": true, "STARTTLS": true}

// command traces a client's command line; before login anything that is not
// known to be harmless is masked, a mistyped LOGIN too.
func (t *tracer) command(line []byte, loggedIn bool) {
	if t == nil {
		return
	}
	t.hidden = ""
	if loggedIn {
		t.fromClient(line)
		return
	}
	tag, rest, _ := strings.Cut(string(line), " ")
	verb, _ := verbOf(rest)
	switch {
	case openBeforeLogin[verb] && validTag(tag):
		t.fromClient(line)
	case verb == "LOGIN" || verb == "AUTHENTICATE" || verb == "ID":
		t.fromClient(fmt.Appendf(nil, "%s %s *** (%d bytes)", maskTag(tag), verb, len(line)))
	default:
		t.hidden = tag
		t.fromClient(fmt.Appendf(nil, "*** (%d bytes, not a command that is known before login)", len(line)))
	}
}

// maskTag hides a first word that is no tag: it may be part of a password that
// was split by a line end.
func maskTag(tag string) string {
	if !validTag(tag) || len(tag) > 32 {
		return "***"
	}
	return tag
}
