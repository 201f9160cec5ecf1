package replies

import (
	"bytes"

	"exgate/backend/wire"
)

// StoredUIDs is the Editor of UID STORE. It changes nothing, and notes whether the FETCH responses
// have UIDs.
type StoredUIDs struct{ with, without int }

// Wants implements Editor.
func (s *StoredUIDs) Wants(line []byte) bool { return FetchNumber(line) > 0 }

// Edit implements Editor.
func (s *StoredUIDs) Edit(out []byte, f wire.Fragment) (edited []byte, same bool) {
	if f.First {
		words := bytes.FieldsFunc(f.Data, func(r rune) bool { return r == '(' || r == ')' || r <= ' ' })
		s.without++
		for _, word := range words {
			if bytes.EqualFold(word, []byte("UID")) {
				s.with, s.without = s.with+1, s.without-1
				break
			}
		}
	}
	return out, true
}

// AreMissing reports whether there were FETCH responses, and none of them had a UID.
func (s *StoredUIDs) AreMissing() bool { return s.without > 0 && s.with == 0 }
