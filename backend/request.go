package backend

import (
	"io"
	"strconv"
	"strings"

	"exgate/backend/wire"
)

// Request is one of exgate's own commands to an upstream. Its methods add arguments and
// return it.
type Request struct {
	// chunks are written one after the other. Each except the last ends in the
	// announcement of a synchronizing literal; the next one follows the upstream's "+".
	chunks [][]byte

	// Body, if set, is the last literal, streamed.
	Body *Body
	// Untagged is called for each untagged response while the request is in progress. It
	// reports whether the request asked for the response. The connection's reader calls
	// it; line is valid only during the call.
	Untagged func(line []byte) bool
	// Continue answers a challenge of AUTHENTICATE, both in base64.
	Continue func(challenge string) (response string, err error)
	// Secrets are the secrets in the arguments. If there are any, the wire trace does not
	// show the arguments, or a reply that repeats a secret.
	Secrets []string
}

// Body is a literal of a known size. It is written when the upstream asks for it.
type Body struct {
	Size int64
	io.WriterTo
	// Ended says, after Do, that the end of the command may have been sent. The server may
	// then have executed the command even without a reply.
	Ended bool
}

// NewRequest begins a request with its command name.
func NewRequest(name string) *Request {
	return &Request{chunks: [][]byte{[]byte(name)}}
}

// shown returns the server's text, or stars if the text repeats a secret of the request.
// Some servers quote what they do not understand.
func (r *Request) shown(said string) string {
	for _, secret := range r.Secrets {
		if secret != "" && (strings.Contains(said, secret) || strings.Contains(said, escapeQuoted.Replace(secret))) {
			return stars
		}
	}
	return said
}

// told returns a status without secrets.
func (r *Request) told(s wire.Status) wire.Status {
	s.Text = r.shown(s.Text)
	return s
}

func (r *Request) add(s string) *Request {
	last := &r.chunks[len(r.chunks)-1]
	*last = append(*last, s...)
	return r
}

// Raw adds a blank and s as it is.
func (r *Request) Raw(s string) *Request { return r.add(" " + s) }

// escapeQuoted puts a string between quotes (RFC 9051 section 4.3).
var escapeQuoted = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// String adds a blank and s as a string: quoted where that can carry it, else
// as a literal (RFC 9051 section 4.3).
func (r *Request) String(s string) *Request {
	if isQuotable(s) {
		return r.Raw(`"` + escapeQuoted.Replace(s) + `"`)
	}
	return r.literal(s)
}

// literal adds a blank and s as a literal.
func (r *Request) literal(s string) *Request {
	r.Raw("{" + strconv.Itoa(len(s)) + "}")
	r.chunks = append(r.chunks, nil)
	return r.add(s)
}

// Mailbox adds a blank and a mailbox name, which must be in modified UTF-7. If possible it
// writes an atom, as Exchange itself does. A name with a quote or a backslash is a literal:
// Exchange refuses it as a quoted string (docs/exchange.md#ex-70).
func (r *Request) Mailbox(name string) *Request {
	switch {
	case name != "" && strings.IndexFunc(name, isNotAtom) < 0:
		return r.Raw(name)
	case wire.NeedsEscape(name):
		return r.literal(name)
	}
	return r.String(name)
}

// isQuotable reports whether s can be a quoted string: it has no CR, LF, NUL or 8-bit
// character.
func isQuotable(s string) bool {
	for i := range len(s) {
		if c := s[i]; c == 0 || c == '\r' || c == '\n' || c >= 0x80 {
			return false
		}
	}
	return true
}

// isNotAtom reports whether a character cannot be part of an atom (atom-specials of RFC 9051
// section 9), except those that Exchange itself writes in atoms. It also excludes "}",
// which could look like the end of a literal's announcement.
func isNotAtom(c rune) bool {
	return c <= ' ' || c >= 0x7f || strings.ContainsRune(`(){}%*"\]`, c)
}
