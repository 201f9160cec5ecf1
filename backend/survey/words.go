package survey

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// What is kept of the wire's words for each probe.
const (
	maxWords     = 24  // lines
	maxWordBytes = 300 // of a line
)

// words collects the lines between the survey and the server. Its methods are safe for concurrent use, because a
// connection reads and writes on two goroutines.
type words struct {
	mu      sync.Mutex
	lines   []string
	tag     int    // of the last command
	quiet   bool   // lines are not kept
	error15 Answer // whether Server Unavailable. 15 has come without a tag; "": it has not come
}

// trace implements backend.Trace. Secrets are stars already.
func (w *words) trace(sent bool, line []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	who := "S: "
	if sent {
		who = "C: "
		if m := tagOf.FindSubmatch(line); m != nil {
			w.tag, _ = strconv.Atoi(string(m[1])) // a few digits of our own
		}
	}
	text := readable(clip(strings.TrimRight(string(line), "\r\n")))
	if !sent {
		w.noteError15(text)
	}
	if w.quiet {
		return
	}
	w.lines = append(w.lines, who+text)
	if len(w.lines) > maxWords { // the end of a measurement says more than its middle
		w.lines = append(w.lines[:maxWords/2], w.lines[maxWords/2+1:]...)
	}
}

// hush keeps no lines until the function that it returns is called.
func (w *words) hush() (again func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	before := w.quiet
	w.quiet = true
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.quiet = before
	}
}

// take returns the lines since the last call.
func (w *words) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	lines := w.lines
	w.lines = nil
	for i, line := range lines {
		lines[i] = ownTag.ReplaceAllString(line, "$1")
	}
	return lines
}

var unavailable = regexp.MustCompile(`^(?:(xg\d+) (?:NO|BAD) )?Server Unavailable\. ?15`)

func (w *words) noteError15(line string) {
	m := unavailable.FindStringSubmatch(line)
	switch {
	case m == nil:
	case m[1] == "":
		w.error15 = Yes
	case w.error15 == "":
		w.error15 = No
	}
}

// unavailable returns whether Server Unavailable. 15 has come without a tag; "" if it has not come.
func (w *words) unavailable() Answer {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.error15
}

// received returns what the server has said since take, with its tags.
func (w *words) received() []string {
	var lines []string
	for _, line := range w.since() {
		if line, ok := strings.CutPrefix(line, "S: "); ok {
			lines = append(lines, line)
		}
	}
	return lines
}

// since returns a copy of the lines, without taking them.
func (w *words) since() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), w.lines...)
}

// nextTag returns the length of the tag that the next command on the same connection gets.
func (w *words) nextTag() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len("xg") + len(strconv.Itoa(w.tag+1))
}

// tagOf matches the tags of package backend.
var tagOf = regexp.MustCompile(`^xg(\d+) `)

func isTagged(line string) bool { return tagOf.MatchString(line) }

// ownTag matches the tag of a command or of its reply, which differs from run to run.
var ownTag = regexp.MustCompile(`^([CS]: )xg\d+ `)

// readable is a line as JSON can have it: bytes that are no UTF-8 become the characters of Latin-1 with their numbers.
func readable(line string) string {
	if utf8.ValidString(line) {
		return line
	}
	characters := make([]rune, len(line))
	for i, c := range []byte(line) {
		characters[i] = rune(c)
	}
	return string(characters)
}

// clip shortens a line, and says how long it was.
func clip(line string) string {
	if len(line) <= maxWordBytes {
		return line
	}
	return fmt.Sprintf("%s... (%d bytes)", line[:maxWordBytes], len(line))
}
