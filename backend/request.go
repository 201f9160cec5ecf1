package backend

import (
	"io"
	"strconv"
	"strings"

	"exgate/backend/wire"
)

// Request is one of exgate's own commands to an upstream. Its methods add to
// it and return it.
type Request struct {
	// chunks are what is written at a time: each but the last ends in a
	// synchronizing literal's announcement, and the upstream's "+" comes
	// before the next.
	chunks [][]byte

	// Body, if set, is the last literal, streamed.
	Body *Body
	// Untagged is asked about each untagged response while the request is in
	// progress: true says that the request asked for it. It is called by the
	// connection's reader; line is valid only during the call.
	Untagged func(line []byte) bool
	// Continue answers a challenge of AUTHENTICATE, both in base64.
	Continue func(challenge string) (response string, err error)
	// Secrets are what the arguments have in them that nobody may see: they keep
	// the arguments out of the wire trace, and replies that repeat one.
	Secrets []string
}

// Body is a literal of a known size that is written when the upstream asks for
// it.
type Body struct {
	Size int64
	io.WriterTo
	// Ended tells, after Do, that the end of the command may have been sent:
	// the server may have acted on it though no reply came.
	Ended bool
}

// NewRequest begins a request with its command name.
func NewRequest(name string) *Request {
	return &Request{chunks: [][]byte{[]byte(name)}}
}

// shown is what the server says, unless it repeats a secret of the request's:
// there are servers that quote what they do not understand.
func (r *Request) shown(said string) string {
	for _, secret := range r.Secrets {
		if secret != "" && (strings.Contains(said, secret) || strings.Contains(said, escapeQuoted.Replace(secret))) {
			return stars
		}
	}
	return said
}

// told is a status as it may be told of.
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
	if quotable(s) {
		return r.Raw(`"` + escapeQuoted.Replace(s) + `"`)
	}
	r.Raw("{" + strconv.Itoa(len(s)) + "}")
	r.chunks = append(r.chunks, nil)
	return r.add(s)
}

// Mailbox adds a blank and a mailbox name, which is in modified UTF-7 already:
// as an atom where it is one, since that is how Exchange writes it itself.
func (r *Request) Mailbox(name string) *Request {
	if name != "" && strings.IndexFunc(name, notAtom) < 0 {
		return r.Raw(name)
	}
	return r.String(name)
}

// quotable tells whether s can be a quoted string: no CR, LF, NUL or 8-bit.
func quotable(s string) bool {
	for i := range len(s) {
		if c := s[i]; c == 0 || c == '\r' || c == '\n' || c >= 0x80 {
			return false
		}
	}
	return true
}

// notAtom reports the characters that end or forbid an atom, RFC 9051 section 9
// (atom-specials), less those that Exchange itself writes bare; and "}", which
// could be taken for the end of a literal's announcement.
func notAtom(c rune) bool {
	return c <= ' ' || c >= 0x7f || strings.ContainsRune(`(){}%*"\]`, c)
}
