package rewrite

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
)

// These bound the memory of a plan, whatever the message.
const (
	maxEdits = 50_000
	maxTexts = 4 << 20
)

// Plan is a message and the edits that repair it.
type Plan struct {
	message io.ReaderAt // the original, or a view of it
	length  int64       // of the message
	viewed  bool        // the message is a view, which differs
	size    int64       // of what is written
	edits   []edit
	texts   int64 // bytes of the edits' texts
	report  Report
}

// edit puts something in the place of a range of the message's bytes: the
// text, and after it what recode makes of those bytes.
type edit struct {
	span
	text   string
	recode recoding // nil: the bytes go
	size   int64    // of what recode writes
	whole  bool     // any bytes become lines, so that not one of them is left
	fields bool     // the text is whole fields, which come before what else is put here
}

// recoding writes body in another form. It writes the same for the same body,
// since it is run once for the size.
type recoding func(w *bufio.Writer, body *io.SectionReader) error

// NewPlan reads the message of size bytes and decides on its repairs, until the
// context ends. The message is read again by WriteTo and must not change. An
// error is a fault of the options, of reading, the context's, or a
// *RefusedError.
func NewPlan(ctx context.Context, message io.ReaderAt, size int64, o Options) (*Plan, error) {
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("rewrite options: %w", err)
	}
	source := &stoppable{message, ctx}
	p := &planner{Plan: &Plan{message: source, length: size}, options: o}
	defer p.giveBack()
	if err := p.run(); err != nil {
		return nil, err
	}
	source.ctx = nil
	return p.Plan, nil
}

// Size is the size in bytes of what WriteTo writes.
func (p *Plan) Size() int64 { return p.size }

// HasChanged tells whether WriteTo writes anything else than the message as it is.
func (p *Plan) HasChanged() bool { return len(p.edits) > 0 || p.viewed }

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
	if p.texts += int64(len(e.text)); p.texts > maxTexts {
		return &RefusedError{rule, fmt.Sprintf("it needs more than %d bytes of new header fields", maxTexts)}
	}
	p.edits = append(p.edits, e)
	return nil
}

// finish puts the edits in order and adds up the size.
func (p *Plan) finish() {
	slices.SortStableFunc(p.edits, func(a, b edit) int {
		if a.start == b.start && a.fields != b.fields {
			if a.fields {
				return -1
			}
			return 1
		}
		return cmp.Compare(a.start, b.start)
	})
	p.size = p.length
	for _, e := range p.edits {
		p.size += int64(len(e.text)) + e.size - (e.end - e.start)
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
