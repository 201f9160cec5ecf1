package knowledge

import (
	"bufio"
	"fmt"
	"io"
	"unicode/utf8"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// Report is what was found in a text.
type Report struct {
	Found []Found // in the order of the first lines
	Lines int     // lines read
	Names Names   // the names that the text tells, as far as it does
	Head  string  // the beginning of the text
	Long  bool    // the text does not end with Head
}

// Found is an entry that a text speaks of.
type Found struct {
	Entry Entry
	First int // the first line that does, from 1
	Lines int // how many lines do
}

// maxHead bounds the beginning of a text that is kept, in bytes.
const maxHead = 1024

// Scan reads a text to its end and finds the entries whose phrases it has.
// Memory is bounded however long the text and its lines are. It is UTF-8, or
// UTF-16 with a byte order mark, as PowerShell writes when redirected. The
// error is that of reading; what was found before it is returned with it.
func Scan(r io.Reader) (Report, error) {
	decoded := transform.NewReader(r, unicode.BOMOverride(transform.Nop))
	in := bufio.NewReaderSize(decoded, 1<<16)
	s := scanner{tree: phraseTree(), line: 1, found: map[int]*tally{}}
	var names nameFinder
	var split words
	var head []byte
	take := func(c rune) {
		names.add(c)
		if word, html := split.add(c); word != nil {
			s.word(word, html)
		}
	}
	lines, last, long := 0, '\n', false
	for {
		c, size, err := in.ReadRune()
		if err != nil {
			take('\n') // ends the last word and the last line
			s.begun = nil
			s.settle()
			report := Report{Found: s.report(), Lines: lines, Names: names.names(), Head: string(head), Long: long}
			if err == io.EOF {
				return report, nil
			}
			return report, fmt.Errorf("reading the text: %w", err)
		}
		if last == '\n' {
			lines++
		}
		last = c
		if long = long || len(head)+size > maxHead; !long {
			head = utf8.AppendRune(head, c)
		}
		take(c)
		if c == '\n' {
			s.line++
		}
	}
}
