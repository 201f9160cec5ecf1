package rewrite

import (
	"math"
	"sync"
)

// planner makes a plan. Its methods, a file for each fix, look at the pieces
// that the walker shows and add edits.
type planner struct {
	*Plan
	options Options
	counts  [fixCount]int

	view     *view // of the message, if it has bytes that no line may have
	keptData bool  // the view holds data with such bytes
	bodyLeft tally // body lines that stay too long
	headLeft tally // header lines that do

	betterCharset string // of the leaf at hand
	sha256        string // of the original, once a note wants it
	walker        *walker
	attachment    []attachment       // the largest of the message, if it is oversize
	detach        map[int64]struct{} // those to take out, by the start of their headers

	buffers [2]*[bufferSize]byte // the walker's, and one for looking closer
}

// buffers are for reading messages while they are planned: most need nothing
// else, and come by the thousand.
var buffers = sync.Pool{New: func() any { return new([bufferSize]byte) }}

// buffer is the walker's buffer (0), or that for looking closer (1).
func (p *planner) buffer(i int) []byte {
	if p.buffers[i] == nil {
		p.buffers[i] = buffers.Get().(*[bufferSize]byte)
	}
	return p.buffers[i][:bufferFor(p.length)]
}

func (p *planner) giveBack() {
	for _, b := range p.buffers {
		if b != nil {
			buffers.Put(b)
		}
	}
}

func (p *planner) isOn(f fixID) bool { return p.options.isOn(f) }

// count adds n to the uses of a fix.
func (p *planner) count(f fixID, n int) { p.counts[f] += n }

// run decides on all edits.
func (p *planner) run() error {
	if p.options.Stage == StageEnvelope {
		return p.envelope()
	}
	if p.options.IsNone() {
		p.finish()
		return nil
	}
	original, size := p.message, p.length
	found, err := scan(original, size, p.options.LineLimit, p.buffer(0))
	if err != nil {
		return err
	}
	if p.wantsView(found) {
		if found, err = p.normalise(found); err != nil {
			return err
		}
	}
	p.report.LongestLine = found.over.longest
	if err := p.walk(found); err != nil {
		return err
	}
	if again, err := p.mendView(original, size); err != nil {
		return err
	} else if again {
		if err := p.walkParts(); err != nil {
			return err
		}
	}
	p.finish()
	if limit := p.options.SizeLimit; p.isOn(fixOversize) && p.size > limit {
		if err := p.shrink(limit); err != nil {
			return err
		}
	}
	p.conclude()
	return nil
}

// walk goes through the message, or through its header alone where nothing
// below that can matter.
func (p *planner) walk(found facts) error {
	if found.over.count == 0 && !p.looksIntoParts() {
		return p.header()
	}
	return p.walkParts()
}

// walkParts goes through all of the message.
func (p *planner) walkParts() error {
	p.walker = p.newWalker()
	if err := p.walker.message(); err != nil || !p.hasTooMany() {
		return err
	}
	p.restart()
	p.walker = p.newWalker()
	p.walker.full = p.isFull
	return p.walker.message()
}

func (p *planner) newWalker() *walker {
	w := &walker{lines: newLines(p.message, p.length, p.buffer(0)), limit: math.MaxInt64}
	if p.options.LineLimit > 0 {
		w.limit = int64(p.options.LineLimit)
	}
	w.visitor = visitor{field: p.field, entered: p.entered, alone: p.alone, content: p.content, ended: p.partEnded}
	return w
}

// header goes through the message's own header only.
func (p *planner) header() error {
	h := &header{ofMessage: true, top: true}
	if _, _, err := p.newWalker().header(h, nil); err != nil {
		return err
	}
	return p.partEnded(h)
}

// looksIntoParts tells whether a fix is on that concerns more than lines and
// the message's own header.
func (p *planner) looksIntoParts() bool {
	for i := range fixes {
		if fixes[i].parts && p.isOn(fixID(i)) {
			return true
		}
	}
	return p.keptData || p.isOn(fixOversize) && p.length > p.options.SizeLimit || p.detach != nil
}

// headerEnded is done with the lines of a header that wait for what follows.
func (p *planner) headerEnded(h *header) error {
	_, err := p.strays(h, false)
	return err
}

// entered decides, from its header, what becomes of a part as a whole.
func (p *planner) entered(e *entity) error {
	if err := p.headerEnded(e.header); err != nil {
		return err
	}
	p.nesting(e)
	p.partial(e)
	return p.appleDouble(e)
}

// alone is entered for a part that is only a header.
func (p *planner) alone(e *entity) error {
	if err := p.entered(e); err != nil || !e.asFile {
		return err
	}
	if e.header.sealed && p.options.Signed == SignedLeave {
		p.report.SignedLeft++
		return nil
	}
	if p.count(e.fileFix, 1); e.header.sealed {
		p.sealedChanged(e.header)
	}
	return nil
}

// partEnded writes what waited for the end of a part.
func (p *planner) partEnded(h *header) error {
	if err := p.headerEnded(h); err != nil {
		return err
	}
	if err := p.receivedDate(h); err != nil {
		return err
	}
	return p.release(h)
}

// sealedChanged counts a signed part that changes, once.
func (p *planner) sealedChanged(h *header) {
	if h != nil && h.changed {
		return
	}
	if h != nil {
		h.changed = true
	}
	p.report.Signed++
}

// spares tells whether a sealed part stays as it is though something in it
// ought to change.
func (p *planner) spares(c content) bool {
	if !c.sealed || p.options.Signed != SignedLeave {
		return false
	}
	p.report.SignedLeft++
	p.leave(c)
	return true
}

// leave notes what stays too long.
func (p *planner) leave(c content) { p.bodyLeft.addAll(c.over) }

// conclude fills in the report.
func (p *planner) conclude() {
	for i, n := range p.counts {
		if n > 0 {
			p.report.Fixes = append(p.report.Fixes, Fix{fixes[i].name, n})
			p.report.Lossy = p.report.Lossy || fixes[i].lossy
		}
	}
	p.exceeds("header-line", p.headLeft)
	p.exceeds("body-line", p.bodyLeft)
}

// exceeds reports lines that stay over the limit.
func (p *planner) exceeds(rule string, t tally) {
	if t.count > 0 {
		p.report.Unrepaired = append(p.report.Unrepaired, Excess{rule, t.count, t.longest, p.options.LineLimit})
	}
}

// restart forgets the edits, for another walk.
func (p *planner) restart() {
	p.edits, p.texts, p.attachment = nil, 0, nil
	keep := p.counts
	p.counts = [fixCount]int{fixLineEndings: keep[fixLineEndings], fixNULBytes: keep[fixNULBytes]}
	p.bodyLeft, p.headLeft = tally{}, tally{}
	p.report = Report{LongestLine: p.report.LongestLine}
}
