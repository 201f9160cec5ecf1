package folders

import (
	"maps"
	"strings"
	"sync"
)

// List has the known mailboxes of an upstream account. It is safe for concurrent use. A nil
// List is empty.
type List struct {
	// Separator between the levels, of the upstream.
	Separator string

	mu       sync.RWMutex
	spelling map[string]string   // by fold: the first of that
	others   map[string]struct{} // which share their fold with another
	odd      map[string]string   // on the wire, where Encode would write something else
	bytes    int                 // of the names
	speaks   *language           // of Exchange's own folders; nil: not known yet
	version  int                 // goes up with every change
	mapper   string              // the key of that which has told what is remembered

	wires     map[string]*entry // as they came on the wire; those made since are not there
	wireBytes int               // of the keys of wires
	doubled   int               // of wires: those whose name came in another spelling before
	partial   bool              // something was not remembered
}

// What a List holds is bounded by maxNames and maxBytes, since the upstream
// says how much there is. Mailboxes beyond it are not shown to clients. An
// account of Exchange has some thousands.
const (
	maxNames = 100_000
	maxBytes = 32 << 20 // of the names, and of what came on the wire once more
)

// NewList returns an empty list. The separator "" means Exchange's.
func NewList(separator string) *List {
	if separator == "" {
		separator = "/"
	}
	return &List{Separator: separator, spelling: make(map[string]string)}
}

// AddWire adds a mailbox by its name on the wire, and returns the decoded name.
func (l *List) AddWire(wire string) (name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.addWire(wire).name
}

// addWire is AddWire. l.mu is held.
func (l *List) addWire(wire string) *entry {
	if e := l.wires[wire]; e != nil {
		return e
	}
	name, again, _ := decode(wire)
	e := &entry{name: name, again: again, index: len(l.wires)}
	if !l.add(name) {
		return e
	}
	doubled := l.spell(name, wire, again)
	if len(l.wires) >= maxNames || l.wireBytes+len(wire) > maxBytes {
		l.partial = true
		return e
	}
	if l.wires == nil {
		l.wires = make(map[string]*entry)
	}
	l.wires[wire] = e
	l.wireBytes += len(wire)
	if doubled {
		l.doubled++
	}
	return e
}

// spell takes note of how the upstream writes a name. Where it has two
// mailboxes that read the same, the name is that of the one which is written
// as Encode does, else of the one whose spelling is the least, in whatever
// order they come: the other is not shown. l.mu is held.
func (l *List) spell(name, wire string, again bool) (doubled bool) {
	odd, wasOdd := l.odd[name]
	switch {
	case again && wasOdd:
		delete(l.odd, name)
		l.version++
		return true
	case again || odd == wire && wasOdd:
		return false
	case l.wires[Encode(name)] != nil || wasOdd && odd < wire:
		return true
	}
	if l.odd == nil {
		l.odd = make(map[string]string)
	}
	l.odd[name] = wire
	l.version++
	return wasOdd
}

// Add adds a mailbox and its parents, as Exchange does.
func (l *List) Add(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := 0; i < len(name); {
		n := strings.Index(name[i:], l.Separator)
		if n < 0 {
			break
		}
		if i += n; i > 0 {
			l.add(name[:i])
		}
		i += len(l.Separator)
	}
	l.add(name)
}

// add adds one mailbox; ok is false if there is no room for it. l.mu is held.
func (l *List) add(name string) (ok bool) {
	first, known := l.first(name)
	if _, other := l.others[name]; other || known && first == name {
		return true
	}
	if len(l.spelling)+len(l.others) >= maxNames || l.bytes+len(name) > maxBytes {
		l.partial = true
		return false
	}
	l.version++
	l.bytes += len(name)
	if known {
		if l.others == nil {
			l.others = make(map[string]struct{})
		}
		l.others[name] = struct{}{}
		return true
	}
	l.spelling[fold(name)] = name
	if !strings.Contains(name, l.Separator) {
		l.speaks = nil // to be asked again
	}
	return true
}

// first returns the first mailbox that was added with this name in any case. l.mu is held.
func (l *List) first(name string) (string, bool) {
	var small [64]byte
	if key, ok := foldASCII(small[:0], name); ok {
		spelt, known := l.spelling[string(key)]
		return spelt, known
	}
	spelt, known := l.spelling[fold(name)]
	return spelt, known
}

// Remove removes a mailbox, but not its children.
func (l *List) Remove(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.remove(name)
}

// remove removes one mailbox. l.mu is held.
func (l *List) remove(name string) {
	l.version++
	clear(l.wires)
	l.wireBytes, l.doubled, l.partial = 0, 0, false
	delete(l.odd, name)
	l.speaks = nil
	if _, other := l.others[name]; other {
		delete(l.others, name)
		l.bytes -= len(name)
		return
	}
	key := fold(name)
	if first, known := l.spelling[key]; !known || first != name {
		return
	}
	delete(l.spelling, key)
	l.bytes -= len(name)
	for other := range l.others {
		if fold(other) == key {
			delete(l.others, other)
			l.spelling[key] = other
			return
		}
	}
}

// Rename renames a mailbox with all mailboxes below it.
func (l *List) Rename(from, to string) {
	l.mu.Lock()
	var moved []string
	for _, name := range l.all() {
		if rest, ok := strings.CutPrefix(name, from); ok && (rest == "" || strings.HasPrefix(rest, l.Separator)) {
			moved = append(moved, rest)
			l.remove(name)
		}
	}
	l.mu.Unlock()
	for _, rest := range moved {
		l.Add(to + rest)
	}
}

// Without returns a copy of the list without one mailbox.
func (l *List) Without(name string) *List {
	l.mu.RLock()
	defer l.mu.RUnlock()
	other := NewList(l.Separator)
	for _, have := range l.all() {
		if have != name {
			other.add(have)
		}
	}
	other.odd = maps.Clone(l.odd)
	return other
}

// All returns every name, in no order.
func (l *List) All() []string {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.all()
}

// all returns every name. l.mu is held.
func (l *List) all() []string {
	names := make([]string, 0, len(l.spelling)+len(l.others))
	for _, name := range l.spelling {
		names = append(names, name)
	}
	for name := range l.others {
		names = append(names, name)
	}
	return names
}

// Names returns every name, in no order.
func (l *List) Names() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all()
}

// Has reports whether the list has a mailbox in exactly this spelling.
func (l *List) Has(name string) bool {
	if l == nil {
		return false
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.has(name)
}

// has is Has. l.mu is held.
func (l *List) has(name string) bool {
	if first, known := l.first(name); first == name {
		return known
	}
	_, ok := l.others[name]
	return ok
}

// Spelling returns the mailbox with this name in any case.
func (l *List) Spelling(name string) (spelt string, ok bool) {
	if l == nil {
		return "", false
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.first(name)
}

// Wire returns the spelling of a name on the wire.
func (l *List) Wire(name string) string {
	if l != nil {
		l.mu.RLock()
		defer l.mu.RUnlock()
		if wire, ok := l.odd[name]; ok {
			return wire
		}
	}
	return Encode(name)
}

// separator of a list that may be nil.
func (l *List) separator() string {
	if l == nil {
		return "/"
	}
	return l.Separator
}
