package replies

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"exgate/backend/wire"
)

// partials are the pieces of messages that a FETCH asks for, by section. Exchange is known to
// answer BODY[]<0.1000> with the whole, as BODY[] (docs/exchange.md#ex-77): a client that asked for
// a piece then joins what does not belong together.
type partials map[string]piece

// piece is a piece of a section: its first byte, and the greatest number of its bytes.
type piece struct{ from, size int }

var bodyItem = regexp.MustCompile(`(?i)BODY(?:\.PEEK)?\[([^\]]*)\](?:<(\d{1,10})\.(\d{1,10})>)?`)

// newPartials returns the pieces that the items ask for, without those of sections that the items
// name more than once; nil if there are none.
func newPartials(items string) partials {
	named := make(map[string]int)
	p := make(partials)
	for _, m := range bodyItem.FindAllStringSubmatch(items, -1) {
		section := strings.ToUpper(m[1])
		named[section]++
		if m[2] == "" {
			continue
		}
		from, err1 := strconv.Atoi(m[2])
		size, err2 := strconv.Atoi(m[3])
		if err1 == nil && err2 == nil {
			p[section] = piece{from, size}
		}
	}
	for section := range p {
		if named[section] > 1 {
			delete(p, section)
		}
	}
	if len(p) == 0 {
		return nil
	}
	return p
}

// partialCut cuts the pieces out of sections that are answered whole.
type partialCut struct {
	wanted partials
	skip   int // bytes of the literal to be left out before the piece
	keep   int // bytes of the piece to come
	isIn   bool
	cuts   int
}

// edit returns the fragment as the client gets it.
func (c *partialCut) edit(f wire.Fragment) wire.Fragment {
	if f.Literal {
		if c.isIn {
			n := min(c.skip, len(f.Data))
			kept := f.Data[n:]
			c.skip -= n
			kept = kept[:min(c.keep, len(kept))]
			c.keep -= len(kept)
			f.Data = kept[:len(kept):len(kept)] // Fragment.Ahead must not find the rest
		}
		return f
	}
	c.isIn = false
	if f.Last {
		return f
	}
	open := bytes.LastIndexByte(f.Data, '{')
	size, ok := wire.AnnouncedSize(f.Data)
	if open < 0 || !ok {
		return f
	}
	head := bytes.TrimRight(f.Data[:open], " ~")
	from := wire.LastIndexFold(head, "BODY[")
	if from < 0 || !bytes.HasSuffix(head, []byte("]")) {
		return f
	}
	section := strings.ToUpper(string(head[from+len("BODY[") : len(head)-1]))
	want, ok := c.wanted[section]
	if !ok {
		return f
	}
	c.isIn, c.cuts = true, c.cuts+1
	c.skip = min(want.from, size)
	c.keep = min(want.size, size-c.skip)
	text := append([]byte(nil), head...)
	text = fmt.Appendf(text, "<%d> {%d}\r\n", want.from, c.keep)
	f.Data = text[:len(text):len(text)]
	return f
}
