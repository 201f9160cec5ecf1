package amend

import (
	"slices"
	"strings"

	"exgate/backend"
	"exgate/backend/folders"
	"exgate/backend/wire"
	"exgate/proxy/names"
	"exgate/proxy/replies"
)

// List has the edits of LIST and LSUB.
var List = Edits{args: editListNames, names: mappedNames, fixes: []backend.ReplyFix{
	backend.FixListNames, backend.FixRefusals,
}}

// editListNames edits LIST and LSUB (RFC 9051 section 6.3.9, RFC 3501 section
// 6.3.9, RFC 5258). The client's pattern matches the names that the client sees,
// so exgate asks Exchange for all mailboxes and matches their mapped names
// itself. A pattern without a wildcard is a single name, and only that is asked
// for.
func editListNames(cmd *Command) (done bool, err error) {
	if cmd.Login.Names == nil {
		if cmd.hasFix(backend.FixListNames) {
			cmd.Editor = &replies.Quoting{Repaired: cmd.Session.Repaired}
		}
		return false, cmd.refuseListOptions()
	}
	l := &replies.Listing{Mapper: cmd.Login.Names.Mapper, Separator: cmd.Login.Names.Options.Separator}
	q, err := cmd.readListQuery(l)
	if err != nil {
		return false, err
	}
	if len(q.patterns) == 1 && q.patterns[0] == "" { // an empty pattern asks for the separator
		l.RootOnly = true
		cmd.Editor = l
		return false, nil
	}
	for _, p := range q.patterns {
		name, _ := folders.Decode(q.reference + p)
		l.Patterns = append(l.Patterns, name)
	}
	if l.List, err = cmd.folderList(names.AnyAge); err != nil {
		return false, cmd.listUnavailable(err)
	}
	if err := cmd.askForNames(q, l); err != nil {
		return false, err
	}
	asked, err := cmd.returnOptions()
	if err != nil {
		return false, err
	}
	cmd.Editor = l
	if asked.subscribed {
		if l.Subscribed, err = cmd.subscribed(); err != nil {
			return false, cmd.listUnavailable(err)
		}
	}
	if len(asked.status) > 0 {
		return true, cmd.listWithStatus(l, asked.status)
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
func (cmd *Command) readListQuery(l *replies.Listing) (q listQuery, err error) {
	cmd.args.Space()
	options := cmd.here()
	var ok bool
	if q.selection, ok = cmd.args.List(); !ok {
		return q, wire.SyntaxError(cmd.Verb + ": the selection options have no closing parenthesis")
	}
	if err := cmd.selectionOptions(options, q.selection, l); err != nil {
		return q, err
	}
	cmd.args.Space()
	q.from = cmd.here()
	if q.reference, ok = cmd.args.String(); ok {
		cmd.args.Space()
		q.patterns, ok = readPatterns(&cmd.args)
	}
	if !ok {
		return q, wire.SyntaxError(cmd.Verb + " takes a reference and a pattern")
	}
	size := len(q.reference)*len(q.patterns) + len(strings.Join(q.patterns, ""))
	if len(q.patterns) > MaxPatterns || size > maxPatternBytes {
		return q, refuse(
			"NO [LIMIT] %s takes at most %d patterns of %d bytes in all here: ask for * and choose",
			cmd.Verb, MaxPatterns, maxPatternBytes)
	}
	return q, nil
}

// askForNames replaces the reference and the patterns: Exchange is asked for one mailbox, or
// for all. The names of all mailboxes of the account are remembered.
func (cmd *Command) askForNames(q listQuery, l *replies.Listing) error {
	if len(q.patterns) == 1 && !wire.HasWildcard(l.Patterns[0]) {
		mailbox, _, err := cmd.UpstreamMailbox(q.reference + q.patterns[0])
		if err != nil {
			return err
		}
		if ask := l.List.Wire(mailbox); ask != "*" {
			cmd.replaceName(q.from, `"" `, ask)
			return nil
		}
	} else if len(q.selection) == 0 && cmd.Verb == "LIST" && cmd.args.IsEmpty() {
		l.All = l.List.Pass()
		cmd.Landed = onOK(func() {
			if list, ok := l.All.End(); ok {
				cmd.Login.Known.Set(list)
			}
		})
	}
	cmd.replace(q.from, `"" "*"`)
	return nil
}

// exgate compares each mailbox of the account with each pattern of a LIST, byte by
// byte. These limits bound the work. No client is known to send more than a few
// patterns.
const (
	MaxPatterns     = 100
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
