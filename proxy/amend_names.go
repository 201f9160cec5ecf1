package proxy

import (
	"strings"

	"exgate/backend"
	"exgate/backend/folders"
	"exgate/backend/wire"
	"exgate/proxy/names"
	"exgate/proxy/replies"
)

// The argument editors for names of mailboxes. Each knows where in the
// arguments of its commands a name stands.

// hasNames reports whether names of mailboxes are mapped for a login.
func hasNames(l *login) bool { return l.names != nil }

var (
	firstNameEdits  = edits{args: editFirstName, names: mappedNames}  // SELECT, STATUS, SUBSCRIBE and so on
	secondNameEdits = edits{args: editSecondName, names: mappedNames} // COPY, MOVE: after the messages
	movedNameEdits  = edits{args: editMovedName, names: mappedNames}  // MOVE, which deletes as well
	bothNamesEdits  = edits{args: editBothNames, names: mappedNames}  // RENAME
	optionNameEdits = edits{args: editOptionName, names: mappedNames} // GETMETADATA: after its options
	newNameEdits    = edits{args: editNewName, names: mappedNames}    // CREATE
	oldNameEdits    = edits{args: editOldName, names: mappedNames}    // DELETE
	expungeEdits    = edits{args: guardDeletion, names: mergedNames}  // EXPUNGE
	namespaceEdits  = edits{args: editNamespace, names: mappedNames}  // NAMESPACE
	noNamesEdits    = edits{args: editNoNames, names: mappedNames}    // NOTIFY and others, whose names are not mapped
)

// listEdits is for LIST and LSUB, and for what is answered to them.
var listEdits = edits{args: editListNames, names: mappedNames, fixes: []backend.ReplyFix{backend.FixListNames}}

// name reads the name that comes next, and puts the upstream's in its place.
func (a *amendment) name() (mailbox string, list *folders.List, err error) {
	a.args.Space()
	from := a.here()
	client, ok := a.args.String()
	if !ok {
		return "", nil, wire.SyntaxError(a.cmd.verb + " takes the name of a mailbox")
	}
	mailbox, list, err = a.c.upstreamMailbox(a.cmd, client)
	if err != nil {
		return "", nil, err
	}
	onWire := list.Wire(mailbox)
	if a.cmd.mailbox == "" {
		a.cmd.mailbox = client
	}
	if onWire != client || from.text != a.here().text { // a literal is spared a round trip
		a.replaceName(from, "", onWire)
	}
	return mailbox, list, nil
}

func editFirstName(a *amendment) (done bool, err error) {
	mailbox, list, err := a.name()
	if err != nil {
		return false, err
	}
	if strings.HasPrefix(a.cmd.verb, "GET") || a.cmd.verb == "STATUS" || strings.HasSuffix(a.cmd.verb, "RIGHTS") {
		a.cmd.editor = &replies.NameLines{Mapper: a.c.login.names.Mapper, List: list, Asked: a.cmd.mailbox, Mailbox: mailbox}
	}
	return false, nil
}

func editSecondName(a *amendment) (done bool, err error) {
	a.args.Space()
	if _, ok := a.args.Atom(); !ok {
		return false, wire.SyntaxError(a.cmd.verb + " takes messages and a mailbox")
	}
	_, _, err = a.name()
	return false, err
}

func editMovedName(a *amendment) (done bool, err error) {
	if _, err := guardDeletion(a); err != nil {
		return false, err
	}
	return editSecondName(a)
}

func editOptionName(a *amendment) (done bool, err error) {
	a.args.Space()
	if _, ok := a.args.List(); !ok {
		return false, wire.SyntaxError(a.cmd.verb + ": the options have no end")
	}
	return editFirstName(a)
}

// hasMergedNames is the condition of what guards merged mailboxes.
func hasMergedNames(l *login) bool { return l.names != nil && l.names.Options.Case == folders.Merge }

// guardDeletion refuses to delete messages in a mailbox that clients know by
// several names: one that synchronizes the one name deletes what belongs to the
// other, as imapsync's --delete2 does (docs/exchange.md#case).
func guardDeletion(a *amendment) (done bool, err error) {
	c := a.c
	mailbox, _ := folders.Decode(c.link.selected().Mailbox)
	called := c.login.account.known.Called(mailbox)
	if len(called) < 2 {
		return false, nil
	}
	return false, refuseArgument("NO [CANNOT] %q are one mailbox here (names.case: merge): "+
		"what is deleted for the one would be missing in the other; use names.case: apart", called)
}

// editOldName is for DELETE: afterwards the mailbox is known to be gone.
func editOldName(a *amendment) (done bool, err error) {
	mailbox, list, err := a.name()
	if list != nil {
		a.cmd.landed = onOK(func() { list.Remove(mailbox) })
	}
	return false, err
}

// editBothNames is for RENAME. The new name may be the old one in another case.
func editBothNames(a *amendment) (done bool, err error) {
	from, list, err := a.name()
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
		if list, err = a.c.folders(a.cmd, names.AnyAge); err != nil {
			return false, unavailable(err)
		}
	}
	to, err := a.c.login.names.Upstream(strings.TrimSuffix(name, a.c.login.names.Separator(list)), list.Without(from))
	if err != nil {
		return false, refuseArgument("NO [CANNOT] %s", err)
	}
	if onWire := list.Wire(to); onWire != client || at.text != a.here().text {
		a.replaceName(at, "", onWire)
	}
	a.cmd.landed = onOK(func() {
		if from == "INBOX" { // it stays, empty (RFC 9051 section 6.3.6)
			list.Add(to)
			return
		}
		list.Rename(from, to)
	})
	return false, nil
}

// editNamespace has the answer say what names look like here.
func editNamespace(a *amendment) (done bool, err error) {
	if o := a.c.login.names.Options; o.Prefix != "" || o.Separator != "" {
		list, err := a.c.folders(a.cmd, names.AnyAge)
		if err != nil {
			return false, unavailable(err)
		}
		a.cmd.editor = &replies.Namespace{Separator: a.c.login.names.Separator(list)}
	}
	return false, nil
}

// editNoNames refuses commands in which names stand in many places, and which
// no Exchange knows.
func editNoNames(a *amendment) (done bool, err error) {
	return false, refuseArgument("BAD %s is not offered where names of mailboxes are mapped (profile plain relays it)", a.cmd.verb)
}

// onOK makes a command's landed of what is to be done if it was successful.
func onOK(do func()) func(wire.Status) {
	return func(s wire.Status) {
		if s.Word == "OK" {
			do()
		}
	}
}
