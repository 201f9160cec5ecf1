// Package trace writes the wire trace: what both sides say, without the bytes of
// literals and without secrets. It shows a part of a client's command only if
// that part is known to hold no secret, since a client may send a password in
// place of a tag, a verb or an argument. The trace of the gateway (Wire) has all sessions; an operator may have one
// session traced into files of its own (Session.Begin).
package trace

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"exgate/backend"
	"exgate/backend/wire"
)

// Wire is the wire trace of the gateway.
type Wire struct {
	mu sync.Mutex
	w  io.Writer
}

// NewWire returns a trace that writes to w.
func NewWire(w io.Writer) *Wire { return &Wire{w: w} }

// Shown says what is known of a verb, which may be a part of a password: whether there is such a command, and whether
// its arguments hold no secret.
type Shown func(verb string) (isKnown, isShown bool)

// Session is the trace of one session. It writes to the wire trace of the gateway, and to
// the session's own trace. Either may be missing. The session's own trace may begin at any
// time, also in the middle of a command: the rest of that command is hidden. A nil Session writes
// nothing.
type Session struct {
	out      *Wire // nil: the gateway has no wire trace
	session  string
	shown    Shown
	isHidden bool // the arguments of the client's current command are hidden; for serve only
	own      atomic.Pointer[ownFile]

	mu   sync.Mutex
	over bool            // the session has ended
	tags map[string]bool // tags of commands that were shown
}

// NewSession returns the trace of one session. It writes to the wire trace of the gateway; nil: there is none.
func NewSession(wire *Wire, id string, shown Shown) *Session {
	return &Session{out: wire, session: id, shown: shown}
}

// IsOff reports whether nothing is written.
func (t *Session) IsOff() bool { return t == nil || t.out == nil && t.own.Load() == nil }

// maxTraced is the number of bytes of a line that the trace shows.
const maxTraced = 2048

const (
	// maxTags bounds the tags that a session remembers. It is more than any pipeline
	// has in flight.
	maxTags = 4 * 1024
	// maxTag bounds the bytes of one tag.
	maxTag = 64
)

// hidden stands in the trace for what is not shown.
const hidden = "***"

// print writes one line of the trace.
func (t *Session) print(arrow string, line []byte) {
	if t.IsOff() {
		return
	}
	line = bytes.TrimRight(line, "\r\n")
	more := ""
	if len(line) > maxTraced {
		more = fmt.Sprintf(" ... (%d bytes)", len(line))
		line = line[:maxTraced]
	}
	// Control characters are escaped, so that a peer cannot forge a line.
	quoted := strconv.QuoteToASCII(string(line))
	text := strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(quoted[1 : len(quoted)-1])
	now := time.Now().UTC().Format("2006-01-02T15:04:05.000Z")
	whole := fmt.Appendf(nil, "%s %s %s %s%s\n", now, t.session, arrow, text, more)
	if own := t.own.Load(); own != nil {
		own.Write(whole)
	}
	if t.out != nil {
		t.out.mu.Lock()
		defer t.out.mu.Unlock()
		t.out.w.Write(whole)
	}
}

// In the arrows of the trace C is the client, E exgate and S the upstream.

// More traces a later line of the client's command, after a literal.
func (t *Session) More(line []byte) {
	if t != nil && t.isHidden {
		line = []byte(hidden)
	}
	t.print("C>E", line)
}

// IdleEnds traces the line that ends the client's IDLE.
func (t *Session) IdleEnds() { t.print("C>E", []byte("DONE")) }

// idleEnd returns the line that a command goes on with as the trace shows it, where
// that line may be DONE.
func idleEnd(line string) []byte {
	if !strings.EqualFold(line, "DONE") {
		line = hidden
	}
	return []byte(line)
}

// Answer traces the client's response to a challenge, which is secret.
func (t *Session) Answer() { t.print("C>E", []byte(hidden)) }

// ToUpstream traces a line of a relayed command.
func (t *Session) ToUpstream(tag, verb, args, line string) {
	if t.IsOff() {
		return
	}
	isKnown, _ := t.shown(verb)
	switch {
	case !isKnown:
		t.print("E>S", fmt.Appendf(nil, "%s (%d bytes)", hidden, len(line)))
	case bareVerbs[verb] && strings.HasPrefix(line, tag+" "):
		t.print("E>S", []byte(tag+" "+withoutArgs(verb, args)))
	case bareVerbs[verb]:
		t.print("E>S", idleEnd(line))
	default:
		t.print("E>S", []byte(line))
	}
}

