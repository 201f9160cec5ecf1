package knowledge

import (
	"bufio"
	"fmt"
	"io"
	"unicode/utf8"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// Report is the result of a scan of a text.
type Report struct {
	Found []Found // in the order of the first lines
	Lines int     // lines read
	Names Names   // the names that the scan found in the text
	Head  string  // the beginning of the text
	Long  bool    // the text does not end with Head
}

// Found is an entry whose phrases are in a text.
type Found struct {
	Entry Entry
	First int // the first line with a phrase of the entry, counted from 1
	Lines int // the number of lines with a phrase of the entry
}

// maxHead limits the beginning of a text that a Report has, in bytes.
const maxHead = 1024

// Scan reads a text to its end, and finds the entries whose phrases are in the text. Its
// memory is limited, however long the text and its lines are. The text is UTF-8, or UTF-16
// with a byte order mark: PowerShell writes UTF-16 when its output is redirected. The error
// is that of r. Scan returns it together with the results up to the error.
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
