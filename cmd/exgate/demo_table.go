package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"

	"golang.org/x/term"
)

// The widths of the table's columns. With the gaps, the table is narrower than 100.
const (
	nameWidth    = 29
	directWidth  = 33
	throughWidth = 31
	tableWidth   = nameWidth + directWidth + throughWidth + 4
)

// palette colours text. The zero value does not.
type palette struct{ on bool }

// newPalette returns a palette with colours if w is a terminal that shows them and
// the user wants them (https://no-color.org).
func newPalette(w io.Writer) palette {
	f, ok := w.(*os.File)
	return palette{ok && term.IsTerminal(int(f.Fd())) && wantsColour(os.Getenv)}
}

func wantsColour(getenv func(string) string) bool {
	// The console of older versions of Windows prints the codes themselves.
	old := runtime.GOOS == "windows" && getenv("WT_SESSION") == ""
	return getenv("NO_COLOR") == "" && getenv("TERM") != "dumb" && !old
}

type colour string

const (
	plain  colour = ""
	bold   colour = "1"
	dim    colour = "2"
	red    colour = "31"
	green  colour = "32"
	yellow colour = "33"
)

func (p palette) paint(c colour, text string) string {
	if !p.on || c == plain || text == "" {
		return text
	}
	return "\x1b[" + string(c) + "m" + text + "\x1b[0m"
}

// line is one line of a cell.
type line struct {
	text   string
	colour colour
}

// cell wraps texts to a column's width.
type cell struct {
	width int
	lines []line
}

func (c *cell) add(colour colour, text string) {
	for _, t := range wrap(text, c.width) {
		c.lines = append(c.lines, line{t, colour})
	}
}

// wrap breaks text at blanks. It cuts a word longer than half a line.
func wrap(text string, width int) (lines []string) {
	current := ""
	for word := range strings.FieldsSeq(text) {
		if len(word) > width/2 {
			word = word[:8] + "..."
		}
		if current != "" && len(current)+1+len(word) > width {
			lines = append(lines, current)
			current = ""
		}
		if current != "" {
			current += " "
		}
		current += word
	}
	return append(lines, current)
}

// table builds the report for people.
type table struct {
	strings.Builder
	palette
}

func (t *table) row(cells ...cell) {
	height := 0
	for _, c := range cells {
		height = max(height, len(c.lines))
	}
	for n := range height {
		blanks := 0 // before the next text, so that no line ends in blanks
		for _, c := range cells {
			text := ""
			if n < len(c.lines) {
				text = c.lines[n].text
			}
			if text != "" {
				t.WriteString(strings.Repeat(" ", blanks) + t.paint(c.lines[n].colour, text))
				blanks = 0
			}
			blanks += c.width - len(text) + 2
		}
		t.WriteString("\n")
	}
}

func (t *table) rule() { t.WriteString(t.paint(dim, strings.Repeat("-", tableWidth)) + "\n") }

// legend stands below the table's title.
const legend = `The simulated Exchange has the limits, quirks and texts of real ones, from manuals, reports and
logs. If a line is too long, Exchange executes the rest of the message as commands, and
closes the connection.`

const footer = `For this demo, exgate is faster than its usual pace of 4 messages per second.
To try another version: --profile exchange2016, --profile exchange-online.
To try your own mail program or sync tool: --stay keeps the servers running and prints the settings.`

// print writes the report for people.
func (r *demoReport) print(w io.Writer, p palette) error {
	t := &table{palette: p}
	title := "One mailbox, synced twice into a simulated " + productName(r.Profile)
	t.WriteString(t.paint(bold, title) + "\n" + t.paint(dim, legend) + "\n\n")
	t.row(oneLine(nameWidth, dim, "message"), oneLine(directWidth, dim, "directly"),
		oneLine(throughWidth, dim, "through exgate"))
	t.rule()
	for i, direct := range r.Direct.Messages {
		if direct.TooBig {
			continue
		}
		through := r.Through.Messages[i].cell(throughWidth)
		if r.Through.Messages[i].Untouched && len(through.lines) == 1 {
			through.add(dim, "passed on byte for byte")
		}
		t.row(oneLine(nameWidth, plain, direct.Name), direct.cell(directWidth), through)
	}
	t.rule()
	t.row(oneLine(nameWidth, bold, "arrived correctly"), r.Direct.cell(directWidth), r.Through.cell(throughWidth))
	for i, direct := range r.Direct.Messages {
		if direct.TooBig {
			t.tooBig(direct, r.Through.Messages[i])
		}
	}
	if r.Settings != nil {
		settings, err := r.Settings.text(p)
		if err != nil {
			return err
		}
		t.WriteString("\n" + settings)
	} else {
		t.WriteString("\n" + t.paint(dim, footer) + "\n")
	}
	_, err := io.WriteString(w, t.String())
	return err
}

// productName returns the product name of a profile, as Microsoft writes it.
func productName(profile string) string {
	return strings.NewReplacer("exchange-online", "Exchange Online", "exchange", "Exchange ").Replace(profile)
}

func oneLine(width int, c colour, text string) cell { return cell{width, []line{{text, c}}} }

// cell describes the result for one message.
func (v verdict) cell(width int) cell {
	c := cell{width: width}
	switch {
	case v.State == stateLost:
		c.add(red, "lost; connection closed")
		c.add(dim, v.Said)
	case v.State == stateRefused:
		c.add(red, "refused")
		c.add(dim, v.Said)
	case !v.Right:
		c.add(yellow, "stored")
	case len(v.Fixes) > 0:
		c.add(green, "stored; fixed: "+strings.Join(v.Fixes, ", "))
	default:
		c.add(green, "stored")
	}
	for _, fault := range v.Faults {
		c.add(red, fault)
	}
	for _, note := range v.Notes {
		c.add(dim, note)
	}
	return c
}

// cell says how many messages arrived correctly.
func (s demoSync) cell(width int) cell {
	c := red
	if s.Right == s.Total {
		c = green
	}
	return oneLine(width, c, fmt.Sprintf("%d of %d", s.Right, s.Total))
}

// tooBig reports the message that nobody can deliver, below the table.
func (t *table) tooBig(direct, through verdict) {
	t.WriteString("\n" + direct.Name + ", larger than this Exchange accepts\n")
	for _, way := range []struct {
		name string
		v    verdict
	}{{"directly", direct}, {"through exgate", through}} {
		state := way.v.State + "; the connection stays open"
		if way.v.Closed {
			state = way.v.State + "; the connection is closed"
		}
		c := red
		if way.v.Right {
			c = green
		}
		const indent = 16
		answer := cell{width: tableWidth - indent - 2}
		answer.add(c, state)
		answer.add(dim, way.v.Said)
		t.row(oneLine(indent, plain, "  "+way.name), answer)
	}
}
