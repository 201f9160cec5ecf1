package rewrite

import (
	"errors"
	"strings"
)

// envelope is the last resort: a small message with the same From, To, Subject,
// Date, Message-ID and Received, that carries the original, byte for byte, as
// an attached file of no type that Exchange looks into.

// These bound what is carried over: fields, and their bytes. What is beyond is
// in the original.
const (
	maxEnveloped = 500
	maxCarried   = 1 << 20
)

// envelope plans that.
func (p *planner) envelope() error {
	fields, err := p.enveloped()
	if err != nil {
		return err
	}
	note, err := p.noteOfOriginal("The server does not take this message as it is. " +
		"It is attached, unchanged, as the file " +
		originalName + ", which mail programs open.")
	if err != nil {
		return err
	}
	head := fields + "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"" + boundary + "\"\r\n\r\n" +
		"--" + boundary + "\r\n" + noteHeader + note +
		"\r\n--" + boundary + "\r\nContent-Type: application/octet-stream; name=\"" + originalName + "\"\r\n" +
		"Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=\"" + originalName +
		"\"\r\n\r\n"
	encoder := base64Encoder{endLine: true}
	if err := p.add(fixes[fixEnvelope].name, edit{
		span: span{0, p.length}, text: head, recode: encoder.recode, size: encoder.size(p.length),
	}); err != nil {
		return err
	}
	end := edit{span: span{p.length, p.length}, text: "--" + boundary + "--\r\n"}
	if err := p.add(fixes[fixEnvelope].name, end); err != nil {
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
		if n == maxEnveloped || !f.isAny("From", "Sender", "Reply-To", "To", "Cc", "Subject", "Date", "Message-ID",
			"Received", "In-Reply-To", "References") {
			return nil
		}
		text, err := inner.carried(f)
		if err != nil || b.Len()+len(text) > maxCarried {
			return err
		}
		n++
		b.WriteString(text)
		return nil
	}
	h := &header{ofMessage: true, top: true, carried: true}
	if _, _, err := w.header(h, nil); err != nil {
		return "", err
	}
	return b.String(), nil
}

// carried is a field as the fixes leave it, in the form of RFC 5322 section
// 2.2, or nothing where none can be had: the original has it.
func (p *planner) carried(f *field) (string, error) {
	left := p.headLeft.count
	err := p.field(f)
	var refused *RefusedError
	switch {
	case errors.As(err, &refused), err == nil && p.headLeft.count > left:
		return "", nil
	case err != nil:
		return "", err
	}
	value, ok, err := p.text(f)
	if !ok || err != nil {
		return "", err
	}
	if f.value == nil {
		raw, err := p.raw(f.span)
		if err != nil || isWellFormed(raw, f.name) {
			return f.before + strings.TrimRight(raw, "\r\n") + "\r\n", err
		}
	}
	return f.before + fold(f.newName(), value), nil
}

// isWellFormed reports whether a field has its colon behind its name, and no line
// of blanks, which some readers take for the header's end.
func isWellFormed(raw, name string) bool {
	if len(raw) <= len(name) || raw[len(name)] != ':' {
		return false
	}
	for line := range strings.Lines(strings.TrimRight(raw, "\r\n")) {
		if strings.TrimSpace(line) == "" {
			return false
		}
	}
	return true
}

// allUses has every fix of header fields on that some choice switches.
func allUses(u Uses) Uses {
	u.LongHeaders, u.EightBit, u.EncodedWords = Always, Always, Always
	u.References, u.Subject, u.Addresses = Always, Always, Always
	u.LineEndings, u.NULBytes = Always, Always
	return u
}
