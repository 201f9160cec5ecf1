package folders

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// reservedEnd is what imapsync's --office2 appends (docs/exchange.md#reserved-names), so that
// a mailbox begun with it goes on.
const reservedEnd = "_renamed_by_imapsync"

// Mapper maps names in both directions. It never changes after NewMapper, and is
// safe for concurrent use.
type Mapper struct {
	opts     Options
	key      string   // the same for the same options
	prefix   []string // levels
	reserved []string // folded
	byFrom   []Pair   // longest From first
	byTo     []Pair   // longest To first
	patterns []pattern
}

type pattern struct {
	from, back     *regexp.Regexp // back: nil, there is no way back
	to, backTo, as string         // as: From, as written
}

// NewMapper returns a Mapper, or the problems that Validate finds in the options.
func NewMapper(o Options) (*Mapper, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	m := &Mapper{opts: o, key: fmt.Sprintf("%q", []any{o})}
	m.prefix = Levels(o.Prefix)
	for _, name := range o.Reserved {
		m.reserved = append(m.reserved, fold(name))
	}
	m.byFrom, m.byTo = slices.Clone(o.List), slices.Clone(o.List)
	slices.SortStableFunc(m.byFrom, func(a, b Pair) int { return cmp.Compare(len(b.From), len(a.From)) })
	slices.SortStableFunc(m.byTo, func(a, b Pair) int { return cmp.Compare(len(b.To), len(a.To)) })
	for _, p := range o.Patterns {
		compiled := pattern{from: regexp.MustCompile(p.From), to: p.To, backTo: p.BackTo, as: p.From}
		if p.BackFrom != "" {
			compiled.back = regexp.MustCompile(p.BackFrom)
		}
		m.patterns = append(m.patterns, compiled)
	}
	return m, nil
}

// Levels returns the levels of a prefix (Options.Prefix).
func Levels(prefix string) []string {
	return strings.FieldsFunc(prefix, func(r rune) bool { return r == '/' || r == '.' })
}

// Separator returns the separator that clients see between the levels of names.
func (m *Mapper) Separator(have *List) string { return cmp.Or(m.opts.Separator, have.separator()) }

// Upstream returns the upstream mailbox that a client's name means. have lists the
// upstream's mailboxes. An error says why the name cannot be mapped, and the remedy.
func (m *Mapper) Upstream(client string, have *List) (string, error) {
	name, err := m.rewritten(client)
	if err != nil {
		return "", err
	}
	path, err := m.path(name, have)
	if sep := m.Separator(have); err == nil && isOnlyAsItIs(name, sep) && (name == "" || !have.Has(path)) {
		// A separator at the end belongs to no name (RFC 9051 section 6.3.4).
		if name = strings.TrimSuffix(name, sep); isOnlyAsItIs(name, sep) {
			return "", fmt.Errorf("the mailbox %.200q: a level of its name is empty, or the name is not valid text: "+
				"rename the mailbox", client)
		}
		path, err = m.path(name, have)
	}
	if err != nil {
		return "", fmt.Errorf("the mailbox %.200q: %w", client, err)
	}
	return path, nil
}

// path is Upstream for a name to which the patterns have been applied.
func (m *Mapper) path(name string, have *List) (string, error) {
	w, sep := m.walk(have), m.Separator(have)
	if pair, rest, ok := cutPair(m.byFrom, name, sep, func(p Pair) string { return p.From }); ok {
		if rest == nil {
			return pair.To, nil
		}
		w.enter(pair.To)
		name = *rest
	} else if strings.EqualFold(name, inbox) && !m.movesInbox() {
		return inbox, nil
	}
	for level := range strings.SplitSeq(name, sep) {
		next, err := w.level(level, true)
		if err != nil {
			return "", err
		}
		if isTooDeep(next, w.sep) {
			return "", fmt.Errorf("the name has more than %d levels", maxLevels)
		}
		w.enter(next)
	}
	return w.path, nil
}

// maxLevels limits the levels of a name, because the mapper looks up each level and all
// levels above it. 1000 levels are more than any Exchange has: Exchange takes 300
// (learn.microsoft.com, "Exchange Online limits": maximum folder depth).
const maxLevels = 1000

// isTooDeep reports whether a name has more than maxLevels levels.
func isTooDeep(name, sep string) bool { return strings.Count(name, sep) >= maxLevels }

// isOnlyAsItIs reports whether exgate never makes this name. In such a name a level is empty,
// so that a server may take it for another name, or its bytes are not valid text. It names
// a mailbox only if the upstream lists exactly the same name.
func isOnlyAsItIs(name, sep string) bool {
	return name == "" || !utf8.ValidString(name) ||
		strings.HasPrefix(name, sep) || strings.HasSuffix(name, sep) || strings.Contains(name, sep+sep)
}

const inbox = "INBOX"

