package amend

import (
	"strings"

	"exgate/backend"
	"exgate/backend/folders"
	"exgate/backend/wire"
	"exgate/proxy/names"
	"exgate/proxy/replies"
)

// The editors in this file replace the mailbox names in the arguments of a
// command. Each knows where the names stand in its commands.

var (
	// FirstName has the edits of SUBSCRIBE, GETACL and others: the name comes first.
	FirstName = Edits{args: editFirstName, names: mappedNames, Named: firstName}
	// BothNames has the edits of RENAME.
	BothNames = Edits{args: editBothNames, names: mappedNames, Named: bothNames}
	// OptionName has the edits of GETMETADATA: the name comes after the options.
	OptionName = Edits{args: editOptionName, names: mappedNames, Named: nameAfterOptions}
	// NewName has the edits of CREATE.
	NewName = Edits{args: editNewName, names: mappedNames, Named: firstName}
	// OldName has the edits of DELETE.
	OldName = Edits{args: editOldName, names: mappedNames, Named: firstName}
	// NoNames has the edits of NOTIFY and others, whose names are not mapped.
	NoNames = Edits{args: editNoNames, names: mappedNames}
	// Append has the edits of APPEND, whose name the own lane maps (Command.UpstreamMailbox).
	Append = Edits{Named: firstName}
)

// Namespace has the edits of NAMESPACE.
var Namespace = Edits{args: editNamespace, names: mappedNames, fixes: []backend.ReplyFix{backend.FixRefusals}}

// readName reads the next name, and replaces it with the upstream's name.
func (cmd *Command) readName() (mailbox string, list *folders.List, err error) {
	cmd.args.Space()
	from := cmd.here()
	client, ok := cmd.args.String()
	if !ok {
		return "", nil, errNoMailbox(cmd.Verb)
	}
	mailbox, list, err = cmd.UpstreamMailbox(client)
	if err != nil {
		return "", nil, err
	}
	onWire := list.Wire(mailbox)
	if cmd.Mailbox == "" {
		cmd.Mailbox = client
	}
	cmd.writeName(from, client, onWire)
	return mailbox, list, nil
}

func errNoMailbox(verb string) error { return wire.SyntaxError(verb + " takes the name of a mailbox") }

// writeName puts the upstream's name in place of the client's, which was read since
// from, if the two differ, if the client's is a literal, which would cost a round
// trip, or if only a literal can carry the name (replaceName).
func (cmd *Command) writeName(from position, client, onWire string) {
	if onWire != client || from.text != cmd.here().text || wire.NeedsEscape(onWire) {
		cmd.replaceName(from, "", onWire)
	}
}

func editFirstName(cmd *Command) (done bool, err error) {
	mailbox, list, err := cmd.readName()
	if err != nil {
		return false, err
	}
	if strings.HasPrefix(cmd.Verb, "GET") || cmd.Verb == "STATUS" || strings.HasSuffix(cmd.Verb, "RIGHTS") {
		cmd.Editor = &replies.NameLines{Mapper: cmd.Login.Names.Mapper, List: list, Asked: cmd.Mailbox,
			Mailbox: mailbox}
	}
	return false, nil
}

func editOptionName(cmd *Command) (done bool, err error) {
	cmd.args.Space()
	if _, ok := cmd.args.List(); !ok {
		return false, wire.SyntaxError(cmd.Verb + ": the options have no closing parenthesis")
	}
	return editFirstName(cmd)
}

// guardDeletion refuses to delete messages in a mailbox that clients know by
// several names. A client that synchronizes one of the names, such as imapsync
// with --delete2, would delete the messages of the other name
// (docs/exchange.md#case).
func guardDeletion(cmd *Command) (done bool, err error) {
	mailbox, _ := folders.Decode(cmd.Session.Mailbox().Mailbox)
	called := cmd.Login.Known.Called(mailbox)
	if len(called) < 2 {
		return false, nil
	}
	return false, refuse("NO [CANNOT] %q are one mailbox here (names.case: merge): "+
		"a message deleted in one would be missing in the other; set names.case: apart to delete", called)
}

