package replies

import (
	"bytes"
	"fmt"

	"exgate/backend"
	"exgate/backend/wire"
)

// substituteHold finds Exchange's substitutes: messages that Exchange sends in
// place of those that it cannot convert (docs/exchange.md#ex-26). It holds the
// beginning of a FETCH response until the header shows whether the message is a
// substitute.
type substituteHold struct {
	buf     []byte // the held bytes: a line, and the beginning of its literal
	lineLen int    // the length of the line in buf; 0: the line is incomplete
	state   holdState
}

// holdState says what happens to the next fragments of the response.
type holdState int

const (
	holding holdState = iota // they are held
	passing                  // the client gets them unchanged
	hiding                   // the client does not get them
)

// substituteSubject is the beginning of a substitute's subject field.
var substituteSubject = []byte("\nSubject: Retrieval using the IMAP4 protocol failed for the following message")

// substituteSign is a part of substituteSubject. A search for this short text
// dismisses other messages quickly.
var substituteSign = []byte("IMAP4 protocol failed")

// isSubstitute reports whether text begins with the header of a substitute.
func isSubstitute(text []byte) bool {
	if !bytes.Contains(text[:min(len(text), maxHeldHeader)], substituteSign) {
		return false
	}
	header, _, _ := bytes.Cut(text, headerEnd)
	return (bytes.HasPrefix(header, substituteSubject[1:]) || bytes.Contains(header, substituteSubject)) &&
		bytes.Contains(header, []byte("Microsoft Exchange Server"))
}

var headerEnd = []byte("\r\n\r\n")

// SubstituteMark is the header field that marks a substitute.
const SubstituteMark = "X-Exgate-Substitute: Exchange cannot convert the message that should be here\r\n"

// maxHeldHeader is the limit of the held header in bytes. The header of a
// substitute is shorter.
const maxHeldHeader = 4 << 10

// edit holds, passes, marks or hides a fragment. Its results are those of
// Editor.Edit.
func (h *substituteHold) edit(out []byte, frag wire.Fragment, f *Fetching) (edited []byte, same bool) {
	if frag.First {
		h.buf, h.lineLen, h.state = h.buf[:0], 0, holding
		if h.canPassAtOnce(frag) {
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
		if !frag.Last && h.lineLen == 0 {
			h.lineLen = len(h.buf)
			return out, false // the beginning of the literal decides
		}
	} else if text := h.buf[h.lineLen:]; !bytes.Contains(text, headerEnd) && len(text) < maxHeldHeader {
		return out, false
	}
	return h.decide(out, f), false
}

// canPassAtOnce reports whether the bytes that have been read already show that
// the response has no substitute. Mostly they include the whole header.
func (h *substituteHold) canPassAtOnce(first wire.Fragment) bool {
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

// decide appends the held bytes to out, marks a substitute among them, or withholds
// it.
func (h *substituteHold) decide(out []byte, f *Fetching) []byte {
	line, text := h.buf[:h.lineLen], h.buf[h.lineLen:]
	h.state = passing
	if !isSubstitute(text) {
		return append(out, h.buf...)
	}
	f.repaired("substitute")
	f.log.Warn("Exchange cannot convert a message and sent a substitute for it", "response", clipped(line))
	if f.substitute == backend.SubstituteRefuse {
		h.state, f.isRefused = hiding, true
		return out
	}
	open := bytes.LastIndexByte(line, '{')
	size, ok := wire.AnnouncedSize(line)
	if !ok || !hasHeader(line) {
		return append(out, h.buf...)
	}
	out = append(out, line[:open]...)
	out = fmt.Appendf(out, "{%d}\r\n%s", size+len(SubstituteMark), SubstituteMark)
	return append(out, text...)
}

// hasHeader reports whether the literal that the line announces begins with the
// header of the message, so that a field can be put in front.
func hasHeader(line []byte) bool {
	upper := bytes.ToUpper(line)
	for _, item := range []string{" BODY[] {", "(BODY[] {", "BODY[HEADER] {", "RFC822 {", "RFC822.HEADER {"} {
		if bytes.Contains(upper, []byte(item)) {
			return true
		}
	}
	return false
}

// clipped returns the first 80 bytes of the line for the log.
func clipped(line []byte) string { return string(bytes.TrimRight(line[:min(len(line), 80)], "\r\n")) }
