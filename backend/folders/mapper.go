package folders

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// reservedEnd is what imapsync's --office2 appends (docs/exchange.md#reserved-names), so that
// a mailbox begun with it goes on.
const reservedEnd = "_renamed_by_imapsync"

// Mapper maps names both ways. It is made of Options, is never changed, and
// may be used by several goroutines.
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

// NewMapper returns a Mapper, or what Validate says of the options.
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

// Separator is what clients see between the levels of names.
func (m *Mapper) Separator(have *List) string { return cmp.Or(m.opts.Separator, have.separator()) }

// Upstream returns the upstream mailbox that a client means, where have is
// what the upstream has. An error says why there can be none, and what to do.
func (m *Mapper) Upstream(client string, have *List) (string, error) {
	name, err := m.rewritten(client)
	if err != nil {
		return "", err
	}
	w := m.walk(have)
	if pair, rest, ok := cutPair(m.byFrom, name, m.Separator(have), func(p Pair) string { return p.From }); ok {
		w.path, name = pair.To, rest
		if rest == "" {
			return w.path, nil
		}
	} else if strings.EqualFold(name, inbox) && !m.movesInbox() {
		return inbox, nil
	}
	for level := range strings.SplitSeq(name, m.Separator(have)) {
		next, err := w.level(level, true)
		if err != nil {
			return "", fmt.Errorf("the mailbox %q: %w", client, err)
		}
		w.path = next
	}
	return w.path, nil
}

const inbox = "INBOX"

// movesInbox tells whether INBOX, too, lies below the prefix.
func (m *Mapper) movesInbox() bool {
	return len(m.prefix) > 0 && !strings.EqualFold(m.prefix[0], inbox)
}

// rewritten applies the patterns.
func (m *Mapper) rewritten(client string) (string, error) {
	name := client
	for _, p := range m.patterns {
		before := name
		if name = p.from.ReplaceAllString(before, p.to); p.back != nil && name != before && p.back.ReplaceAllString(name, p.backTo) != before {
			return "", fmt.Errorf("the mailbox %q: the pattern %s of names.patterns makes it %q, and does not lead back: mend its back_from and back_to",
				client, p.as, name)
		}
	}
	return name, nil
}

// Client returns what a client is told an upstream mailbox is called; ok is
// false for one that it is not shown, since no name leads to it.
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

// isPlain tells, at a glance, that a mailbox which Exchange has is called the
// same by clients: most are. What it does not see through is looked at closely.
func (m *Mapper) isPlain(upstream string, have *List) bool {
	o := &m.opts
	if len(o.List)+len(m.patterns)+len(m.prefix) > 0 || o.Separator != "" || have.separator() != "/" || upstream == "" ||
		o.Longest > 0 && len(upstream) > o.Longest-suffixLength || strings.Contains(upstream, apartMark) || strings.Contains(upstream, reservedEnd) {
		return false
	}
	before := '/'
	for _, r := range upstream {
		if r < ' ' || r == 0x7f || r >= pictures && r <= openBox || before == '/' && (r == ' ' || r == '/') || before == ' ' && r == '/' {
			return false
		}
		before = r
	}
	if before == ' ' || before == '/' || len(upstream) >= len(inbox) && strings.EqualFold(upstream[:len(inbox)], inbox) {
		return false
	}
	top, _, _ := strings.Cut(upstream, "/")
	for _, name := range m.reserved {
		if len(name) == len(top) && fold(top) == name {
			return false
		}
	}
	return have.Has(upstream) && !m.Hidden(upstream, have)
}

// client is Client without the patterns.
func (m *Mapper) client(upstream string, have *List) (string, bool) {
	sep := have.separator()
	w := m.walk(have)
	var names []string
	rest := upstream
	if pair, below, ok := cutPair(m.byTo, upstream, sep, func(p Pair) string { return p.To }); ok {
		if below == "" {
			return pair.From, true
		}
		w.path, rest, names = pair.To, below, []string{pair.From}
	} else if strings.EqualFold(upstream, inbox) && !m.movesInbox() {
		return inbox, true
	} else if w.path != "" {
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
		w.path = w.join(strings.Join(levels[:n], sep))
		levels = levels[n:]
	}
	if len(names) == 1 && strings.EqualFold(names[0], inbox) && !m.movesInbox() {
		return "", false // the prefix holds one, which is not the INBOX
	}
	return strings.Join(names, m.Separator(have)), true
}

// cutPair finds the first pair whose side is name or has name below it.
func cutPair(pairs []Pair, name, sep string, side func(Pair) string) (pair Pair, below string, ok bool) {
	for _, p := range pairs {
		if name == side(p) {
			return p, "", true
		}
		if below, ok := cutBelow(name, side(p), sep); ok {
			return p, below, true
		}
	}
	return Pair{}, "", false
}

// cutBelow returns what of a name stands below a mailbox.
func cutBelow(name, mailbox, sep string) (below string, ok bool) {
	below, ok = strings.CutPrefix(name, mailbox)
	if !ok {
		return "", false
	}
	return strings.CutPrefix(below, sep)
}
