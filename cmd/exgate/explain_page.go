package main

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"exgate/backend/knowledge"
)

// pageWidth is the width of the text, in characters. Lines that a user copies are
// never broken.
const pageWidth = 79

// page writes entries for people.
type page struct {
	out   io.Writer
	lines int  // the number of lines of the text; for one line, no line numbers are shown
	some  bool // something has been written
	err   error
}

func (p *page) printf(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.out, format, args...)
	}
}

// overview lists the entries that were found in a text of several lines.
func (p *page) overview(a answer) {
	p.printf("In %d lines:\n\n", p.lines)
	for _, f := range a.Found {
		p.printf("  %-22s %s\n", f.ID, f.where())
	}
	p.some = true
}

// where says on which lines of the text an entry was found.
func (f found) where() string {
	if f.Lines == 1 {
		return fmt.Sprintf("on line %d", f.First)
	}
	return fmt.Sprintf("on %d lines, first on line %d", f.Lines, f.First)
}

func (p *page) entry(f found) {
	if p.some {
		p.printf("\n%s\n\n", strings.Repeat("-", pageWidth))
	}
	p.some = true
	p.paragraph("", "", f.Title)
	if f.First > 0 && p.lines > 1 {
		p.printf("(%s; %s)\n\n", f.ID, f.where())
	} else {
		p.printf("(%s)\n\n", f.ID)
	}
	p.paragraph("", "", f.Meaning)
	for i, cause := range f.Causes {
		p.cause(i+1, cause)
	}
	if f.Exgate != "" {
		p.printf("\n")
		p.paragraph("What exgate does: ", "    ", f.Exgate)
	}
	p.printf("\n")
	if len(f.See) > 0 {
		p.paragraph("See also: ", "          ", "exgate explain "+strings.Join(f.See, " "))
	}
	p.paragraph("Sources: ", "         ", f.Source)
}

func (p *page) cause(number int, c knowledge.Cause) {
	const indent = "    "
	p.printf("\n")
	p.paragraph(fmt.Sprintf("%2d. ", number), indent, c.Title)
	for _, part := range []struct{ label, text string }{
		{"How to tell: ", c.Tell}, {"What to do: ", c.Do}, {"Where to click: ", c.Click},
	} {
		if part.text != "" {
			p.paragraph(indent+part.label, indent, part.text)
		}
	}
	if len(c.Lines) > 0 {
		p.printf("\n%s    %s\n\n", indent, strings.Join(c.Lines, "\n"+indent+"    "))
	}
	if len(c.PowerShell) > 0 {
		p.printf("%sPowerShell:\n\n%s    %s\n\n", indent, indent, strings.Join(c.PowerShell, "\n"+indent+"    "))
	}
	p.paragraph(indent+"[", indent, c.Source+"]")
}

// paragraph writes text after a label, in lines of pageWidth.
func (p *page) paragraph(label, indent, text string) {
	line, blank := label, ""
	for _, word := range strings.Fields(text) {
		if blank != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > pageWidth {
			p.printf("%s\n", line)
			line, blank = indent, ""
		}
		line += blank + word
		blank = " "
	}
	p.printf("%s\n", line)
}
