package rewrite

import (
	"context"
	"fmt"
	"io"
)

// stoppable is a message that cannot be read any more once its context has
// ended. Each pass over a message reads it in pieces of a bounded size, so that
// none goes on for long after that.
type stoppable struct {
	src io.ReaderAt
	ctx context.Context // nil once the plan is made: who writes it has other ways to stop
}

func (s *stoppable) ReadAt(b []byte, off int64) (int, error) {
	if s.ctx != nil && s.ctx.Err() != nil {
		return 0, fmt.Errorf("stopped: %w", context.Cause(s.ctx))
	}
	return s.src.ReadAt(b, off)
}

// Bytes is the message where it is in memory, which is looked at faster than
// anybody could want to stop it.
func (s *stoppable) Bytes() []byte {
	if m, ok := s.src.(inMemory); ok && (s.ctx == nil || s.ctx.Err() == nil) {
		return m.Bytes()
	}
	return nil
}
