package rewrite

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"slices"
)

// oversize: detach takes the largest attachments out of a message that is over
// the limit, until it fits. A note in the place of each says what it was; who
// sends the message keeps them first (Report.Detached).

// attachment is a leaf that might be taken out.
type attachment struct {
	start, size int64 // of its header; of its body
}

// maxCandidates bounds the attachments that are weighed.
const maxCandidates = 1000

// smallest is the smallest attachment that is worth a note, in bytes.
const smallest = 10_000

// noteAttachment remembers a leaf that might have to go.
func (p *planner) noteAttachment(c content) {
	if !p.isOn(fixOversize) || p.detach != nil || c.end-c.start < smallest || c.sealed {
		return
	}
	if c.mediaType.isText() && c.enclosing == nil {
		return // the text of the message itself
	}
	p.attachment = append(p.attachment, attachment{c.header.start, c.end - c.start})
	if len(p.attachment) > 2*maxCandidates {
		p.attachment = largest(p.attachment)
	}
}

func largest(all []attachment) []attachment {
	slices.SortFunc(all, func(a, b attachment) int { return cmp.Compare(b.size, a.size) })
	return all[:min(len(all), maxCandidates)]
}

// shrink plans anew, without the largest attachments. Where that is not enough
// the message is left as it was, for whoever sends it to refuse.
func (p *planner) shrink(limit int64) error {
	if p.attachment == nil && !p.looksIntoParts() { // only the header was read
		p.restart()
		if err := p.walkParts(); err != nil {
			return err
		}
	}
	excess := p.size - limit
	out := map[int64]struct{}{}
	for _, a := range largest(p.attachment) {
		if excess <= 0 {
			break
		}
		out[a.start] = struct{}{}
		excess -= a.size - p.maxNoteSize()
	}
	if excess > 0 || len(out) == 0 {
		p.finish()
		return nil
	}
	p.restart()
	p.detach = out
	if err := p.walkParts(); err != nil {
		return err
	}
	p.finish()
	return nil
}

// takeOut puts a note in the place of a body.
func (p *planner) takeOut(c content) error {
	d := Detached{Name: p.fileName(c.header)}
	message, encoding, where := p.message, c.encoding, c.span
	d.body = func(w io.Writer) error {
		_, err := io.Copy(w, decoder(encoding, io.NewSectionReader(message, where.start, where.end-where.start)))
		return err
	}
	hash := sha256.New()
	size := &counter{w: hash, most: 1 << 62}
	if err := d.body(size); err != nil {
		return err
	}
	d.Size, d.SHA256 = size.n, hex.EncodeToString(hash.Sum(nil))
	p.report.Detached = append(p.report.Detached, d)
	if c.encoding == "base64" {
		// Where it is broken it may be a list's footer that is not in the file.
		sound, err := p.decodes(c)
		if err != nil {
			return err
		}
		p.report.Lossy = p.report.Lossy || !sound
	}
	p.count(fixOversize, 1)

	text, err := p.note(noteOfFile, "An attachment was taken out of this message, which was too large for the server.",
		kept{d.Name, d.Size, d.SHA256})
	if err != nil {
		return err
	}
	p.retype(c.header, "text/plain; charset=utf-8", "inline")
	if err := p.setEncoding(c.header, "", "quoted-printable"); err != nil {
		return err
	}
	if c.end == p.length {
		text += "\r\n"
	}
	return p.add(fixes[fixOversize].name, edit{span: c.span, text: text})
}

// fileName is the name of an attachment, or "attachment".
func (p *planner) fileName(h *header) string {
	for _, wanted := range []string{"filename", "name"} {
		for _, f := range h.held {
			value, ok, err := p.text(f)
			if !ok || err != nil {
				continue
			}
			_, params := parseParams(value)
			for _, param := range params {
				if param.name == wanted && param.value != "" {
					return unfold(cutUTF16(param.value, maxFileName))
				}
			}
		}
	}
	return "attachment"
}
