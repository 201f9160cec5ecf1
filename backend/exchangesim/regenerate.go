package exchangesim

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"mime/quotedprintable"
	"slices"
	"strings"
)

// headerOrder is the order in which fields are written anew. Others follow
// in the order in which they came, and those about MIME at the end.
var headerOrder = [...]string{
	"Received", "Return-Path", "From", "Sender", "Reply-To", "To", "Cc", "Bcc", "Subject", "Date", "Message-ID",
	"References", "In-Reply-To",
}

// regenerate writes a message as Exchange does, which stores properties and
// no text (quirk EX-12): header fields change their order but not their text,
// boundaries are new, preambles and epilogues are gone, text becomes
// quoted-printable and base64 is wrapped anew. What the leaves decode to stays
// the same, and signed parts keep every byte. The same message always gives
// the same text.
func regenerate(msg []byte) []byte {
	var b bytes.Buffer
	parseEntity(msg).write(&b)
	return b.Bytes()
}

func (e *entity) write(b *bytes.Buffer) {
	multipart := strings.HasPrefix(e.typ, "multipart/")
	switch {
	case e.typ == "multipart/signed" || e.typ == "multipart/encrypted" ||
		len(e.children) == 0 && (multipart || e.typ == "message/rfc822"):
		e.writeHeader(b, "", "")
		b.Write(e.body)
	case multipart:
		e.writeMultipart(b)
	case len(e.children) == 1: // message/rfc822
		e.writeHeader(b, "", "")
		e.children[0].write(b)
	default:
		e.writeLeaf(b)
	}
}

func (e *entity) writeMultipart(b *bytes.Buffer) {
	var parts [][]byte
	for _, child := range e.children {
		var part bytes.Buffer
		child.write(&part)
		parts = append(parts, part.Bytes())
	}
	boundary := newBoundary(parts)
	params := fmt.Sprintf("; boundary=%q", boundary)
	for _, name := range []string{"type", "start", "start-info", "report-type", "charset"} {
		if v := e.params[name]; v != "" && !strings.ContainsFunc(v, isNotQuotable) {
			params += fmt.Sprintf(";\r\n\t%s=\"%s\"", name, v)
		}
	}
	e.writeHeader(b, e.typ+params, "")
	for _, part := range parts {
		fmt.Fprintf(b, "--%s\r\n%s\r\n", boundary, part)
	}
	fmt.Fprintf(b, "--%s--\r\n", boundary)
}

// isNotQuotable is what a parameter's quoted string cannot hold as it is.
func isNotQuotable(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }

// newBoundary depends on the parts alone and occurs in none of them.
func newBoundary(parts [][]byte) string {
	sum := sha256.Sum256(bytes.Join(parts, []byte{0}))
	for n := 0; ; n++ {
		boundary := fmt.Sprintf("_%03d_%X_", n, sum[:12])
		if !slices.ContainsFunc(parts, func(p []byte) bool { return bytes.Contains(p, []byte(boundary)) }) {
			return boundary
		}
	}
}

func (e *entity) writeLeaf(b *bytes.Buffer) {
	content, ok := e.decoded()
	switch {
	case !ok:
		e.writeHeader(b, "", "")
		b.Write(e.body)
	case e.encoding() == "base64":
		e.writeHeader(b, "", "")
		writeBase64(b, content)
	case strings.HasPrefix(e.typ, "text/") && hasOnlyCRLF(content) && e.encoding() != "binary":
		e.writeHeader(b, "", "quoted-printable")
		w := quotedprintable.NewWriter(b)
		_, _ = w.Write(content) // a bytes.Buffer takes everything
		_ = w.Close()
	default:
		e.writeHeader(b, "", "")
		b.Write(e.body)
	}
}

// hasOnlyCRLF is true of text that quoted-printable gives back as it was: every
// line ends in CRLF (RFC 2045 section 6.7 rule 4).
func hasOnlyCRLF(b []byte) bool {
	crlf := bytes.Count(b, []byte("\r\n"))
	return crlf == bytes.Count(b, []byte("\n")) && crlf == bytes.Count(b, []byte("\r"))
}

func writeBase64(b *bytes.Buffer, content []byte) {
	const perLine = 57 // bytes that make 76 characters
	for chunk := range slices.Chunk(content, perLine) {
		b.WriteString(base64.StdEncoding.EncodeToString(chunk) + "\r\n")
	}
}

// writeHeader writes the fields in their new order and the empty line.
// contentType and encoding replace those of the entity; "" keeps them.
func (e *entity) writeHeader(b *bytes.Buffer, contentType, encoding string) {
	rank := func(f field) int {
		if i := slices.IndexFunc(headerOrder[:], f.is); i >= 0 {
			return i
		}
		if f.is("MIME-Version") || strings.HasPrefix(strings.ToLower(f.name), "content-") {
			return len(headerOrder) + 1
		}
		return len(headerOrder)
	}
	fields := slices.Clone(e.header)
	slices.SortStableFunc(fields, func(x, y field) int { return rank(x) - rank(y) })
	for _, f := range fields {
		switch {
		case contentType != "" && f.is("Content-Type"), encoding != "" && f.is("Content-Transfer-Encoding"):
		default:
			b.Write(bytes.TrimRight(f.raw, "\r\n"))
			b.WriteString("\r\n")
		}
	}
	if contentType != "" {
		fmt.Fprintf(b, "Content-Type: %s\r\n", contentType)
	}
	if encoding != "" {
		fmt.Fprintf(b, "Content-Transfer-Encoding: %s\r\n", encoding)
	}
	b.WriteString("\r\n")
}
