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
	q, err := a.readListQuery(l)
	if err != nil {
		return false, err
	}
	if len(q.patterns) == 1 && q.patterns[0] == "" { // an empty pattern asks for the separator
		l.RootOnly = true
		a.cmd.editor = l
		return false, nil
	}
	for _, p := range q.patterns {
		name, _ := folders.Decode(q.reference + p)
		l.Patterns = append(l.Patterns, name)
	}
	if l.List, err = a.c.folderList(a.cmd, names.AnyAge); err != nil {
		return false, listUnavailable(a.cmd, err)
	}
	if err := a.askForNames(q, l); err != nil {
		return false, err
	}
	asked, err := a.returnOptions()
	if err != nil {
		return false, err
	}
	a.cmd.editor = l
	if asked.subscribed {
		if l.Subscribed, err = a.c.subscribed(a.cmd); err != nil {
			return false, listUnavailable(a.cmd, err)
		}
	}
	if len(asked.status) > 0 {
		return true, a.c.listWithStatus(a, l, asked.status)
	}
	return false, nil
}

// listQuery has the arguments of a LIST or LSUB, without the return options.
type listQuery struct {
	selection []string // the selection options (RFC 5258)
	reference string
	patterns  []string
	from      position // of the reference
}

// readListQuery reads the arguments up to the patterns, and edits the selection options.
func (a *amendment) readListQuery(l *replies.Listing) (q listQuery, err error) {
	a.args.Space()
	options := a.here()
	var ok bool
	if q.selection, ok = a.args.List(); !ok {
		return q, wire.SyntaxError(a.cmd.verb + ": the selection options have no closing parenthesis")
	}
	if err := a.selectionOptions(options, q.selection, l); err != nil {
		return q, err
	}
	a.args.Space()
	q.from = a.here()
	if q.reference, ok = a.args.String(); ok {
		a.args.Space()
		q.patterns, ok = readPatterns(a.args)
	}
	if !ok {
		return q, wire.SyntaxError(a.cmd.verb + " takes a reference and a pattern")
	}
	size := len(q.reference)*len(q.patterns) + len(strings.Join(q.patterns, ""))
	if len(q.patterns) > maxPatterns || size > maxPatternBytes {
		return q, refuseArgument(
			"NO [LIMIT] %s takes at most %d patterns of %d bytes in all here: ask for * and choose",
			a.cmd.verb, maxPatterns, maxPatternBytes)
	}
	return q, nil
}

// askForNames replaces the reference and the patterns: Exchange is asked for one mailbox, or
// for all. The names of all mailboxes of the account are remembered.
func (a *amendment) askForNames(q listQuery, l *replies.Listing) error {
	if len(q.patterns) == 1 && !wire.HasWildcard(l.Patterns[0]) {
		mailbox, _, err := a.c.upstreamMailbox(a.cmd, q.reference+q.patterns[0])
		if err != nil {
			return err
		}
		if ask := l.List.Wire(mailbox); ask != "*" {
			a.replaceName(q.from, `"" `, ask)
			return nil
		}
	} else if len(q.selection) == 0 && a.cmd.verb == "LIST" && a.args.IsEmpty() {
		l.All = l.List.Pass()
		a.cmd.landed = onOK(func() {
			if list, ok := l.All.End(); ok {
				a.c.login.account.known.Set(list)
			}
		})
	}
	a.replace(q.from, `"" "*"`)
	return nil
}

// exgate compares each mailbox of the account with each pattern of a LIST, byte by
// byte. These limits bound the work. No client is known to send more than a few
// patterns.
const (
	maxPatterns     = 100
	maxPatternBytes = 8 << 10
)

// readPatterns reads one pattern, or a list of patterns in parentheses.
func readPatterns(args *wire.Args) ([]string, bool) {
	if args.Peek() != '(' {
		pattern, ok := args.String()
		return []string{pattern}, ok
	}
	return args.Strings()
}

// hasWord reports whether the list has the word, in any case.
func hasWord(list []string, word string) bool {
	return slices.ContainsFunc(list, func(s string) bool { return strings.EqualFold(s, word) })
}
