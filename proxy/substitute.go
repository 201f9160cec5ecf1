package proxy

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"exgate/backend"
	"exgate/backend/wire"
)

// substituteHold keeps the beginning of a FETCH response until it shows whether
// the message in it is Exchange's substitute.
type substituteHold struct {
	buf   []byte
	line  int // of it, the bytes before the literal
	state holdState
}

type holdState int

const (
	holding holdState = iota
	passing
	hiding
)

// substituteSubject begins the substitute's subject (behaviour notes §5 row 9).
var substituteSubject = []byte("\nSubject: Retrieval using the IMAP4 protocol failed for the following message")

// isSubstitute tells by its header whether a message is one.
func isSubstitute(text []byte) bool {
	header, _, _ := bytes.Cut(text, []byte("\r\n\r\n"))
	return bytes.Contains(append([]byte("\n"), header...), substituteSubject) && bytes.Contains(header, []byte("Microsoft Exchange Server"))
}

// substituteMark is the field that a substitute is given.
const substituteMark = "X-Exgate-Substitute: Exchange cannot convert the message that should be here\r\n"

// maxHeldHeader is more than a substitute's header has.
const maxHeldHeader = 4 << 10

func (h *substituteHold) edit(out []byte, frag wire.Fragment, f *fetching) []byte {
	if frag.First {
		h.buf, h.line, h.state = h.buf[:0], 0, holding
	}
	switch {
	case h.state == passing:
		return append(out, frag.Data...)
	case h.state == hiding:
		return out
	}
	h.buf = append(h.buf, frag.Data...)
	if !frag.Literal {
		if !frag.Last && h.line == 0 {
			h.line = len(h.buf)
			return out // the literal's beginning decides
		}
	} else if text := h.buf[h.line:]; !bytes.Contains(text, []byte("\r\n\r\n")) && len(text) < maxHeldHeader {
		return out
	}
	return h.decide(out, f)
}

// decide lets go of what is held.
func (h *substituteHold) decide(out []byte, f *fetching) []byte {
	line, text := h.buf[:h.line], h.buf[h.line:]
	h.state = passing
	if !isSubstitute(text) {
		return append(out, h.buf...)
	}
	f.c.repaired("substitute")
	f.c.log.Warn("Exchange gave a substitute for a message that it cannot convert", "response", clipped(line))
	if f.substitute == backend.SubstituteRefuse {
		h.state, f.refused = hiding, true
		return out
	}
	open := bytes.LastIndexByte(line, '{')
	size, err := strconv.Atoi(strings.Trim(string(line[max(open, 0):]), "{}+\r\n"))
	if open < 0 || err != nil || !holdsHeader(line) {
		return append(out, h.buf...)
	}
	out = append(out, line[:open]...)
	out = fmt.Appendf(out, "{%d}\r\n%s", size+len(substituteMark), substituteMark)
	return append(out, text...)
}

// holdsHeader tells whether the literal that a line announces begins a message.
func holdsHeader(line []byte) bool {
	upper := bytes.ToUpper(line)
	for _, item := range []string{" BODY[] {", "(BODY[] {", "BODY[HEADER] {", "RFC822 {", "RFC822.HEADER {"} {
		if bytes.Contains(upper, []byte(item)) {
			return true
		}
	}
	return false
}

func clipped(line []byte) string { return string(bytes.TrimRight(line[:min(len(line), 80)], "\r\n")) }
