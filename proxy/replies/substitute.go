package replies

import (
	"bytes"
	"fmt"

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

// substituteSubject begins the substitute's subject (docs/exchange.md#ex-26).
var substituteSubject = []byte("\nSubject: Retrieval using the IMAP4 protocol failed for the following message")

// substituteSign is in every substitute's subject, and short enough to be found
// at the speed of memory.
var substituteSign = []byte("IMAP4 protocol failed")

// isSubstitute tells by its header whether a message is one.
func isSubstitute(text []byte) bool {
	if !bytes.Contains(text[:min(len(text), maxHeldHeader)], substituteSign) {
		return false
	}
	header, _, _ := bytes.Cut(text, headerEnd)
	return (bytes.HasPrefix(header, substituteSubject[1:]) || bytes.Contains(header, substituteSubject)) &&
		bytes.Contains(header, []byte("Microsoft Exchange Server"))
}

var headerEnd = []byte("\r\n\r\n")

// SubstituteMark is the field that a substitute is given.
const SubstituteMark = "X-Exgate-Substitute: Exchange cannot convert the message that should be here\r\n"

// maxHeldHeader is more than a substitute's header has.
const maxHeldHeader = 4 << 10

func (h *substituteHold) edit(out []byte, frag wire.Fragment, f *Fetching) (edited []byte, same bool) {
	if frag.First {
		h.buf, h.line, h.state = h.buf[:0], 0, holding
		if h.passesAtOnce(frag) {
			h.state = passing
		}
	}
	switch {
	case h.state == passing:
		return out, true
	case h.state == hiding:
		return out, false
	}
	h.buf = append(h.buf, frag.Data...)
	if !frag.Literal {
		if !frag.Last && h.line == 0 {
			h.line = len(h.buf)
			return out, false // the literal's beginning decides
		}
	} else if text := h.buf[h.line:]; !bytes.Contains(text, headerEnd) && len(text) < maxHeldHeader {
		return out, false
	}
	return h.decide(out, f), false
}

// passesAtOnce tells by what is read already that a response has no substitute
// in it: most are here with their header.
func (h *substituteHold) passesAtOnce(first wire.Fragment) bool {
	if first.Last {
		return !isSubstitute(first.Data)
	}
	size, ok := wire.AnnouncedSize(first.Data)
	if !ok {
		return false
	}
	text := first.Ahead()
	text = text[:min(len(text), size)]
	return (len(text) == size || len(text) >= maxHeldHeader || bytes.Contains(text, headerEnd)) && !isSubstitute(text)
}

// decide lets go of what is held.
func (h *substituteHold) decide(out []byte, f *Fetching) []byte {
	line, text := h.buf[:h.line], h.buf[h.line:]
	h.state = passing
	if !isSubstitute(text) {
		return append(out, h.buf...)
	}
	f.repaired("substitute")
	f.log.Warn("Exchange gave a substitute for a message that it cannot convert", "response", clipped(line))
	if f.substitute == backend.SubstituteRefuse {
		h.state, f.refused = hiding, true
		return out
	}
	open := bytes.LastIndexByte(line, '{')
	size, ok := wire.AnnouncedSize(line)
	if !ok || !holdsHeader(line) {
		return append(out, h.buf...)
	}
	out = append(out, line[:open]...)
	out = fmt.Appendf(out, "{%d}\r\n%s", size+len(SubstituteMark), SubstituteMark)
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
