package amend

import (
	"bytes"
	"slices"
	"strings"

	"exgate/backend"
	"exgate/backend/wire"
)

// Search has the edits of SEARCH.
var Search = Edits{args: editSearch, fixes: []backend.ReplyFix{
	backend.FixSearchCharset, backend.FixSearchFrom, backend.FixLongSets, backend.FixRefusals,
}}

// editSearch replaces CHARSET UTF-8 with US-ASCII if the whole command is ASCII.
// Exchange takes no other charset, and some clients always say UTF-8
// (docs/exchange.md#ex-20). editKeys edits what is searched for.
func editSearch(cmd *Command) (done bool, err error) {
	cmd.args.Space()
	if cmd.takeWord("RETURN") {
		if cmd.lacks("ESEARCH") {
			return false, cmd.refuseForeign("the result options of RETURN")
		}
		cmd.args.Space()
		if _, ok := cmd.args.List(); !ok {
			return false, wire.SyntaxError(cmd.Verb + ": the return options have no closing parenthesis")
		}
		cmd.args.Space()
	}
	if cmd.takeWord("CHARSET") {
		cmd.args.Space()
		from := cmd.here()
		charset, _ := cmd.args.String()
		if cmd.hasFix(backend.FixSearchCharset) && strings.EqualFold(charset, "UTF-8") && cmd.isASCII() {
			cmd.replace(from, "US-ASCII")
			cmd.Session.Repaired("search-charset")
		}
	}
	if err := cmd.editKeys(); err != nil {
		return false, err
	}
	if cmd.isTooLong() {
		if set, ok := cmd.longestSet(); ok {
			return cmd.sendSplit(set)
		}
	}
	return false, nil
}

// takeWord reads a word, and reports whether it came next.
func (cmd *Command) takeWord(word string) bool {
	rest := cmd.unread()
	if !strings.EqualFold(rest[:min(len(rest), len(word))], word) || len(rest) > len(word) && rest[len(word)] != ' ' {
		return false
	}
	cmd.args.Atom()
	return true
}

// isASCII reports whether the command and its literals are in US-ASCII.
func (cmd *Command) isASCII() bool {
	notASCII := func(r rune) bool { return r >= 0x80 }
	return !slices.ContainsFunc(cmd.texts, func(s string) bool { return strings.ContainsFunc(s, notASCII) }) &&
		!slices.ContainsFunc(cmd.literals, func(p []byte) bool { return bytes.ContainsFunc(p, notASCII) })
}

// longestSet finds the message set by which a SEARCH can be split. ok reports
// whether the results for the parts of the set add up to the result for the
// whole set. They do not if the set is negated or an alternative of OR.
func (cmd *Command) longestSet() (set string, ok bool) {
	words := strings.Fields(cmd.texts[0])
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
	upper := strings.ToUpper(cmd.texts[0])
	return set, ok && !strings.Contains(upper, " OR ") && !strings.Contains(upper, "NOT (") &&
		!strings.Contains(upper, " RETURN ")
}
