package folders

import (
	"maps"
	"sync/atomic"
)

// Told says how clients see an upstream mailbox.
type Told struct {
	Client string // its name for clients; "": they do not see it
	Wire   string // this name on the wire; unchanged if clients use the same name
	Use    string // its special-use attribute (RFC 6154), or ""

	at int // the list's version for which it is valid
}

// entry is a mailbox by its name on the wire.
type entry struct {
	name  string               // decoded
	again bool                 // Encode writes it so
	index int                  // in the order of arrival
	told  atomic.Pointer[Told] // nil: not yet mapped
}

// Told returns how clients see a mailbox, which is given by its name on the wire. A new
// mailbox is added to the list. The result is remembered until the list changes.
func (m *Mapper) Told(wire []byte, have *List) *Told {
	told, _, _ := have.tell(m, wire)
	return told
}

// tell does the work of Told. index is that of the entry, changes is the increase of the list's
// version.
func (l *List) tell(m *Mapper, wire []byte) (told *Told, index, changes int) {
	if told, index := l.told(m, wire); told != nil {
		return told, index, 0
	}
	name := string(wire)
	l.mu.Lock()
	before := l.version
	if l.mapper != m.key {
		l.mapper = m.key
		l.version++
	}
	e := l.addWire(name)
	at, isOwn := l.version, l.has(e.name) && l.writes(e, name) // else the name is another's
	l.mu.Unlock()

	told = &Told{}
	if isOwn {
		told = m.tell(e.name, name, l)
	}
	told.at = at
	e.told.Store(told)
	return told, e.index, at - before
}

// told returns what is remembered of a mailbox; nil if that is not valid any more.
func (l *List) told(m *Mapper, wire []byte) (told *Told, index int) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	e := l.wires[string(wire)]
	if e == nil || l.mapper != m.key {
		return nil, 0
	}
	if told = e.told.Load(); told == nil || told.at != l.version {
		return nil, 0
	}
	return told, e.index
}

// writes reports whether the upstream writes the name of the entry as wire. l.mu is held.
func (l *List) writes(e *entry, wire string) bool {
	if odd, ok := l.odd[e.name]; ok {
		return odd == wire
	}
	return e.again
}

// tell returns the result of Told without remembering it.
func (m *Mapper) tell(name, wire string, have *List) *Told {
	client, ok := m.Client(name, have)
	if !ok {
		return &Told{}
	}
	t := &Told{Client: client, Wire: wire, Use: m.SpecialUse(name, have)}
	if client != name {
		t.Wire = Encode(client)
	}
	return t
}

// Pass is one reading of all mailboxes of an account. Mailboxes that do not appear in it no
// longer exist.
type Pass struct {
	Separator string // as it came; ""

	list    *List
	version int
	seen    []bool // by index
	n       int
}

// Pass begins a pass.
func (l *List) Pass() *Pass {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return &Pass{list: l, version: l.version, seen: make([]bool, len(l.wires))}
}

// Told notes that a mailbox has appeared in the pass, and returns the same as Mapper.Told.
func (p *Pass) Told(m *Mapper, wire []byte) *Told {
	told, index, changes := p.list.tell(m, wire)
	p.version += changes
	for index >= len(p.seen) {
		p.seen = append(p.seen, false)
	}
	if !p.seen[index] {
		p.seen[index] = true
		p.n++
	}
	return told
}

// End returns the list after the pass: the same list if no mailbox has disappeared. ok is
// false if others have changed the list meanwhile, or if it does not remember all
// mailboxes.
func (p *Pass) End() (list *List, ok bool) {
	l := p.list
	l.mu.RLock()
	defer l.mu.RUnlock()
	switch {
	case l.version != p.version || l.partial:
		return l, false
	case p.n == len(l.spelling)+len(l.others)+l.doubled && (p.Separator == "" || p.Separator == l.Separator):
		return l, true
	}
	fresh := NewList(l.Separator)
	if p.Separator != "" {
		fresh.Separator = p.Separator
	}
	for wire, e := range maps.All(l.wires) {
		if e.index < len(p.seen) && p.seen[e.index] {
			fresh.AddWire(wire)
		}
	}
	return fresh, true
}
