package replies

import (
	"exgate/backend/wire"
)

// BeforePlus is the reply editor of IDLE: what Exchange says before its "+"
// comes after it, since clients take the first line for the "+"
// (docs/exchange.md#ex-27). Its fields are the reader's.
type BeforePlus struct {
	Waits func() bool // reports whether the "+" is still to come; called with the session's lock held
	kept  []byte
	full  bool
}

// maxBeforePlus is more than is told of a mailbox in the moment between.
const maxBeforePlus = 16 << 10

// Wants implements replyEditor.
func (b *BeforePlus) Wants([]byte) bool { return b.Waits() && !b.full }

// Edit implements replyEditor.
func (b *BeforePlus) Edit(out []byte, f wire.Fragment) (edited []byte, same bool) {
	b.kept = append(b.kept, f.Data...)
	if b.full = len(b.kept) > maxBeforePlus; b.full {
		return append(out, b.Release()...), false
	}
	return out, false
}

// Release returns what was kept.
func (b *BeforePlus) Release() []byte {
	kept := b.kept
	b.kept = nil
	return kept
}
