package replies

import (
	"strings"

	"exgate/backend/folders"
	"exgate/backend/wire"
)

// Namespace is the reply editor of NAMESPACE: there is one, without a
// prefix, since that is put before names here.
type Namespace struct {
	Separator string
	gathered
}

// Wants implements replyEditor.
func (n *Namespace) Wants(line []byte) bool { return wire.IsUntagged(line, "NAMESPACE") }

// Edit implements replyEditor.
func (n *Namespace) Edit(out []byte, f wire.Fragment) (edited []byte, same bool) {
	resp, ok := n.gather(f)
	if resp == nil || !ok {
		return append(out, resp...), false
	}
	quoted := `"` + strings.ReplaceAll(n.Separator, `\`, `\\`) + `"`
	return append(out, `* NAMESPACE (("" `+quoted+`)) NIL NIL`+"\r\n"...), false
}

// NameLines is the reply editor for responses that begin with the name of the
// mailbox that was asked about.
type NameLines struct {
	Mapper         *folders.Mapper
	List           *folders.List
	Asked, Mailbox string // the client's name as it came, and the upstream's
	gathered
}

// Wants implements replyEditor.
func (n *NameLines) Wants(line []byte) bool { return wire.IsUntagged(line, nameFirst...) }

// Edit implements replyEditor.
func (n *NameLines) Edit(out []byte, f wire.Fragment) (edited []byte, same bool) {
	resp, l, ok := n.gatherListed(f)
	if !ok {
		return append(out, resp...), false
	}
	client := n.Asked // in the client's own spelling
	if name, _ := folders.Decode(string(l.Mailbox)); !strings.EqualFold(name, n.Mailbox) {
		shown, ok := n.Mapper.Client(name, n.List)
		if !ok {
			return out, false
		}
		client = folders.Encode(shown)
	}
	return l.appendTo(out, resp, listedEdit{mailbox: client}), false
}
