package rewrite

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Note is the template of what a message says in the place of what was taken
// out of it, or before the original in an envelope. Its placeholders are:
//
//	{reason}  what happened, and why
//	{name}    the file taken out; of the other notes the original message
//	{size}    its bytes
//	{sha256}  its hash, by which the quarantine names it
//
// "" is the text that each kind of note has by itself.
type Note string

// The texts of the notes where there is no template.
const (
	noteOfFile    Note = "{reason}\n\nName: {name}\nSize: {size} bytes\nSHA-256: {sha256}"
	noteOfMessage Note = "{reason}"
)

// maxNote bounds a template, in bytes.
const maxNote = 2000

var (
	placeholder  = regexp.MustCompile(`\{[^{}\s]*\}`)
	placeholders = []string{"{reason}", "{name}", "{size}", "{sha256}"}
)

// Validate tells what is wrong with a template.
func (n Note) Validate() error {
	for _, found := range placeholder.FindAllString(string(n), -1) {
		if !slices.Contains(placeholders, found) {
			return fmt.Errorf("%s is no placeholder: there are %s", found, strings.Join(placeholders, ", "))
		}
	}
	switch {
	case n == "":
	case len(n) > maxNote:
		return fmt.Errorf("%d bytes are too many: write %d at most", len(n), maxNote)
	case strings.ContainsFunc(string(n), func(r rune) bool {
		return r < ' ' && r != '\n' && r != '\t' || r == 0x7f || r == '\uFFFD'
	}):
		return fmt.Errorf("it has a control character, or is not UTF-8")
	case !strings.Contains(string(n), "{reason}"):
		return fmt.Errorf("{reason} is missing: without it nobody learns what became of the message")
	}
	return nil
}

// kept is what a note is about: the file or message that is to be looked for.
type kept struct {
	name   string
	size   int64
	sha256 string // "": it is made of the message
}

// note fills in the configured template or, without one, the usual text. It returns
// the text in quoted-printable, without a line end at its end.
func (p *planner) note(usual Note, reason string, k kept) (string, error) {
	template := string(usual)
	if p.options.Note != "" {
		template = string(p.options.Note)
	}
	if k.sha256 == "" && strings.Contains(template, "{sha256}") {
		var err error
		if k.sha256, err = p.hash(); err != nil {
			return "", err
		}
	}
	text := strings.NewReplacer("\n", "\r\n", "{reason}", reason, "{name}", k.name,
		"{size}", strconv.FormatInt(k.size, 10), "{sha256}", k.sha256).Replace(template)
	var q quotedPrintableLines
	q.encode([]byte(strings.TrimRight(text, "\r\n")), true)
	return string(q.out), nil
}

// hash is the SHA-256 of the original, which is read for it once: a message may
// get many notes.
func (p *planner) hash() (string, error) {
	if p.sha256 == "" {
		hash := sha256.New()
		if _, err := io.Copy(hash, p.original()); err != nil {
			return "", err
		}
		p.sha256 = hex.EncodeToString(hash.Sum(nil))
	}
	return p.sha256, nil
}

// noteOfOriginal is a note that is about the message as a whole.
func (p *planner) noteOfOriginal(reason string) (string, error) {
	return p.note(noteOfMessage, reason, kept{name: originalName, size: p.original().Size()})
}

// originalName is what an envelope names the message that it carries.
const originalName = "original-message.eml"

// original is the message as it came.
func (p *planner) original() *io.SectionReader {
	if p.view != nil {
		return io.NewSectionReader(p.view.src, 0, p.view.marks[len(p.view.marks)-1].src)
	}
	return p.section(0, p.length)
}

// maxNoteSize bounds how much a note makes of the message, encoded and with
// the fields that it brings.
func (p *planner) maxNoteSize() int64 { return 2000 + 3*int64(len(p.options.Note)) }

// noteHeader is the header of a part that is a note.
const noteHeader = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n" +
	"Content-Disposition: inline\r\n\r\n"
