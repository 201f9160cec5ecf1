// Package replies repairs the responses of Exchange before the client gets them,
// and words the replies that exgate gives itself. Each repair is an Editor for
// the responses to one command; it works on fragments, so that no response has to
// fit into memory. Package proxy attaches an editor to each command that needs
// one, and calls it for every response.
package replies

import (
	"exgate/backend/wire"
)

// Editor changes the untagged responses to one command. The goroutine that reads
// the upstream connection calls its methods.
type Editor interface {
	// Wants reports whether the editor edits the untagged response that begins
	// with this line.
	Wants(line []byte) bool
	// Edit edits the next fragment of a response that it wants. It appends the
	// bytes for the client to out and returns the result, or returns same as true
	// if the client gets the fragment unchanged. It may append nothing and keep
	// the fragment until a later one.
	Edit(out []byte, f wire.Fragment) (edited []byte, same bool)
}

// Passer is an Editor that may not need the whole of a response.
type Passer interface {
	// Passes reports whether the client gets the rest of the response unchanged.
	Passes() bool
}

// FetchPasser is an Editor of FETCH that can tell of many responses at once whether they need it.
type FetchPasser interface {
	// CanPassFetches reports whether PassesFetches may ever be true.
	CanPassFetches() bool
	// PassesFetches reports whether the client gets these responses unchanged. It is called once
	// for each response: the editor then does not see those that pass.
	PassesFetches(run wire.Fetches) bool
}

// Verdict decides about the tagged reply to a command. With the zero value, the
// client gets the reply unchanged.
type Verdict struct {
	Hidden  bool   // the client gets no reply
	Instead []byte // the line that replaces the reply, with its CRLF; nil: none
}
