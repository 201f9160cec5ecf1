package proxy

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

// hasNames reports whether mailbox names are mapped for a login.
func hasNames(l *login) bool { return l.names != nil }

var (
	// SELECT, STATUS, SUBSCRIBE and so on
	firstNameEdits = edits{args: editFirstName, names: mappedNames, named: firstName}
	// RENAME
	bothNamesEdits = edits{args: editBothNames, names: mappedNames, named: bothNames}
	// GETMETADATA: a name after the options
	optionNameEdits = edits{args: editOptionName, names: mappedNames, named: nameAfterOptions}
	// CREATE
	newNameEdits = edits{args: editNewName, names: mappedNames, named: firstName}
	// DELETE
	oldNameEdits = edits{args: editOldName, names: mappedNames, named: firstName}
	// NOTIFY and others: names are not mapped
	noNamesEdits = edits{args: editNoNames, names: mappedNames}
	// APPEND, whose name conn.takeAppend maps
	appendEdits = edits{named: firstName}
)

// namespaceEdits are the edits of NAMESPACE.
var namespaceEdits = edits{args: editNamespace, names: mappedNames, fixes: []backend.ReplyFix{backend.FixRefusals}}

// readName reads the next name, and replaces it with the upstream's name.
func (a *amendment) readName() (mailbox string, list *folders.List, err error) {
	a.args.Space()
	from := a.here()
	client, ok := a.args.String()
	if !ok {
		return "", nil, errNoMailbox(a.cmd.verb)
	}
	mailbox, list, err = a.c.upstreamMailbox(a.cmd, client)
	if err != nil {
		return "", nil, err
	}
	onWire := list.Wire(mailbox)
	if a.cmd.mailbox == "" {
		a.cmd.mailbox = client
	}
	a.writeName(from, client, onWire)
	return mailbox, list, nil
}

func errNoMailbox(verb string) error { return wire.SyntaxError(verb + " takes the name of a mailbox") }

// writeName puts the upstream's name in place of the client's, which was read since
// from, if the two differ, if the client's is a literal, which would cost a round
// trip, or if only a literal can carry the name (replaceName).
func (a *amendment) writeName(from position, client, onWire string) {
	if onWire != client || from.text != a.here().text || wire.NeedsEscape(onWire) {
		a.replaceName(from, "", onWire)
	}
}

func editFirstName(a *amendment) (done bool, err error) {
	mailbox, list, err := a.readName()
	if err != nil {
		return false, err
	}
	if strings.HasPrefix(a.cmd.verb, "GET") || a.cmd.verb == "STATUS" || strings.HasSuffix(a.cmd.verb, "RIGHTS") {
		a.cmd.editor = &replies.NameLines{Mapper: a.c.login.names.Mapper, List: list, Asked: a.cmd.mailbox,
			Mailbox: mailbox}
	}
	return false, nil
}

func editOptionName(a *amendment) (done bool, err error) {
	a.args.Space()
	if _, ok := a.args.List(); !ok {
		return false, wire.SyntaxError(a.cmd.verb + ": the options have no closing parenthesis")
	}
	return editFirstName(a)
}

// hasMergedNames reports whether names that differ in case are one mailbox for a
// login.
func hasMergedNames(l *login) bool { return l.names != nil && l.names.Options.Case == folders.Merge }

// guardDeletion refuses to delete messages in a mailbox that clients know by
// several names. A client that synchronizes one of the names, such as imapsync
// with --delete2, would delete the messages of the other name
// (docs/exchange.md#case).
func guardDeletion(a *amendment) (done bool, err error) {
	c := a.c
	mailbox, _ := folders.Decode(c.link.selected().Mailbox)
	called := c.login.account.known.Called(mailbox)
	if len(called) < 2 {
		return false, nil
	}
	return false, refuseArgument("NO [CANNOT] %q are one mailbox here (names.case: merge): "+
		"a message deleted in one would be missing in the other; set names.case: apart to delete", called)
}

// editOldName edits DELETE. After its OK the mailbox leaves the list of folders.
func editOldName(a *amendment) (done bool, err error) {
	mailbox, list, err := a.readName()
	if list != nil {
		a.cmd.landed = onOK(func() { list.Remove(mailbox) })
	}
	return false, err
}

// editBothNames edits RENAME. The new name may differ from the old one in case
// only, so the old name is not in the list that the new name is checked against.
func editBothNames(a *amendment) (done bool, err error) {
	from, list, err := a.readName()
	if err != nil {
		return false, err
	}
	a.args.Space()
	at := a.here()
	client, ok := a.args.String()
	name, isText := folders.Decode(client)
	if !ok || !isText {
		return false, wire.SyntaxError("RENAME takes two names of mailboxes")
	}
	if list == nil {
		if list, err = a.c.folderList(a.cmd, names.AnyAge); err != nil {
			return false, listUnavailable(a.cmd, err)
		}
	}
	to, err := a.c.login.names.Upstream(strings.TrimSuffix(name, a.c.login.names.Separator(list)), list.Without(from))
	if err != nil {
		return false, refuseArgument("NO [CANNOT] %s", err)
	}
	a.writeName(at, client, list.Wire(to))
	a.cmd.landed = onOK(func() {
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
func editNamespace(a *amendment) (done bool, err error) {
	c := a.c
	isOurs := a.hasFix(backend.FixRefusals) && c.login.profile.AnswersNamespace() || a.lacks("NAMESPACE")
	separator := "/"
	if hasNames(c.login) && (isOurs || c.login.names.Options.Prefix != "" || c.login.names.Options.Separator != "") {
		list, err := c.folderList(a.cmd, names.AnyAge)
		if err != nil {
			return false, listUnavailable(a.cmd, err)
		}
		separator = c.login.names.Separator(list)
		a.cmd.editor = &replies.Namespace{Separator: separator}
	}
	if !isOurs {
		return false, nil
	}
	c.repaired("refusals")
	if err := c.client.w.line("%s", replies.NamespaceLine(separator)); err != nil {
		return true, err
	}
	return true, c.client.w.line("%s OK NAMESPACE completed.", a.cmd.tag)
}

// editNoNames refuses commands that have mailbox names in many places. No Exchange
// knows these commands, so mapping their names is not worth an editor.
func editNoNames(a *amendment) (done bool, err error) {
	return false, refuseArgument("BAD %s is not offered while mailbox names are mapped (profile plain relays it)",
		a.cmd.verb)
}

// onOK returns a command.landed that calls do if the reply is OK.
func onOK(do func()) func(wire.Status) {
	return func(s wire.Status) {
		if s.Word == "OK" {
			do()
		}
	}
}
