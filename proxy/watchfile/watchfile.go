// Package watchfile notices that a file has changed and is to be read again.
package watchfile

import (
	"os"
)

// State tells whether a file is still the one that was read. Size and time
// alone do not: one may take the place of another of the same size within a tick
// of the clock that files are stamped by.
type State struct {
	info os.FileInfo // nil: there is none
}

// StateOf is the state of a file; the zero one where there is none.
func StateOf(path string) State {
	info, err := os.Stat(path)
	if err != nil {
		return State{}
	}
	return State{info}
}

func (s State) Equal(as State) bool {
	if s.info == nil || as.info == nil {
		return s.info == as.info
	}
	return os.SameFile(s.info, as.info) && s.info.Size() == as.info.Size() && s.info.Mode() == as.info.Mode() &&
		s.info.ModTime().Equal(as.info.ModTime())
}

// Watch finds out that a file has changed once it is so at two looks: an
// editor may be writing it at the first. The first file of all is taken as it
// is.
type Watch struct {
	taken, last State
	any         bool
}

func (s *Watch) Changed(now State) bool {
	stays := now.Equal(s.last) || !s.any
	s.last = now
	if !stays || s.any && now.Equal(s.taken) {
		return false
	}
	s.taken, s.any = now, true
	return true
}