// FromUpstream traces a line of a response. first says that the response begins
// with it, so that it may begin with a tag.
func (t *Session) FromUpstream(line []byte, first bool) {
	if first {
		line = t.maskTag(line)
	}
	t.print("E<S", line)
}

// ToClient traces a line that exgate itself writes to the client.
func (t *Session) ToClient(line []byte) { t.print("C<E", t.maskTag(line)) }

// maskTag hides the tag of a reply if the tag of its command was hidden.
func (t *Session) maskTag(line []byte) []byte {
	if t.IsOff() {
		return line
	}
	tag, rest, _ := bytes.Cut(bytes.TrimRight(line, "\r\n"), []byte(" "))
	t.mu.Lock()
	defer t.mu.Unlock()
	if string(tag) == "*" || string(tag) == "+" || t.tags[string(tag)] {
		return line
	}
	return append([]byte(hidden+" "), rest...)
}

// Requests returns the hook by which a backend.Conn traces exgate's own requests.
func (t *Session) Requests() backend.Trace {
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

// bareVerbs are the verbs that take no argument. What follows one may be a secret.
var bareVerbs = map[string]bool{
	"CAPABILITY": true, "NOOP": true, "LOGOUT": true, "STARTTLS": true,
	"CHECK": true, "CLOSE": true, "UNSELECT": true, "EXPUNGE": true, "IDLE": true, "NAMESPACE": true,
}

// Command traces the first line of a client's command. Before the login it shows
// only the verb, and that only if the verb is known: a mistyped LOGIN shows
// nothing. After the login it shows the whole line of a known command, but no
// arguments of a verb that takes none.
func (t *Session) Command(line []byte, loggedIn bool) {
	if t == nil {
		return
	}
	if t.IsOff() {
		t.isHidden = true // for what is left of the command, if a trace begins before that comes
		return
	}
	tag, rest, _ := strings.Cut(string(line), " ")
	verb, args := wire.SplitVerb(rest)
	isKnown, isShown := t.shown(verb)
	t.isHidden = !loggedIn || !isShown || !wire.IsTag(tag)
	switch {
	case !t.isHidden:
		t.rememberTag(tag)
		if bareVerbs[verb] {
			line = []byte(tag + " " + withoutArgs(verb, args))
		}
		t.print("C>E", line)
	case isKnown && bareVerbs[verb] && args == "":
		t.print("C>E", []byte(hidden+" "+verb))
	case isKnown:
		t.print("C>E", fmt.Appendf(nil, "%s %s %[1]s (%[3]d bytes)", hidden, verb, len(line)))
	default:
		t.print("C>E", fmt.Appendf(nil, "%s (%d bytes, an unknown command)", hidden, len(line)))
	}
}

// withoutArgs returns a verb that takes no argument, with *** for what follows it.
func withoutArgs(verb, args string) string {
	if args == "" {
		return verb
	}
	return verb + " " + hidden
}

// rememberTag notes that a tag was shown.
func (t *Session) rememberTag(tag string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(tag) > maxTag {
		return // it is hidden in the reply
	}
	if len(t.tags) >= maxTags {
		clear(t.tags) // replies to commands still in flight then hide their tags
	}
	if t.tags == nil {
		t.tags = make(map[string]bool)
	}
	t.tags[strings.Clone(tag)] = true // not a part of its line, which would be kept
}

// Begin begins the session's own trace in dir. It returns the file; "" if there is a trace already, or the session is
// over.
func (t *Session) Begin(dir string) (file string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over || t.own.Load() != nil {
		return "", nil
	}
	own, err := create(dir, t.session, time.Now())
	if err != nil {
		return "", err
	}
	t.own.Store(own)
	return own.Path(), nil
}

// End ends the session's own trace. It returns the number of lines that are missing in it.
func (t *Session) End(over bool) (lost int64, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.over = t.over || over
	if own := t.own.Swap(nil); own != nil {
		return own.Close()
	}
	return 0, nil
}
