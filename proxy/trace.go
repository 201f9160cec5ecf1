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
	"exgate/backend/wire"
)

// Tracer writes the wire trace: what both sides say, without the bytes of
// literals and without secrets. It fails closed: of a client's command it shows
// no more than what is known to hold no secret, since a password may have been
// typed where a tag, a name or an argument belongs.
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
	hides   bool            // the client's command at hand is not shown, nor what it goes on with
	tags    map[string]bool // those shown, of commands after the login; guarded by out.mu
}

func (t *Tracer) session(id string) *tracer {
	if t == nil {
		return nil
	}
	return &tracer{out: t, session: id, tags: make(map[string]bool)}
}

// maxTraced bounds a line of the trace.
const maxTraced = 2048

// maxTags bounds the tags remembered: more than that are in flight nowhere. maxTag
// bounds the bytes of one.
const (
	maxTags = 4 * 1024
	maxTag  = 64
)

// hidden stands for what is not shown.
const hidden = "***"

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

// more traces a line that the client's command goes on with, after a literal.
func (t *tracer) more(line []byte) {
	if t != nil && t.hides {
		line = []byte(hidden)
	}
	t.print("C>E", line)
}

// idleEnds traces the line that ends IDLE.
func (t *tracer) idleEnds() { t.print("C>E", []byte("DONE")) }

// done returns the line that a command goes on with as it is shown, where that may
// be DONE.
func done(line string) []byte {
	if !strings.EqualFold(line, "DONE") {
		line = hidden
	}
	return []byte(line)
}

// answer traces what a client answers to a challenge.
func (t *tracer) answer() { t.print("C>E", []byte(hidden)) }

// toUpstream traces a line of a command that is relayed.
func (t *tracer) toUpstream(cmd *command, line string) {
	switch {
	case t == nil:
	case cmd.rule == nil:
		t.print("E>S", fmt.Appendf(nil, "%s (%d bytes)", hidden, len(line)))
	case bare[cmd.verb] && strings.HasPrefix(line, cmd.tag+" "):
		t.print("E>S", []byte(cmd.tag+" "+masked(cmd.verb, cmd.args)))
	case bare[cmd.verb]:
		t.print("E>S", done(line))
	default:
		t.print("E>S", []byte(line))
	}
}

// fromUpstream traces the first piece of a response, or a later one.
func (t *tracer) fromUpstream(line []byte, first bool) {
	if first {
		line = t.masksTag(line)
	}
	t.print("E<S", line)
}

func (t *tracer) toClient(line []byte) { t.print("C<E", t.masksTag(line)) }

// masksTag hides the tag of a reply where that of the command was hidden.
func (t *tracer) masksTag(line []byte) []byte {
	if t == nil {
		return line
	}
	tag, rest, _ := bytes.Cut(bytes.TrimRight(line, "\r\n"), []byte(" "))
	t.out.mu.Lock()
	defer t.out.mu.Unlock()
	if string(tag) == "*" || string(tag) == "+" || t.tags[string(tag)] {
		return line
	}
	return append([]byte(hidden+" "), rest...)
}

// upstream is the hook of a backend.Conn, for exgate's own requests.
func (t *tracer) upstream() backend.Trace {
	if t == nil {
		return nil
	}
	return func(sent bool, line []byte) {
		if sent {
			t.print("E>S", line)
		} else {
			t.print("E<S", line)
		}
	}
}

// bare are the commands that have no argument.
var bare = map[string]bool{
	"CAPABILITY": true, "NOOP": true, "LOGOUT": true, "STARTTLS": true,
	"CHECK": true, "CLOSE": true, "UNSELECT": true, "EXPUNGE": true, "IDLE": true, "NAMESPACE": true,
}

// command traces a client's command line. Before login no tag and no argument
// is shown, and only the name of a command that is known, of a mistyped LOGIN
// neither; after login, a command that is known there, but for its arguments
// where it should have none.
func (t *tracer) command(line []byte, loggedIn bool) {
	if t == nil {
		return
	}
	tag, rest, _ := strings.Cut(string(line), " ")
	verb, args := wire.SplitVerb(rest)
	route := ruleOf[verb]
	t.hides = !loggedIn || route == nil || !route.shown() || !wire.IsTag(tag)
	switch {
	case !t.hides:
		t.shows(tag)
		if bare[verb] {
			line = []byte(tag + " " + masked(verb, args))
		}
		t.print("C>E", line)
	case route != nil && bare[verb] && args == "":
		t.print("C>E", []byte(hidden+" "+verb))
	case route != nil:
		t.print("C>E", fmt.Appendf(nil, "%s %s %[1]s (%[3]d bytes)", hidden, verb, len(line)))
	default:
		t.print("C>E", fmt.Appendf(nil, "%s (%d bytes, not a command that is known)", hidden, len(line)))
	}
}

// shown tells whether a command after the login has arguments that the trace
// shows. Those of LOGIN are not, nor what a client may take for one.
func (r *rule) shown() bool {
	return r.lane != refused && r.states&afterLogin != 0 && r != ruleOf["PROXYAUTH"]
}

// masked is a command that should have no argument.
func masked(verb, args string) string {
	if args == "" {
		return verb
	}
	return verb + " " + hidden
}

// shows remembers that a tag has been shown.
func (t *tracer) shows(tag string) {
	t.out.mu.Lock()
	defer t.out.mu.Unlock()
	if len(tag) > maxTag {
		return // it is hidden in the reply
	}
	if len(t.tags) >= maxTags {
		clear(t.tags) // of those that are still in flight the tags are hidden
	}
	t.tags[strings.Clone(tag)] = true // not a part of its line, which would be kept
}
