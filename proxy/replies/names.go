package replies

import (
	"strings"

	"exgate/backend/folders"
	"exgate/backend/wire"
)

// Namespace is the Editor of NAMESPACE for logins whose names are mapped. It shows
// a single personal namespace without a prefix, since the gateway itself adds the
// prefix to names.
type Namespace struct {
	Separator string // the separator that the client sees
	gatherer
}

// Wants implements Editor.
func (n *Namespace) Wants(line []byte) bool { return wire.IsUntagged(line, "NAMESPACE") }

// Edit implements Editor.
func (n *Namespace) Edit(out []byte, f wire.Fragment) (edited []byte, same bool) {
	resp, ok := n.gather(f)
	if resp == nil || !ok {
		return append(out, resp...), false
	}
	return append(out, NamespaceLine(n.Separator)+"\r\n"...), false
}

// NamespaceLine returns the response that names one namespace, that of the user's mailboxes
// (RFC 2342 section 5).
func NamespaceLine(separator string) string {
	return `* NAMESPACE (("" ` + wire.Quote(separator) + `)) NIL NIL`
}

// NameLines is the Editor of commands about one mailbox, such as STATUS. It
// replaces the mailbox's name in the responses by the client's name.
type NameLines struct {
	Mapper  *folders.Mapper
	List    *folders.List
	Asked   string // the name of the mailbox as the client wrote it
	Mailbox string // its name upstream
	gatherer
}

// Wants implements Editor.
func (n *NameLines) Wants(line []byte) bool { return wire.IsUntagged(line, nameFirst...) }

// Edit implements Editor.
func (n *NameLines) Edit(out []byte, f wire.Fragment) (edited []byte, same bool) {
	resp, l, ok := n.gatherListed(f)
	if !ok {
		return append(out, resp...), false
	}
	client := n.Asked // the client's spelling, which need not be the upstream's
	if name, _ := folders.Decode(string(l.Mailbox)); !strings.EqualFold(name, n.Mailbox) {
		shown, ok := n.Mapper.Client(name, n.List)
		if !ok {
			return out, false
		}
		client = folders.Encode(shown)
	}
	return l.appendTo(out, resp, listedEdit{mailbox: client}), false
}
