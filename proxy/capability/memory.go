package capability

import (
	"slices"
	"strings"
	"sync/atomic"

	"exgate/backend/wire"
)

// Memory has the capabilities that the last login at an upstream was offered. The zero value has none. It is safe for
// use by several goroutines.
type Memory struct{ last atomic.Pointer[memory] }

// memory is what a Memory has.
type memory struct{ offered, kept []string }

// maxRemembered bounds the bytes of the names that a Memory has: everybody who connects gets them.
const maxRemembered = 1024

// Keep remembers the list. It takes the place of the one before. A name that is no atom (RFC 9051 section 9), and those
// beyond maxRemembered, are left out.
func (m *Memory) Keep(offered []string) {
	if last := m.last.Load(); last != nil && slices.Equal(last.offered, offered) {
		return
	}
	var kept []string
	size := 0
	for _, name := range offered {
		if !wire.IsAtom(name) || strings.Contains(name, "]") {
			continue
		}
		if size += len(name); size > maxRemembered {
			break
		}
		kept = append(kept, name)
	}
	m.last.Store(&memory{offered, kept})
}

// Beside returns the remembered capabilities that the list own lacks.
func (m *Memory) Beside(own []string) []string {
	last := m.last.Load()
	if last == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(last.kept), func(name string) bool {
		return slices.ContainsFunc(own, func(o string) bool { return strings.EqualFold(o, name) })
	})
}
