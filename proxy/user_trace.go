package proxy

import (
	"errors"
	"fmt"
	"path/filepath"
)

// Trace begins or ends the wire trace of a user's sessions, the later ones included. Each session has files of its own
// in the directory trace of the state directory. Trace returns the number of sessions that the user has now.
func (s *Server) Trace(user string, on bool) (sessions int, err error) {
	if s.settings.Load().opts.State == "" {
		return 0, errors.New("traces are kept in state_dir, and there is none: the log says why")
	}
	if err := s.traced.Set(user, on); err != nil {
		return 0, err
	}
	found := s.sessionsOf(user)
	for _, c := range found {
		if on {
			err = errors.Join(err, c.beginTrace())
		} else {
			c.endTrace(false)
		}
	}
	return len(found), err
}

// beginTrace begins the session's own trace, unless it has one. Any goroutine may call it.
func (c *conn) beginTrace() error {
	file, err := c.client.trace.Begin(filepath.Join(c.set.opts.State, "trace"))
	if file != "" {
		c.log.Info("the trace of a session begins", "file", file)
	}
	if err != nil {
		return fmt.Errorf("the trace of a session cannot be written: %w", err)
	}
	return nil
}

// endTrace ends the session's own trace. over says that the session ends, so that no other begins.
func (c *conn) endTrace(over bool) {
	if lost, err := c.client.trace.End(over); err != nil || lost > 0 {
		c.log.Warn("the trace of a session is not complete", "missing_lines", lost, "err", err)
	}
}
