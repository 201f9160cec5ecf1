package exchangesim

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"mime/quotedprintable"
	"strings"
)

// maxNesting is the depth to which a message is parsed; deeper parts are not parsed. Exchange
// accepts 30 messages (docs/exchange.md#ex-37).
const maxNesting = 40

// field is one header field with its line ends, and its name.
type field struct {
	name string
	raw  []byte
}

func (f field) is(name string) bool { return strings.EqualFold(f.name, name) }

// value returns the unfolded value, without the blanks around it.
func (f field) value() string {
	v := strings.NewReplacer("\r\n", "", "\n", "").Replace(string(f.raw[len(f.name):]))
	_, v, _ = strings.Cut(v, ":")
	return strings.TrimSpace(v)
}

type header []field

func (h header) get(name string) string {
	for _, f := range h {
		if f.is(name) {
			return f.value()
		}
	}
	return ""
}

// entity is a message or a part of one (RFC 2045 section 2.4).
type entity struct {
	header   header
	body     []byte
	children []*entity // of a multipart, or the message inside message/rfc822
	typ      string    // "text/plain"
	params   map[string]string
}

// parseEntity parses a message. It accepts any input: a multipart without its boundary is a
// leaf.
func parseEntity(msg []byte) *entity { return parsePart(msg, "text/plain", 0) }

func parsePart(b []byte, defaultType string, depth int) *entity {
	e := &entity{}
	e.header, e.body = parseHeader(b)
	e.typ, e.params = defaultType, nil
	if v := e.header.get("Content-Type"); v != "" {
		typ, params, err := mime.ParseMediaType(v)
		if err != nil || !strings.Contains(typ, "/") {
			typ, params = "text/plain", nil // RFC 2045 section 5.2
		}
		e.typ, e.params = typ, params
	}
	if depth == maxNesting {
		return e
	}
	switch {
	case strings.HasPrefix(e.typ, "multipart/") && e.params["boundary"] != "":
		childType := "text/plain"
		if e.typ == "multipart/digest" {
			childType = "message/rfc822"
		}
		for _, part := range splitParts(e.body, e.params["boundary"]) {
			e.children = append(e.children, parsePart(part, childType, depth+1))
		}
	case e.typ == "message/rfc822" && !e.isEncoded():
		e.children = []*entity{parsePart(e.body, "text/plain", depth+1)}
	}
	return e
}

// parseHeader reads fields up to the empty line. A line that is not a field also ends the
// header, and begins the body.
func parseHeader(b []byte) (header, []byte) {
	var h header
	start := 0 // of the last field
	for at := 0; at < len(b); {
		end := at + bytes.IndexByte(b[at:], '\n') + 1
		if end == at {
			end = len(b)
		}
		line := b[at:end]
		name, _, isField := bytes.Cut(line, []byte(":"))
		switch {
		case len(bytes.TrimRight(line, "\r\n")) == 0:
			return h, b[end:]
		case (line[0] == ' ' || line[0] == '\t') && len(h) > 0:
			h[len(h)-1].raw = b[start:end]
		case isField && len(name) > 0 && bytes.IndexFunc(name, isNotFieldName) < 0:
			h = append(h, field{string(name), line})
			start = at
		default:
			return h, b[at:]
		}
		at = end
	}
	return h, nil
}

func isNotFieldName(r rune) bool { return r <= ' ' || r > '~' }

// splitParts splits the body of a multipart (RFC 2046 section 5.1.1). It drops preamble and
// epilogue, and accepts a last part without a closing boundary.
func splitParts(body []byte, boundary string) [][]byte {
	delimiter := []byte("--" + boundary)
	var parts [][]byte
	start := -1
	for at := 0; at < len(body); {
		end := bytes.IndexByte(body[at:], '\n') + 1
		if end == 0 {
			end = len(body) - at
		}
		line := bytes.TrimRight(body[at:at+end], " \t\r\n")
		rest, isBoundary := bytes.CutPrefix(line, delimiter)
		closing := string(rest) == "--"
		if isBoundary && (len(rest) == 0 || closing) {
			if start >= 0 {
				// The line end before the boundary belongs to it.
				parts = append(parts, bytes.TrimSuffix(bytes.TrimSuffix(body[start:at], []byte("\n")), []byte("\r")))
			}
			if closing {
				return parts
			}
			start = at + end
		}
		at += end
	}
	if start >= 0 {
		parts = append(parts, body[start:])
	}
	return parts
}

func (e *entity) encoding() string {
	return strings.ToLower(e.header.get("Content-Transfer-Encoding"))
}

func (e *entity) isEncoded() bool {
	enc := e.encoding()
	return enc == "base64" || enc == "quoted-printable"
}

// decoded returns a leaf's body without its transfer encoding; ok is false if it cannot be
// decoded.
func (e *entity) decoded() (b []byte, ok bool) {
	var r io.Reader
	switch e.encoding() {
	case "base64":
		r = base64.NewDecoder(base64.StdEncoding, bytes.NewReader(e.body))
	case "quoted-printable":
		r = quotedprintable.NewReader(bytes.NewReader(e.body))
	default:
		return e.body, true
	}
	b, err := io.ReadAll(r)
	return b, err == nil
}

// leaves returns the decoded bodies of all parts without further parts, in order. A body that
// cannot be decoded is returned unchanged.
func (e *entity) leaves() [][]byte {
	if len(e.children) > 0 {
		var all [][]byte
		for _, child := range e.children {
			all = append(all, child.leaves()...)
		}
		return all
	}
	if b, ok := e.decoded(); ok {
		return [][]byte{b}
	}
	return [][]byte{e.body}
}
