package proxy

import (
	"bytes"
	"slices"
	"strings"

	"exgate/backend"
	"exgate/backend/wire"
)

// searchEdits are the edits of SEARCH.
var searchEdits = edits{args: editSearch, fixes: []backend.ReplyFix{
	backend.FixSearchCharset, backend.FixSearchFrom, backend.FixLongSets, backend.FixRefusals,
}}

// editSearch replaces CHARSET UTF-8 with US-ASCII if the whole command is ASCII.
// Exchange takes no other charset, and some clients always say UTF-8
// (docs/exchange.md#ex-20). editKeys edits what is searched for.
func editSearch(a *amendment) (done bool, err error) {
	a.args.Space()
	if a.takeWord("RETURN") {
		if a.lacks("ESEARCH") {
			return false, a.refuseForeign("the result options of RETURN")
		}
		a.args.Space()
		if _, ok := a.args.List(); !ok {
			return false, wire.SyntaxError(a.cmd.verb + ": the return options have no closing parenthesis")
		}
		a.args.Space()
	}
	if a.takeWord("CHARSET") {
		a.args.Space()
		from := a.here()
		charset, _ := a.args.String()
		if a.hasFix(backend.FixSearchCharset) && strings.EqualFold(charset, "UTF-8") && a.isASCII() {
			a.replace(from, "US-ASCII")
			a.c.repaired("search-charset")
		}
	}
	if err := a.editKeys(); err != nil {
		return false, err
	}
	if a.isTooLong() {
		if set, ok := a.longestSet(); ok {
			return true, a.c.sendSplit(a, set)
		}
	}
	return false, nil
}

// takeWord reads a word, and reports whether it came next.
func (a *amendment) takeWord(word string) bool {
	rest := a.unread()
	if !strings.EqualFold(rest[:min(len(rest), len(word))], word) || len(rest) > len(word) && rest[len(word)] != ' ' {
		return false
	}
	a.args.Atom()
	return true
}

// isASCII reports whether the command and its literals are in US-ASCII.
func (a *amendment) isASCII() bool {
	notASCII := func(r rune) bool { return r >= 0x80 }
	return !slices.ContainsFunc(a.texts, func(s string) bool { return strings.ContainsFunc(s, notASCII) }) &&
		!slices.ContainsFunc(a.literals, func(p []byte) bool { return bytes.ContainsFunc(p, notASCII) })
}

// longestSet finds the message set by which a SEARCH can be split. ok reports
// whether the results for the parts of the set add up to the result for the
// whole set. They do not if the set is negated or an alternative of OR.
func (a *amendment) longestSet() (set string, ok bool) {
	words := strings.Fields(a.texts[0])
	for i, word := range words {
		if i < 2 || len(word) <= len(set) || strings.Trim(word, "0123456789:*,") != "" {
			continue
		}
		before := i - 1 // at least the verb
		if strings.EqualFold(words[before], "UID") {
			before--
		}
		set, ok = word, !strings.HasSuffix(strings.ToUpper(words[before]), "NOT")
	}
	upper := strings.ToUpper(a.texts[0])
	return set, ok && !strings.Contains(upper, " OR ") && !strings.Contains(upper, "NOT (") &&
		!strings.Contains(upper, " RETURN ")
}
