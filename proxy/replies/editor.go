// Package replies repairs what Exchange answers, and writes what exgate answers
// in its place.
package replies

import (
	"exgate/backend/wire"
)

// Editor changes what the upstream answers to one command. Its methods are
// called by the upstream connection's reader.
type Editor interface {
	// Wants tells, by the first line of an untagged response, whether it is
	// edited.
	Wants(line []byte) bool
	// Edit appends to out what the client gets of a fragment of such a response,
	// or tells that it is the same.
	Edit(out []byte, f wire.Fragment) (edited []byte, same bool)
}

// Passer is an editor that may have nothing more to do with a response.
type Passer interface {
	// Passes reports whether the rest of the response goes to the client as it is.
	Passes() bool
}

// Verdict is what becomes of a command's tagged reply. The zero value passes it
// to the client.
type Verdict struct {
	Hidden  bool   // the client does not get it
	Instead []byte // the line that the client gets in its place; nil: none
}
