package rewrite

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"mime/quotedprintable"
	"strings"
	"testing"
)

func TestNoteValidate(t *testing.T) {
	for note, want := range map[Note]string{
		"":         "",
		"{reason}": "",
		"Grüße: {reason}\n\n{name}, {size}, {sha256}\n": "",
		"{reason} { {} a{b": "{} is no placeholder",
		"{reason} {who}":    "{who} is no placeholder: there are {reason}, {name}, {size}, {sha256}",
		"{Reason}":          "{Reason} is no placeholder",
		"{name}":            "{reason} is missing",
		"{reason}\r\n":      "a control character",
		"{reason}\x00":      "a control character",
		"{reason}\xff":      "is not UTF-8",
		"{reason}" + Note(strings.Repeat("x", maxNote)): "2008 bytes are too many",
	} {
		if err := note.Validate(); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", note, err, want)
		}
	}
	if _, err := NewPlan(t.Context(), strings.NewReader(""), 0, Options{Note: "{x}"}); err == nil ||
		!strings.Contains(err.Error(), "note: {x} is no placeholder") {
		t.Errorf("options with such a note: %v", err)
	}
}

// The template stands wherever something was taken out or put in an envelope,
// and names what is kept. What a message brings is no placeholder.
func TestNote(t *testing.T) {
	const template Note = "<{reason}>\n<{name}> <{size}> <{sha256}> Größe"
	sum := func(s string) string { h := sha256.Sum256([]byte(s)); return hex.EncodeToString(h[:]) }
	file := strings.Repeat("x", 30_000)
	head := "From: a@example.org\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
	detach := head + "--b\r\n\r\ntext\r\n--b\r\nContent-Type: application/pdf; name=\"{size}\"\r\n\r\n" + file + "\r\n--b--\r\n"
	many := head + strings.Repeat("--b\n\npart\n", 300) + "--b--\n"
	ends := onlyAt(func(u *Uses) { u.LineEndings, u.Attachments = Always, Always })
	ends.Note = template
	for _, test := range []struct {
		name, message string
		options       Options
		want          string
	}{
		{"detach", detach, Options{Oversize: OversizeDetach, SizeLimit: 20_000, Note: template},
			fmt.Sprintf("<An attachment was taken out of this message, which was too large for the server.>\r\n<{size}> <30000> <%s> Größe", sum(file))},
		{"envelope", detach, Options{Stage: StageEnvelope, Note: template},
			fmt.Sprintf("which mail programs open.>\r\n<original-message.eml> <%d> <%s> Größe", len(detach), sum(detach))},
		{"attachments", many, ends,
			fmt.Sprintf("in one message.>\r\n<original-message.eml> <%d> <%s> Größe", len(many), sum(many))},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, _, err := rewriteBytes(t, []byte(test.message), test.options)
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(string(got))))
			if err != nil || !strings.Contains(string(text), test.want) {
				t.Errorf("%v, got\n%.3000s\nwant\n%s", err, text, test.want)
			}
			checkContract(t, []byte(test.message), test.options)
		})
	}
}

// A long note is counted: the message fits all the same.
func TestNoteIsCounted(t *testing.T) {
	part := "--b\r\nContent-Type: application/pdf\r\n\r\n" + strings.Repeat("x", 10_500) + "\r\n"
	message := "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat(part, 10) + "--b--\r\n"
	o := Options{Oversize: OversizeDetach, SizeLimit: 80_000, Note: "{reason}" + Note(strings.Repeat("ü", 900))}
	got, plan, err := rewriteBytes(t, []byte(message), o)
	if err != nil || int64(len(got)) > o.SizeLimit || len(plan.Report().Detached) == 0 {
		t.Errorf("%d bytes, %d detached, %v", len(got), len(plan.Report().Detached), err)
	}
}
