package rewrite

import (
	"context"
	"fmt"
	"io"
)

// stoppable is a message that can be read only until its context ends. Each pass over a
// message reads it in pieces of a limited size. So a pass stops soon after the context has
// ended.
type stoppable struct {
	src io.ReaderAt
	ctx context.Context // nil once the plan is made: the writer of the plan has other ways to stop
}

func (s *stoppable) ReadAt(b []byte, off int64) (int, error) {
	if s.ctx != nil && s.ctx.Err() != nil {
		return 0, fmt.Errorf("stopped: %w", context.Cause(s.ctx))
	}
	return s.src.ReadAt(b, off)
}

// Bytes returns the message if it is in memory, and nil otherwise. A pass over a message in
// memory is so fast that it need not be stopped.
func (s *stoppable) Bytes() []byte {
	if m, ok := s.src.(inMemory); ok && (s.ctx == nil || s.ctx.Err() == nil) {
		return m.Bytes()
	}
	return nil
}
