package rewrite

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
)

// maxEdits bounds the memory of a plan, whatever the message.
const maxEdits = 50_000

// Plan is a message and the edits that repair it.
type Plan struct {
	message io.ReaderAt
	length  int64 // of the message
	size    int64 // of what is written
	edits   []edit
	report  Report

	buf *[bufferSize]byte // of the planning; nil before and after
}

// edit puts something in the place of the message's bytes from start to end:
// the text, and after it what recode makes of those bytes.
type edit struct {
	start, end int64
	text       string
	recode     recoding // nil: the bytes go
	size       int64    // of what recode writes
}

// recoding writes body in another form. It writes the same for the same body,
// since it is run once for the size.
type recoding func(w *bufio.Writer, body *io.SectionReader) error

// NewPlan reads the message of size bytes and decides on its repairs. The
// message is read again by WriteTo and must not change. An error is a fault
// of the options, of reading, or a *RefusedError.
func NewPlan(message io.ReaderAt, size int64, o Options) (*Plan, error) {
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("rewrite options: %w", err)
	}
	p := &Plan{message: message, length: size}
	defer p.planned()
	for _, fix := range []func(*Plan, Options) error{longLines, readReceipt} {
		if err := fix(p, o); err != nil {
			return nil, err
		}
	}
	// Of edits at one place the first added comes first: a new field, then the
	// new name of the one before which it is put.
	slices.SortStableFunc(p.edits, func(a, b edit) int { return cmp.Compare(a.start, b.start) })
	p.size = size
	for _, e := range p.edits {
		p.size += int64(len(e.text)) + e.size - (e.end - e.start)
	}
	return p, nil
}

// Size is the size in bytes of what WriteTo writes.
func (p *Plan) Size() int64 { return p.size }

// Changed tells whether WriteTo writes anything else than the message as it is.
func (p *Plan) Changed() bool { return len(p.edits) > 0 }

// Report says what the plan does and what it leaves undone.
func (p *Plan) Report() Report { return p.report }

// WriteTo writes the repaired message, Size bytes, and may be called again for
// another attempt.
func (p *Plan) WriteTo(w io.Writer) (int64, error) {
	c := &counter{w: w, most: p.size}
	bw := bufio.NewWriterSize(c, bufferFor(p.size))
	err := p.write(bw)
	if err == nil {
		err = bw.Flush()
	}
	if errors.Is(err, errTooLarge) || err == nil && c.n < p.size {
		err = fmt.Errorf("message changed after it was planned: it no longer has %d bytes", p.size)
	}
	return c.n, err
}

func (p *Plan) write(w *bufio.Writer) error {
	done := int64(0)
	for _, e := range p.edits {
		if err := copyRange(w, p.message, done, e.start); err != nil {
			return err
		}
		if _, err := w.WriteString(e.text); err != nil {
			return err
		}
		if e.recode != nil {
			if err := e.recode(w, p.section(e.start, e.end)); err != nil {
				return err
			}
		}
		done = e.end
	}
	return copyRange(w, p.message, done, p.length)
}

// add appends an edit for the fix of that name.
func (p *Plan) add(rule string, e edit) error {
	if len(p.edits) == maxEdits {
		return &RefusedError{rule, fmt.Sprintf("it needs more than %d changes", maxEdits)}
	}
	p.edits = append(p.edits, e)
	return nil
}

// disable puts X- before the name of a field, so that nobody heeds it. Length
// is that of its first line, which may then be over the limit.
func (p *Plan) disable(rule string, start, length int64, limit int) error {
	const prefix = "X-"
	grown := length + int64(len(prefix))
	if limit > 0 && length <= int64(limit) && grown > int64(limit) {
		p.exceeds("header-line", tally{1, grown}, limit)
	}
	return p.add(rule, edit{start: start, end: start, text: prefix})
}

// count adds n to the uses of the fix in the report.
func (p *Plan) count(rule string, n int) {
	i := slices.IndexFunc(p.report.Fixes, func(f Fix) bool { return f.Name == rule })
	if i < 0 {
		i = len(p.report.Fixes)
		p.report.Fixes = append(p.report.Fixes, Fix{Name: rule})
	}
	p.report.Fixes[i].Count += n
}

// exceeds reports lines that stay over the limit.
func (p *Plan) exceeds(rule string, t tally, limit int) {
	if t.count == 0 {
		return
	}
	i := slices.IndexFunc(p.report.Unrepaired, func(e Excess) bool { return e.Rule == rule })
	if i < 0 {
		i = len(p.report.Unrepaired)
		p.report.Unrepaired = append(p.report.Unrepaired, Excess{Rule: rule, Limit: limit})
	}
	e := &p.report.Unrepaired[i]
	e.Count += t.count
	e.Longest = max(e.Longest, t.longest)
}

// buffers are for reading messages while they are planned: most need nothing
// else, and come by the thousand.
var buffers = sync.Pool{New: func() any { return new([bufferSize]byte) }}

// buffer is for reading the message while it is planned.
func (p *Plan) buffer() []byte {
	if p.buf == nil {
		p.buf = buffers.Get().(*[bufferSize]byte)
	}
	return p.buf[:bufferFor(p.length)]
}

// planned gives the buffer back.
func (p *Plan) planned() {
	if p.buf != nil {
		buffers.Put(p.buf)
		p.buf = nil
	}
}

func (p *Plan) section(start, end int64) *io.SectionReader {
	return io.NewSectionReader(p.message, start, end-start)
}

// measure runs the recoding for its size. It gives up with errTooLarge when
// that is over most.
func measure(recode recoding, body *io.SectionReader, most int64) (int64, error) {
	c := &counter{w: io.Discard, most: most}
	bw := bufio.NewWriterSize(c, bufferFor(body.Size()))
	err := recode(bw, body)
	if err == nil {
		err = bw.Flush()
	}
	return c.n, err
}

var errTooLarge = errors.New("larger than wanted")

func copyRange(w *bufio.Writer, src io.ReaderAt, start, end int64) error {
	n, err := io.Copy(w, io.NewSectionReader(src, start, end-start))
	if err == nil && n < end-start {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return fmt.Errorf("copy message at byte %d: %w", start+n, err)
	}
	return nil
}

// counter counts what is written through it, and takes no more than most.
type counter struct {
	w       io.Writer
	n, most int64
}

func (c *counter) Write(b []byte) (int, error) {
	if int64(len(b)) > c.most-c.n {
		return 0, errTooLarge
	}
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err
}
