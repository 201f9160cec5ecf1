package replies

import (
	"exgate/backend/folders"
	"exgate/backend/wire"
)

// Noting is the Editor of LIST in mode: observe. It changes nothing, and adds the mailboxes to a
// list.
type Noting struct {
	List *folders.List // belongs to the editor until the command is over
	gatherer
}

// Wants implements Editor.
func (n *Noting) Wants(line []byte) bool { return wire.IsUntagged(line, "LIST") }

// Edit implements Editor.
func (n *Noting) Edit(out []byte, f wire.Fragment) (edited []byte, same bool) {
	if resp, l, ok := n.gatherListed(f); ok && len(l.Mailbox) > 0 {
		AddListed(n.List, resp, &l)
	}
	return out, true
}
