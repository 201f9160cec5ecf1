package folders

import "maps"

// Told says how clients see an upstream mailbox.
type Told struct {
	Client string // its name for clients; "": they do not see it
	Wire   string // this name on the wire; unchanged if clients use the same name
	Use    string // its special-use attribute (RFC 6154), or ""
}

// entry is a mailbox by its name on the wire.
type entry struct {
	name  string // decoded
	index int    // in the order of arrival
	told  *Told  // nil: not yet mapped
	at    int    // the list's version for which told is valid
}

// Told returns how clients see a mailbox, which is given by its name on the wire. A new
// mailbox is added to the list. The result is remembered until the list changes.
func (m *Mapper) Told(wire []byte, have *List) *Told {
	e, _ := have.tell(m, wire)
	return e.told
}

// tell does the work of Told. changes is the increase of the list's version.
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
