package proxy

import "sync"

// editedSize holds most of what one read brings.
const editedSize = 32 << 10

// editedPool is the memory of relays: an idle session holds none.
var editedPool = sync.Pool{New: func() any { return new([editedSize]byte) }}

// makeRoom gets memory for the output of an editor.
func (r *relay) makeRoom() error {
	if r.edited == nil {
		r.memory = editedPool.Get().(*[editedSize]byte)
		r.edited = r.memory[:0]
	}
	if len(r.edited) < editedSize/2 {
		return nil
	}
	err := r.write()
	r.edited = r.memory[:0]
	return err
}

// giveBack returns the memory: nothing of it waits to be written.
func (r *relay) giveBack() {
	if r.memory != nil {
		editedPool.Put(r.memory)
		r.memory, r.edited, r.run = nil, nil, nil
	}
}

// shortPiece is less to copy than to write apart.
const shortPiece = 2 << 10

// gather joins p to the run, which lies elsewhere, if both are short: it copies
// them to where editors write.
func (r *relay) gather(p []byte) bool {
	n := len(r.run)
	if r.memory == nil || len(p) > shortPiece || len(r.edited)+shortPiece+len(p) > cap(r.edited) {
		return false
	}
	if end := len(r.edited); end < n || &r.edited[end-1] != &r.run[n-1] {
		if n > shortPiece {
			return false
		}
		r.edited = append(r.edited, r.run...)
	}
	from := len(r.edited) - n
	r.edited = append(r.edited, p...)
	r.run = r.edited[from:]
	return true
}
