package replies

import (
	"exgate/backend/wire"
)

// BeforePlus is the Editor of IDLE. It keeps the untagged responses that Exchange
// sends before the "+", and gives them to the client after the "+": clients take
// the first line for the "+" (docs/exchange.md#ex-27). It belongs to the goroutine
// that reads the upstream connection.
type BeforePlus struct {
	// Waits reports whether the "+" has not come yet. It is called with the
	// session's lock held.
	Waits  func() bool
	kept   []byte
	isFull bool // too much came before the "+": responses pass from now on
}

// maxBeforePlus is the limit of the kept responses in bytes. Exchange sends less
// between IDLE and the "+".
const maxBeforePlus = 16 << 10

// Wants implements Editor.
func (b *BeforePlus) Wants([]byte) bool { return b.Waits() && !b.isFull }

// Edit implements Editor.
func (b *BeforePlus) Edit(out []byte, f wire.Fragment) (edited []byte, same bool) {
	b.kept = append(b.kept, f.Data...)
	if b.isFull = len(b.kept) > maxBeforePlus; b.isFull {
		return append(out, b.Release()...), false
	}
	return out, false
}

// Release returns the kept responses and forgets them. The caller writes them to
// the client after the "+".
func (b *BeforePlus) Release() []byte {
	kept := b.kept
	b.kept = nil
	return kept
}