// movesInbox reports whether the prefix contains INBOX too.
func (m *Mapper) movesInbox() bool {
	return len(m.prefix) > 0 && !strings.EqualFold(m.prefix[0], inbox)
}

// rewritten applies the patterns.
func (m *Mapper) rewritten(client string) (string, error) {
	name := client
	for _, p := range m.patterns {
		before := name
		name = p.from.ReplaceAllString(before, p.to)
		if p.back != nil && name != before && p.back.ReplaceAllString(name, p.backTo) != before {
			return "", fmt.Errorf("the mailbox %.200q: the pattern %s of names.patterns renames it to %.200q, but "+
				"back_from and back_to do not restore the name: correct them", client, p.as, name)
		}
	}
	return name, nil
}

// Client returns the client's name of an upstream mailbox. ok is false if clients do
// not see the mailbox, because no name maps to it.
func (m *Mapper) Client(upstream string, have *List) (client string, ok bool) {
	if m.isPlain(upstream, have) {
		return upstream, true
	}
	client, ok = m.client(upstream, have)
	if !ok || len(m.opts.List)+len(m.patterns) == 0 {
		return client, ok
	}
	for _, p := range slices.Backward(m.patterns) {
		if p.back != nil {
			client = p.back.ReplaceAllString(client, p.backTo)
		}
	}
	if again, err := m.Upstream(client, have); err != nil || again != upstream {
		return "", false
	}
	return client, true
}

// isPlain is a fast test that returns true only if clients see a mailbox under its
// own name, as they see most. If it returns false, the full mapping decides.
func (m *Mapper) isPlain(upstream string, have *List) bool {
	o := &m.opts
	if len(o.List)+len(m.patterns)+len(m.prefix) > 0 || o.Separator != "" || have.separator() != "/" ||
		upstream == "" || o.Longest > 0 && len(upstream) > o.Longest-suffixLength ||
		strings.Contains(upstream, apartMark) || strings.Contains(upstream, reservedEnd) {
		return false
	}
	if len(upstream) > maxLevels && isTooDeep(upstream, "/") {
		return false
	}
	before := '/'
	for _, r := range upstream {
		if r < ' ' || r == 0x7f || r >= pictures && r <= openBox || before == '/' && (r == ' ' || r == '/') ||
			before == ' ' && r == '/' {
			return false
		}
		before = r
	}
	if before == ' ' || before == '/' ||
		len(upstream) >= len(inbox) && strings.EqualFold(upstream[:len(inbox)], inbox) {
		return false
	}
	top, _, _ := strings.Cut(upstream, "/")
	for _, name := range m.reserved {
		if len(name) == len(top) && fold(top) == name {
			return false
		}
	}
	return have.Has(upstream) && !m.IsHidden(upstream, have)
}

// client is Client without the patterns.
func (m *Mapper) client(upstream string, have *List) (string, bool) {
	sep := have.separator()
	if isTooDeep(upstream, sep) {
		return "", false
	}
	w := m.walk(have)
	var names []string
	rest := upstream
	if pair, below, ok := cutPair(m.byTo, upstream, sep, func(p Pair) string { return p.To }); ok {
		if below == nil {
			return pair.From, true
		}
		w.enter(pair.To)
		rest, names = *below, []string{pair.From}
	} else if strings.EqualFold(upstream, inbox) && !m.movesInbox() {
		return inbox, true
	} else if w.begun {
		if rest, ok = cutBelow(upstream, w.path, sep); !ok {
			return "", false
		}
	}
	levels := strings.Split(rest, sep)
	for len(levels) > 0 {
		name, n := w.decode(levels)
		if n == 0 {
			return "", false
		}
		names = append(names, name)
		w.enter(w.join(strings.Join(levels[:n], sep)))
		levels = levels[n:]
	}
	if len(names) == 1 && strings.EqualFold(names[0], inbox) && !m.movesInbox() {
		return "", false // the prefix holds one, which is not the INBOX
	}
	client := strings.Join(names, m.Separator(have))
	if isOnlyAsItIs(client, m.Separator(have)) && (client == "" || !have.Has(upstream)) {
		return "", false
	}
	return client, true
}

// cutPair finds the first pair whose side is name, or has name below it: then
// below is what stands there.
func cutPair(pairs []Pair, name, sep string, side func(Pair) string) (pair Pair, below *string, ok bool) {
	for _, p := range pairs {
		if name == side(p) {
			return p, nil, true
		}
		if below, ok := cutBelow(name, side(p), sep); ok {
			return p, &below, true
		}
	}
	return Pair{}, nil, false
}

// cutBelow returns the part of a name below a mailbox.
func cutBelow(name, mailbox, sep string) (below string, ok bool) {
	below, ok = strings.CutPrefix(name, mailbox)
	if !ok {
		return "", false
	}
	return strings.CutPrefix(below, sep)
}
