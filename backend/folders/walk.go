package folders

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// walk maps one name, level by level.
type walk struct {
	m      *Mapper
	have   *List
	sep    string
	escape escaper
	path   string // upstream, so far
	begun  bool   // path is a mailbox: else the next level is one of the top
	atTop  bool   // path is a prefix that holds the user's INBOX, too
}

func (m *Mapper) walk(have *List) *walk {
	sep := have.separator()
	return &walk{
		m: m, have: have, sep: sep, path: strings.Join(m.prefix, sep), begun: len(m.prefix) > 0, atTop: m.movesInbox(),
		escape: newEscaper(m.opts.Characters, sep, m.Separator(have)),
	}
}

func (w *walk) join(level string) string {
	if !w.begun {
		return level
	}
	return w.path + w.sep + level
}

// enter continues below a mailbox.
func (w *walk) enter(path string) { w.path, w.begun, w.atTop = path, true, false }

// isMovedInbox reports whether a level is the INBOX that a prefix holds, in whatever
// case (RFC 9051 section 5.1).
func (w *walk) isMovedInbox(name string) bool { return w.atTop && strings.EqualFold(name, inbox) }

// level returns the upstream path for one level of the client's name. With asItIs, it
// accepts a mailbox that Exchange has in exactly this spelling, even if exgate would
// write the name differently.
func (w *walk) level(name string, asItIs bool) (string, error) {
	switch {
	case !w.begun && strings.EqualFold(name, inbox):
		return inbox, nil
	case !utf8.ValidString(name) || name == "":
		return w.join(name), nil // stays what it is: asItIs in mapper.go
	case w.isMovedInbox(name):
		name = inbox
		if path := w.join(name); !w.have.Has(path) {
			if spelt, exists := w.spelling(path); exists && !w.isGiven(spelt) {
				return spelt, nil
			}
		}
	}
	text, err := w.text(name)
	if err != nil {
		return "", err
	}
	plain := w.join(text)
	// A name that reads as another's plain form, or that the list has given
	// away, always has its suffix.
	taken := w.undo(text) != name || strings.Contains(text, moreMark) && w.reads(text) || w.isGiven(plain) ||
		w.hides(plain)
	if !taken && w.have.Has(plain) {
		return plain, nil
	}
	apart := plain + apartMark + hash(name)
	if w.have.Has(apart) {
		return apart, nil
	}
	if raw := w.join(name); asItIs && (taken || raw != plain) && w.have.Has(raw) && w.isUnclaimed(name) {
		return raw, nil
	}
	if taken {
		return w.unlike(apart)
	}
	spelt, exists := w.spelling(plain)
	switch {
	case !exists || w.m.opts.Case == "":
		return plain, nil
	case w.m.opts.Case == Merge:
		return spelt, nil
	}
	return w.unlike(apart)
}

// unlike returns path, or an error if Exchange has a mailbox that differs only in
// case.
func (w *walk) unlike(path string) (string, error) {
	if spelt, exists := w.spelling(path); exists {
		return "", fmt.Errorf(
			"it differs only in case from %q, and Exchange does not distinguish them: rename one of them", spelt)
	}
	return path, nil
}

// spelling returns the mailbox of that name in whatever case, beside which it
// would stand: a server that is not Exchange may have two such parents.
func (w *walk) spelling(path string) (spelt string, ok bool) {
	spelt, ok = w.have.Spelling(path)
	return spelt, ok && strings.HasPrefix(spelt, w.path)
}

// isUnclaimed reports whether no other name of a client maps, or could map, to the
// mailbox of this level.
func (w *walk) isUnclaimed(level string) bool {
	if path := w.join(level); w.isReserved(level) || w.isGiven(path) || w.hides(path) || w.reads(level) {
		return false
	}
	other := w.undo(level)
	if other == level {
		return true
	}
	path, err := w.level(other, false)
	return err != nil || path != w.join(level)
}

// isGiven reports whether names.list gives this path to another name.
func (w *walk) isGiven(path string) bool {
	return slices.ContainsFunc(w.m.byTo, func(p Pair) bool { return fold(p.To) == fold(path) })
}

// hides reports whether clients do not see the folder at this path. If a client uses
// its name, the name means another mailbox.
func (w *walk) hides(path string) bool { return !w.begun && w.m.IsHidden(path, w.have) }

func (w *walk) isReserved(name string) bool {
	return !w.begun && len(w.m.reserved) > 0 && slices.Contains(w.m.reserved, fold(name))
}

var errTooManyBlanks = errors.New("it is longer than Exchange allows, and has too many blanks to be split: rename it")

// text returns the plain form of a level, which may consist of several levels.
func (w *walk) text(name string) (string, error) {
	if w.isReserved(name) {
		name += reservedEnd
	}
	text := w.escape.escape(name)
	if strings.Contains(text, w.sep) {
		return "", fmt.Errorf("it has %q in it, which divides levels in Exchange: rename it", w.sep)
	}
	longest := w.m.opts.Longest
	if longest == 0 || len(text) <= longest-suffixLength {
		return text, nil
	}
	levels, ok := splitLong(text, longest)
	if !ok {
		return "", errTooManyBlanks
	}
	return strings.Join(levels, w.sep), nil
}

// undo returns the client's name for a plain form, or for one with a suffix.
func (w *walk) undo(text string) string {
	var whole strings.Builder
	rest := text
	for {
		level, below, deeper := strings.Cut(rest, w.sep)
		beginning, more := isMore(level)
		if !deeper || !more {
			break
		}
		whole.WriteString(beginning)
		rest = below
	}
	whole.WriteString(rest)
	joined := whole.String()
	if stem, sum, ok := cutMark(joined, apartMark); ok {
		for _, name := range []string{w.plainUndone(stem), w.escape.unescape(stem)} {
			if hash(name) == sum {
				return name
			}
		}
	}
	return w.plainUndone(joined)
}

// plainUndone undoes text for one level.
func (w *walk) plainUndone(text string) string {
	name := w.escape.unescape(text)
	if stem, ok := strings.CutSuffix(name, reservedEnd); ok && w.isReserved(stem) {
		return stem
	}
	return name
}

// reads reports whether the last level of text looks like the beginning of a long
// level.
func (w *walk) reads(text string) bool {
	_, more := isMore(text[strings.LastIndex(text, w.sep)+1:])
	return more
}

// decode returns the client's name of the next upstream levels, and the number of
// these levels; 0 if no name maps to them.
func (w *walk) decode(levels []string) (name string, n int) {
	n = 1
	for _, more := isMore(levels[0]); more; n++ {
		if n == len(levels) {
			return "", 0 // the whole name is shown, not its beginning
		}
		_, more = isMore(levels[n])
	}
	text := strings.Join(levels[:n], w.sep)
	path := w.join(text)
	names := []string{w.undo(text), text}
	for _, name := range names {
		if strings.Contains(name, w.m.Separator(w.have)) {
			continue // it would be several of the client's levels
		}
		if again, err := w.level(name, true); err == nil && again == path {
			if w.isMovedInbox(name) {
				name = inbox
			}
			return name, n
		}
	}
	return "", 0
}