// editOldName edits DELETE. After its OK the mailbox leaves the list of folders.
func editOldName(cmd *Command) (done bool, err error) {
	mailbox, list, err := cmd.readName()
	if list != nil {
		cmd.Landed = onOK(func() { list.Remove(mailbox) })
	}
	return false, err
}

// editBothNames edits RENAME. The new name may differ from the old one in case
// only, so the old name is not in the list that the new name is checked against.
func editBothNames(cmd *Command) (done bool, err error) {
	from, list, err := cmd.readName()
	if err != nil {
		return false, err
	}
	cmd.args.Space()
	at := cmd.here()
	client, ok := cmd.args.String()
	name, isText := folders.Decode(client)
	if !ok || !isText {
		return false, wire.SyntaxError("RENAME takes two names of mailboxes")
	}
	if list == nil {
		if list, err = cmd.folderList(names.AnyAge); err != nil {
			return false, cmd.listUnavailable(err)
		}
	}
	to, err := cmd.Login.Names.Upstream(strings.TrimSuffix(name, cmd.Login.Names.Separator(list)), list.Without(from))
	if err != nil {
		return false, refuse("NO [CANNOT] %s", err)
	}
	cmd.writeName(at, client, list.Wire(to))
	cmd.Landed = onOK(func() {
		if from == "INBOX" { // INBOX stays, without its messages (RFC 9051 section 6.3.6)
			list.Add(to)
			return
		}
		list.Rename(from, to)
	})
	return false, nil
}

// editNamespace changes the reply to NAMESPACE if clients see another prefix or
// separator than Exchange has. It answers NAMESPACE for an Exchange that has none, or closes
// the connection over it.
func editNamespace(cmd *Command) (done bool, err error) {
	isOurs := cmd.hasFix(backend.FixRefusals) && cmd.Login.Profile.AnswersNamespace() || cmd.lacks("NAMESPACE")
	separator, n := "/", cmd.Login.Names
	if n != nil && (isOurs || n.Options.Prefix != "" || n.Options.Separator != "") {
		list, err := cmd.folderList(names.AnyAge)
		if err != nil {
			return false, cmd.listUnavailable(err)
		}
		separator = n.Separator(list)
		cmd.Editor = &replies.Namespace{Separator: separator}
	}
	if !isOurs {
		return false, nil
	}
	cmd.Session.Repaired("refusals")
	if err := cmd.Session.Say("%s", replies.NamespaceLine(separator)); err != nil {
		return true, err
	}
	return true, cmd.Session.Say("%s OK NAMESPACE completed.", cmd.Tag)
}

// editNoNames refuses commands that have mailbox names in many places. No Exchange
// knows these commands, so mapping their names is not worth an editor.
func editNoNames(cmd *Command) (done bool, err error) {
	return false, refuse("BAD %s is not offered while mailbox names are mapped (profile plain relays it)",
		cmd.Verb)
}

// The functions below only read the names in the arguments of a command: see Edits.Named.

// firstName reads the name of a mailbox at the beginning of the arguments.
func firstName(args *wire.Args) ([]string, bool) {
	args.Space()
	name, ok := args.String()
	return []string{name}, ok
}

// bothNames reads the two names of RENAME.
func bothNames(args *wire.Args) ([]string, bool) {
	from, okFrom := firstName(args)
	to, okTo := firstName(args)
	return append(from, to...), okFrom && okTo
}

// nameAfterOptions reads a name that follows a list of options.
func nameAfterOptions(args *wire.Args) ([]string, bool) {
	args.Space()
	if _, ok := args.List(); !ok {
		return nil, false
	}
	return firstName(args)
}

// nameAfterSet reads a name that follows a set of messages.
func nameAfterSet(args *wire.Args) ([]string, bool) {
	args.Space()
	if _, ok := args.Atom(); !ok {
		return nil, false
	}
	return firstName(args)
}
