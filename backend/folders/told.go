package folders

import "maps"

// Told is what clients are told of an upstream mailbox.
type Told struct {
	Client string // its name; "": it is not shown
	Wire   string // the same on the wire: as it came, where clients call it the same
	Use    string // its attribute of RFC 6154; ""
}

// entry is a mailbox as it came on the wire.
type entry struct {
	name  string // decoded
	index int    // in the order of coming
	told  *Told  // nil: nobody has asked
	at    int    // the list's version when told was made
}

// Told returns what clients are told of a mailbox as it stands on the wire,
// which is added if it is new. It is remembered until the list changes.
func (m *Mapper) Told(wire []byte, have *List) *Told {
	e, _ := have.tell(m, wire)
	return e.told
}

// tell is Told; changes is by how much the version of the list went up.
func (l *List) tell(m *Mapper, wire []byte) (e *entry, changes int) {
	l.mu.RLock()
	e = l.wires[string(wire)]
	if e != nil && e.told != nil && e.at == l.version && l.mapper == m.key {
		defer l.mu.RUnlock()
		return e, 0
	}
	l.mu.RUnlock()

	l.mu.Lock()
	before := l.version
	if l.mapper != m.key {
		l.mapper = m.key
		l.version++
	}
	e = l.addWire(string(wire))
	at := l.version
	l.mu.Unlock()

	told := &Told{}
	if l.Has(e.name) && l.Wire(e.name) == string(wire) { // else the name is another's
		told = m.tell(e.name, string(wire), l)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	other := *e // readers may have the one that is there
	other.told, other.at = told, at
	if l.wires[string(wire)] == e {
		l.wires[string(wire)] = &other
	}
	return &other, at - before
}

// tell makes what Told returns.
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

// Pass is one reading of all mailboxes of an account: those that do not come
// are gone.
type Pass struct {
	Separator string // as it came; ""

	list    *List
	version int
	seen    []bool // by index
	n       int
}

// Pass begins one.
func (l *List) Pass() *Pass {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return &Pass{list: l, version: l.version, seen: make([]bool, len(l.wires))}
}

// Told is the mapper's, for a mailbox that has come.
func (p *Pass) Told(m *Mapper, wire []byte) *Told {
	e, changes := p.list.tell(m, wire)
	p.version += changes
	for e.index >= len(p.seen) {
		p.seen = append(p.seen, false)
	}
	if !p.seen[e.index] {
		p.seen[e.index] = true
		p.n++
	}
	return e.told
}

// End returns the list as the pass has found it: the same where nothing is
// gone. ok is false where others have changed it meanwhile, and know more, and
// where not all is remembered.
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
