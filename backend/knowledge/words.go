package knowledge

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxWord bounds a word, in bytes: no phrase has a longer one.
const maxWord = 64

// words splits text, rune by rune, into words of letters and digits in lower
// case. Everything between words counts as a blank: quotes, brackets, full
// stops, line ends and the marks of quoted mail, which differ between the
// clients that wrap the same reply. The zero value is ready.
type words struct {
	word []byte // as far as it has been read
	html bool   // "<" or "</" stands before it

	// Subjects of messages that imapsync quotes are passed over, "Subject:[NO
	// LOGIN failed]" being no failure.
	subject  int  // how much of "subject:[" has been read: 1 the word, 2 the colon
	skipping bool // until the bracket closes
}

// add reads a rune. It returns the word that ends before it, valid until the
// next call; html reports whether that begins an HTML tag. A nil word is none.
func (w *words) add(r rune) (word []byte, html bool) {
	if w.skipping {
		w.skipping = r != ']' && r != '\n'
		return nil, false
	}
	if isWordRune(r) {
		switch {
		case len(w.word) >= maxWord:
		case 'A' <= r && r <= 'Z':
			w.word = append(w.word, byte(r)|0x20)
		case r < utf8.RuneSelf:
			w.word = append(w.word, byte(r))
		default:
			w.word = utf8.AppendRune(w.word, unicode.ToLower(r))
		}
		return nil, false
	}
	if word, html = w.end(); word != nil {
		w.subject = 0
		if string(word) == "subject" {
			w.subject = 1
		}
	}
	switch {
	case r == ':' && w.subject == 1:
		w.subject = 2
	case r == '[' && w.subject == 2:
		w.skipping, w.subject = true, 0
	default:
		w.subject = 0
	}
	w.html = r == '<' || (r == '/' && w.html)
	return word, html
}

// end returns the last word of the text.
func (w *words) end() (word []byte, html bool) {
	if len(w.word) == 0 {
		return nil, false
	}
	word, html = w.word, w.html
	w.word, w.html = w.word[:0], false
	return word, html
}

// isWordRune tells what words are made of. An underscore joins, as in the names
// of imapsync's exit codes.
func isWordRune(r rune) bool {
	if r < utf8.RuneSelf {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '_'
	}
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r))
}

// wordsOf returns the words of a short text.
func wordsOf(text string) []string {
	var split words
	var all []string
	for _, r := range text + " " {
		if word, _ := split.add(r); word != nil {
			all = append(all, string(word))
		}
	}
	return all
}

func equalFold(a, b string) bool {
	return strings.EqualFold(strings.TrimSpace(a), strings.TrimSpace(b))
}
