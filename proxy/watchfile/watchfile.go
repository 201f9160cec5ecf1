// Package watchfile notices that a file has changed and must be read again. It
// compares states of the file and does not read it. Package users and package
// routing use it for their files, and package proxy to act on a change.
package watchfile

import (
	"os"
)

// State identifies the content of a file at one moment, without reading it. It
// compares the file's identity as well as its size and time: a file of the same
// size may replace another one within one tick of the file system's clock.
type State struct {
	info os.FileInfo // nil: the file does not exist
}

// StateOf returns the state of the file at path now. It is the zero State if the
// file does not exist or cannot be examined.
func StateOf(path string) State {
	info, err := os.Stat(path)
	if err != nil {
		return State{}
	}
	return State{info}
}

// Equal reports whether s and other are states of the same file with the same
// size, mode and modification time. Two states of no file are equal.
func (s State) Equal(other State) bool {
	if s.info == nil || other.info == nil {
		return s.info == other.info
	}
	return os.SameFile(s.info, other.info) && s.info.Size() == other.info.Size() &&
		s.info.Mode() == other.info.Mode() &&
		s.info.ModTime().Equal(other.info.ModTime())
}

// Watch reports the changes of one file. It accepts a new state only when two
// successive looks show the same state, since an editor may still be writing the
// file at the first look. The zero value has seen no file; it accepts the first
// state at once. A Watch belongs to one goroutine at a time.
type Watch struct {
	accepted State // reported last
	last     State // at the previous look
	hasAny   bool  // a state has been accepted
}

// HasChanged takes the state of the file at another look, and reports whether the
// file has changed since HasChanged last returned true.
func (w *Watch) HasChanged(now State) bool {
	isStable := now.Equal(w.last) || !w.hasAny
	w.last = now
	if !isStable || w.hasAny && now.Equal(w.accepted) {
		return false
	}
	w.accepted, w.hasAny = now, true
	return true
}
