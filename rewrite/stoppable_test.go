package rewrite

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
)

// cancelling is a message during whose reading a context ends.
type cancelling struct {
	io.ReaderAt
	left   int // bytes until then
	cancel context.CancelCauseFunc
	after  int // readings after it
}

func (c *cancelling) ReadAt(b []byte, off int64) (int, error) {
	if c.left <= 0 {
		c.after++
	}
	if c.left -= len(b); c.left <= 0 {
		c.cancel(errBroken)
	}
	return c.ReaderAt.ReadAt(b, off)
}

// A plan and an examination end with their context, wherever they are.
func TestContextEndsPlan(t *testing.T) {
	for _, shape := range hostile {
		message := shape.message(80_000)
		size := int64(len(message))
		for stage := StageProfile; stage <= StageEnvelope; stage++ {
			o := profileOptions
			o.Stage = stage
			read := &counting{ReaderAt: bytes.NewReader(message)}
			if _, err := NewPlan(t.Context(), read, size, o); err != nil && !isRefusal(err) {
				t.Fatalf("%s, stage %s: %v", shape.name, stage, err)
			}
			for _, part := range []int64{1, 2, 4} {
				ctx, cancel := context.WithCancelCause(t.Context())
				src := &cancelling{ReaderAt: bytes.NewReader(message), left: int(read.n / part), cancel: cancel}
				_, err := NewPlan(ctx, src, size, o)
				if src.after > 0 || src.left <= 0 && err != nil && !errors.Is(err, errBroken) && !isRefusal(err) {
					t.Errorf("%s, stage %s: %v, %d readings after the context's end", shape.name, stage, err, src.after)
				}
				cancel(nil)
			}
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errBroken)
		if _, err := Examine(ctx, bytes.NewReader(message), size, profileOptions); !errors.Is(err, errBroken) {
			t.Errorf("%s: examined all the same: %v", shape.name, err)
		}
	}
}

func isRefusal(err error) bool {
	var refused *RefusedError
	return errors.As(err, &refused)
}

// What is planned is written after the context has ended, too.
func TestContextOfPlanIsNotItsWriters(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	message := []byte("A: b\n\ntext\n")
	p, err := NewPlan(ctx, bytes.NewReader(message), int64(len(message)), profileOptions)
	cancel()
	if err != nil {
		t.Fatal(err)
	}
	if n, err := p.WriteTo(io.Discard); err != nil || n != p.Size() {
		t.Errorf("%d bytes, %v", n, err)
	}
}

// counting counts the bytes that are read of a message.
type counting struct {
	io.ReaderAt
	n int64
}

func (c *counting) ReadAt(b []byte, off int64) (int, error) {
	n, err := c.ReaderAt.ReadAt(b, off)
	c.n += int64(n)
	return n, err
}

// Every stage reads a message of any shape a number of times that does not
// grow with the message. How long it looks at what it has read is for
// BenchmarkSizes to show.
func TestPassesAreLinear(t *testing.T) {
	const most = 40
	for _, shape := range hostile {
		for stage := StageProfile; stage <= StageEnvelope; stage++ {
			for _, size := range []int{50_000, 500_000} {
				message := shape.message(size)
				o := profileOptions
				o.Stage = stage
				read := &counting{ReaderAt: bytes.NewReader(message)}
				p, err := NewPlan(t.Context(), read, int64(len(message)), o)
				if err == nil {
					_, err = p.WriteTo(io.Discard)
				}
				if err != nil && !isRefusal(err) {
					t.Fatal(err)
				}
				if read.n > most*int64(len(message)) {
					t.Errorf("%s, stage %s: %d bytes were read %.1f times", shape.name, stage, len(message),
						float64(read.n)/float64(len(message)))
				}
			}
		}
	}
}
