package proxy

import (
	"slices"
	"strings"

	"exgate/backend"
	"exgate/backend/folders"
	"exgate/backend/wire"
	"exgate/proxy/names"
	"exgate/proxy/replies"
)

// listEdits are the edits of LIST and LSUB.
var listEdits = edits{args: editListNames, names: mappedNames, fixes: []backend.ReplyFix{
	backend.FixListNames, backend.FixRefusals,
}}

// editListNames edits LIST and LSUB (RFC 9051 section 6.3.9, RFC 3501 section
// 6.3.9, RFC 5258). The client's pattern matches the names that the client sees,
// so exgate asks Exchange for all mailboxes and matches their mapped names
// itself. A pattern without a wildcard is a single name, and only that is asked
// for.
func editListNames(a *amendment) (done bool, err error) {
	if a.c.login.names == nil {
		if a.hasFix(backend.FixListNames) {
			a.cmd.editor = &replies.Quoting{Repaired: a.c.repaired}
		}
		return false, a.refuseListOptions()
	}
	l := &replies.Listing{Mapper: a.c.login.names.Mapper, Separator: a.c.login.names.Options.Separator}
	a.args.Space()
	options := a.here()
	selection, ok := a.args.List()
	if !ok {
		return false, wire.SyntaxError(a.cmd.verb + ": the selection options have no closing parenthesis")
	}
	if err := a.selectionOptions(options, selection, l); err != nil {
		return false, err
	}
	a.args.Space()
	from := a.here()
	reference, ok := a.args.String()
	if !ok {
		return false, wire.SyntaxError(a.cmd.verb + " takes a reference and a pattern")
	}
	a.args.Space()
	patterns, ok := a.readPatterns()
	if !ok {
		return false, wire.SyntaxError(a.cmd.verb + " takes a reference and a pattern")
	}
	if len(patterns) > maxPatterns || len(reference)*len(patterns)+len(strings.Join(patterns, "")) > maxPatternBytes {
		return false, refuseArgument(
			"NO [LIMIT] %s takes at most %d patterns of %d bytes in all here: ask for * and choose",
			a.cmd.verb, maxPatterns, maxPatternBytes)
	}
	if len(patterns) == 1 && patterns[0] == "" { // an empty pattern asks for the separator
		l.RootOnly = true
		a.cmd.editor = l
		return false, nil
	}
	for _, p := range patterns {
		name, _ := folders.Decode(reference + p)
		l.Patterns = append(l.Patterns, name)
	}
	if l.List, err = a.c.folderList(a.cmd, names.AnyAge); err != nil {
		return false, listUnavailable(err)
	}
	ask := "*"
	if len(patterns) == 1 && !wire.HasWildcard(l.Patterns[0]) {
		mailbox, _, err := a.c.upstreamMailbox(a.cmd, reference+patterns[0])
		if err != nil {
			return false, err
		}
		ask = l.List.Wire(mailbox)
	} else if len(selection) == 0 && a.cmd.verb == "LIST" && a.args.Empty() {
		l.All = l.List.Pass()
		a.cmd.landed = onOK(func() {
			if list, ok := l.All.End(); ok {
				a.c.login.account.known.Set(list)
			}
		})
	}
	if ask == "*" {
		a.replace(from, `"" "*"`)
	} else {
		a.replaceName(from, `"" `, ask)
	}
	asked, err := a.returnOptions()
	if err != nil {
		return false, err
	}
	a.cmd.editor = l
	if asked.subscribed {
		if l.Subscribed, err = a.c.subscribed(a.cmd); err != nil {
			return false, listUnavailable(err)
		}
	}
	if len(asked.status) > 0 {
		return true, a.c.listWithStatus(a, l, asked.status)
	}
	return false, nil
}

// exgate compares each mailbox of the account with each pattern of a LIST, byte by
// byte. These limits bound the work. No client is known to send more than a few
// patterns.
const (
	maxPatterns     = 100
	maxPatternBytes = 8 << 10
)

// readPatterns reads one pattern, or a list of patterns in parentheses.
func (a *amendment) readPatterns() ([]string, bool) {
	if a.args.Peek() != '(' {
		pattern, ok := a.args.String()
		return []string{pattern}, ok
	}
	return a.args.Strings()
}

// hasWord reports whether the list has the word, in any case.
func hasWord(list []string, word string) bool {
	return slices.ContainsFunc(list, func(s string) bool { return strings.EqualFold(s, word) })
}
