package rewrite

import (
	"fmt"
	"io"
	"strings"
)

// envelope is the last resort: a small message with the same From, To, Subject,
// Date, Message-ID and Received, that carries the original, byte for byte, as
// an attached file of no type that Exchange looks into.

// maxEnveloped bounds the fields that are carried over.
const maxEnveloped = 500

// envelope plans that.
func (p *planner) envelope() error {
	fields, err := p.enveloped()
	if err != nil {
		return err
	}
	note, err := p.noteOfOriginal("The server does not take this message as it is. It is attached, unchanged, as the file " +
		originalName + ", which mail programs open.")
	if err != nil {
		return err
	}
	head := fields + "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"" + boundary + "\"\r\n\r\n" +
		"--" + boundary + "\r\n" + noteHeader + note +
		"\r\n--" + boundary + "\r\nContent-Type: application/octet-stream; name=\"" + originalName + "\"\r\n" +
		"Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=\"" + originalName + "\"\r\n\r\n"
	encoder := base64Encoder{endLine: true}
	if err := p.add(fixes[fixEnvelope].name, edit{
		span: span{0, p.length}, text: head, recode: encoder.recode, size: encoder.size(p.length),
	}); err != nil {
		return err
	}
	if err := p.add(fixes[fixEnvelope].name, edit{span: span{p.length, p.length}, text: "--" + boundary + "--\r\n"}); err != nil {
		return err
	}
	p.count(fixEnvelope, 1)
	p.finish()
	p.conclude()
	return nil
}

// boundary cannot stand in base64 nor, since "=_" is no code there (RFC 2045
// section 6.7), in quoted-printable, which the two parts are in.
const boundary = "=_exgate_envelope"

// enveloped are the fields that the message keeps, as all repairs of the
// header leave them.
func (p *planner) enveloped() (string, error) {
	o := p.options
	o.Stage, o.Uses, o.Oversize = StageShed, allUses(o.Uses), OversizeRefuse
	inner := &planner{Plan: &Plan{message: p.message, length: p.length}, options: o}
	defer inner.giveBack()
	found, err := scan(p.message, p.length, o.LineLimit, inner.buffer(0))
	if err != nil {
		return "", err
	}
	if inner.wantsView(found) {
		if _, err := inner.normalise(found); err != nil {
			return "", err
		}
	}
	var b strings.Builder
	n := 0
	w := inner.newWalker()
	w.field = func(f *field) error {
		if !f.isAny("From", "Sender", "Reply-To", "To", "Cc", "Subject", "Date", "Message-ID", "Received", "In-Reply-To", "References") {
			return nil
		}
		if n++; n > maxEnveloped {
			return &RefusedError{fixes[fixEnvelope].name, fmt.Sprintf("more than %d header fields would be carried over", maxEnveloped)}
		}
		before := len(inner.edits)
		if err := inner.field(f); err != nil {
			return err
		}
		return inner.writeField(&b, f, inner.edits[before:])
	}
	h := &header{ofMessage: true, top: true}
	if _, _, err := w.header(h, nil); err != nil {
		return "", err
	}
	if inner.headLeft.count > 0 {
		return "", &RefusedError{fixes[fixEnvelope].name, "a field that it has to carry over has a line that is too long"}
	}
	return b.String(), nil
}

// writeField writes a field as its edits leave it.
func (p *planner) writeField(b *strings.Builder, f *field, edits []edit) error {
	if len(edits) == 1 && edits[0].end > edits[0].start {
		b.WriteString(edits[0].text)
		return nil
	}
	for _, e := range edits {
		b.WriteString(e.text)
	}
	raw, err := io.ReadAll(p.section(f.start, f.end))
	b.WriteString(strings.TrimRight(string(raw), "\r\n") + "\r\n")
	return err
}

// allUses has every fix of header fields on that some choice switches.
func allUses(u Uses) Uses {
	u.LongHeaders, u.EightBit, u.EncodedWords = Always, Always, Always
	u.References, u.Subject, u.Addresses = Always, Always, Always
	u.LineEndings, u.NULBytes = Always, Always
	return u
}
