package exchangesim

import (
	"fmt"
	"maps"
	"mime"
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"
)

const emptyEnvelope = "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"

// nstring returns s as an nstring (RFC 3501 section 9): NIL for "", otherwise a
// quoted string. quote replaces the characters that such a string cannot hold.
func nstring(s string) string {
	if s == "" {
		return "NIL"
	}
	return quote(s)
}

func quote(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// encoded is a text that may hold any character, as an encoded word (RFC 2047).
func encoded(s string) string { return nstring(mime.QEncoding.Encode("utf-8", s)) }

// envelope writes an ENVELOPE. Sender and Reply-To default to From (RFC 3501
// section 7.4.2).
func (s structure) envelope(e *imap.Envelope) string {
	if e == nil {
		return emptyEnvelope
	}
	date := "NIL"
	if !e.Date.IsZero() {
		date = quote(e.Date.Format("Mon, 2 Jan 2006 15:04:05 -0700"))
	}
	sender, replyTo := e.Sender, e.ReplyTo
	if len(sender) == 0 {
		sender = e.From
	}
	if len(replyTo) == 0 {
		replyTo = e.From
	}
	id, inReplyTo := "", ""
	if e.MessageID != "" {
		id = "<" + e.MessageID + ">"
	}
	if len(e.InReplyTo) > 0 {
		inReplyTo = "<" + strings.Join(e.InReplyTo, "> <") + ">"
	}
	return "(" + strings.Join([]string{
		date, encoded(e.Subject), s.addresses(e.From), s.addresses(sender), s.addresses(replyTo), s.addresses(e.To),
		s.addresses(e.Cc), s.addresses(e.Bcc), nstring(inReplyTo), nstring(id),
	}, " ") + ")"
}

func (s structure) addresses(list []imap.Address) string {
	if len(list) == 0 {
		return "NIL"
	}
	var b strings.Builder
	for i, a := range list {
		if i > 0 && s.addressBlanks {
			b.WriteByte(' ')
		}
		fmt.Fprintf(&b, "(%s NIL %s %s)", encoded(a.Name), nstring(a.Mailbox), nstring(a.Host))
	}
	return "(" + b.String() + ")"
}

// structure writes BODY and BODYSTRUCTURE (RFC 3501 section 7.4.2).
type structure struct {
	extended        bool // BODYSTRUCTURE
	bareDisposition bool // quirk EX-24
	oddDisposition  bool // quirk EX-40
	addressBlanks   bool // quirk EX-29
	noEncoding      bool // quirk EX-41
	odd             bool // quirk EX-74
}

func (s structure) write(b *strings.Builder, bs imap.BodyStructure) {
	switch bs := bs.(type) {
	case *imap.BodyStructureMultiPart:
		s.multipart(b, bs)
	case *imap.BodyStructureSinglePart:
		s.singlePart(b, bs)
	}
}

func (s structure) multipart(b *strings.Builder, bs *imap.BodyStructureMultiPart) {
	if len(bs.Children) == 0 {
		// A multipart without parts has no form in the grammar; as text it
		// has one.
		b.WriteString(`("text" "plain" NIL NIL NIL "7bit" 0 0`)
		if s.extended {
			b.WriteString(" NIL NIL NIL NIL")
		}
		b.WriteByte(')')
		return
	}
	b.WriteByte('(')
	for _, child := range bs.Children {
		s.write(b, child)
	}
	b.WriteString(" " + quote(bs.Subtype))
	if s.extended {
		ext := bs.Extended
		disposition := s.disposition(ext.Disposition)
		if sub := strings.ToLower(bs.Subtype); s.oddDisposition && (sub == "signed" || sub == "encrypted") {
			disposition = `"S/MIME Encrypted Message"`
		}
		fmt.Fprintf(b, " %s %s %s %s", params(ext.Params), disposition, languages(ext.Language), nstring(ext.Location))
	}
	b.WriteByte(')')
}

func (s structure) singlePart(b *strings.Builder, bs *imap.BodyStructureSinglePart) {
	primary, sub, encoding := bs.Type, bs.Subtype, strings.ToLower(bs.Encoding)
	if primary == "" || sub == "" {
		primary, sub = "text", "plain"
	}
	if encoding == "" {
		encoding = "7bit"
	}
	shownEncoding := quote(encoding)
	switch {
	case s.odd && encoding == "base64":
		shownEncoding = `"base64 "`
	case s.odd && encoding == "quoted-printable":
		shownEncoding = encoding
	}
	if s.noEncoding && encoding == "7bit" {
		shownEncoding = "NIL"
	}
	fmt.Fprintf(b, "(%s %s %s %s %s %s %d", quote(primary), quote(sub), params(bs.Params),
		nstring(bs.ID), encoded(bs.Description), shownEncoding, bs.Size)
	switch {
	case bs.MessageRFC822 != nil:
		fmt.Fprintf(b, " %s ", s.envelope(bs.MessageRFC822.Envelope))
		s.write(b, bs.MessageRFC822.BodyStructure)
		fmt.Fprintf(b, " %d", bs.MessageRFC822.NumLines)
	case primary == "text":
		lines := int64(0)
		if bs.Text != nil {
			lines = bs.Text.NumLines
		}
		if s.odd {
			lines = -1
		}
		fmt.Fprintf(b, " %d", lines)
	}
	if s.extended {
		ext := bs.Extended
		fmt.Fprintf(b, " NIL %s %s %s", s.disposition(ext.Disposition), languages(ext.Language), nstring(ext.Location))
	}
	b.WriteByte(')')
}

func (s structure) disposition(d *imap.BodyStructureDisposition) string {
	switch {
	case d == nil && s.odd:
		return "(NIL NIL)"
	case d == nil:
		return "NIL"
	case s.odd && len(d.Params) > 0:
		return quote(d.Value) + " " + params(d.Params)
	case s.bareDisposition && len(d.Params) == 0:
		return quote(d.Value)
	}
	return "(" + quote(d.Value) + " " + params(d.Params) + ")"
}

// params are written in the order of their names, so that the same message
// always has the same structure.
func params(p map[string]string) string {
	if len(p) == 0 {
		return "NIL"
	}
	var words []string
	for _, name := range slices.Sorted(maps.Keys(p)) {
		value := `""`
		if p[name] != "" {
			value = encoded(p[name])
		}
		words = append(words, quote(name)+" "+value)
	}
	return "(" + strings.Join(words, " ") + ")"
}

func languages(list []string) string {
	switch len(list) {
	case 0:
		return "NIL"
	case 1:
		return nstring(list[0])
	}
	var words []string
	for _, l := range list {
		words = append(words, quote(l))
	}
	return "(" + strings.Join(words, " ") + ")"
}
