package proxy

import (
	"strings"

	"exgate/backend/folders"
	"exgate/backend/wire"
)

// The argument editors for names of mailboxes. Each knows where in the
// arguments of its commands a name stands.

// mapsNames is the condition of all of them.
func mapsNames(l *login) bool { return l.names != nil }

var (
	firstName  = edits{editFirstName, mapsNames}   // SELECT, STATUS, SUBSCRIBE and so on
	secondName = edits{editSecondName, mapsNames}  // COPY, MOVE: after the messages
	movedName  = edits{editMovedName, mapsNames}   // MOVE, which deletes as well
	bothNames  = edits{editBothNames, mapsNames}   // RENAME
	optionName = edits{editOptionName, mapsNames}  // GETMETADATA: after its options
	newName    = edits{editNewName, mapsNames}     // CREATE
	oldName    = edits{editOldName, mapsNames}     // DELETE
	deletes    = edits{guardDeletion, mergesNames} // EXPUNGE
	namespace  = edits{editNamespace, mapsNames}   // NAMESPACE
	noNames    = edits{editNoNames, mapsNames}     // NOTIFY and others, whose names are not mapped
)

// listNames is for LIST and LSUB, and for what is answered to them.
var listNames = edits{editListNames, func(l *login) bool { return mapsNames(l) || l.policy.Replies.ListNames }}

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
		a.replace(from, wire.AString(onWire))
	}
	return mailbox, list, nil
}

func editFirstName(a *amendment) (done bool, err error) {
	mailbox, list, err := a.name()
	if err != nil {
		return false, err
	}
	if strings.HasPrefix(a.cmd.verb, "GET") || a.cmd.verb == "STATUS" || strings.HasSuffix(a.cmd.verb, "RIGHTS") {
		a.cmd.editor = &nameLines{names: a.c.login.names, list: list, asked: a.cmd.mailbox, mailbox: mailbox}
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

// mergesNames is the condition of what guards merged mailboxes.
func mergesNames(l *login) bool { return l.names != nil && l.names.opts.Case == folders.Merge }

// guardDeletion refuses to delete messages in a mailbox that clients know by
// several names: one that synchronizes the one name deletes what belongs to the
// other, as imapsync's --delete2 does (requirements S116).
func guardDeletion(a *amendment) (done bool, err error) {
	c := a.c
	c.mu.Lock()
	mailbox, _ := folders.Decode(c.view.mailbox)
	c.mu.Unlock()
	names := c.login.account.known.called(mailbox)
	if len(names) < 2 {
		return false, nil
	}
	return false, refuseArgument("NO [CANNOT] %q are one mailbox here (names.case: merge): "+
		"what is deleted for the one would be missing in the other; use names.case: apart", names)
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
		if list, err = a.c.folders(a.cmd, anyAge); err != nil {
			return false, unavailable(err)
		}
	}
	to, err := a.c.login.names.Upstream(strings.TrimSuffix(name, a.c.login.names.Separator(list)), list.Without(from))
	if err != nil {
		return false, refuseArgument("NO [CANNOT] %s", err)
	}
	if onWire := list.Wire(to); onWire != client || at.text != a.here().text {
		a.replace(at, wire.AString(onWire))
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
	if o := a.c.login.names.opts; o.Prefix != "" || o.Separator != "" {
		list, err := a.c.folders(a.cmd, anyAge)
		if err != nil {
			return false, unavailable(err)
		}
		a.cmd.editor = &ownNamespace{separator: a.c.login.names.Separator(list)}
	}
	return false, nil
}

// ownNamespace is the reply editor of NAMESPACE: there is one, without a
// prefix, since that is put before names here.
type ownNamespace struct {
	separator string
	gathered
}

// wants implements replyEditor.
func (n *ownNamespace) wants(line []byte) bool { return wire.IsUntagged(line, "NAMESPACE") }

// edit implements replyEditor.
func (n *ownNamespace) edit(out []byte, f wire.Fragment) (edited []byte, same bool) {
	resp, ok := n.gather(f)
	if resp == nil || !ok {
		return append(out, resp...), false
	}
	quoted := `"` + strings.ReplaceAll(n.separator, `\`, `\\`) + `"`
	return append(out, `* NAMESPACE (("" `+quoted+`)) NIL NIL`+"\r\n"...), false
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

// nameLines is the reply editor for responses that begin with the name of the
// mailbox that was asked about.
type nameLines struct {
	names          *names
	list           *folders.List
	asked, mailbox string // the client's name as it came, and the upstream's
	gathered
}

// wants implements replyEditor.
func (n *nameLines) wants(line []byte) bool { return wire.IsUntagged(line, nameFirst...) }

// edit implements replyEditor.
func (n *nameLines) edit(out []byte, f wire.Fragment) (edited []byte, same bool) {
	resp, l, ok := n.gatherListed(f)
	if !ok {
		return append(out, resp...), false
	}
	client := n.asked // in the client's own spelling
	if name, _ := folders.Decode(string(l.mailbox)); !strings.EqualFold(name, n.mailbox) {
		shown, ok := n.names.Client(name, n.list)
		if !ok {
			return out, false
		}
		client = folders.Encode(shown)
	}
	return l.appendTo(out, resp, listedEdit{mailbox: client}), false
}

// gathered keeps a response together that comes in fragments.
type gathered struct {
	buf   []byte
	whole bool // nothing was given away yet
}

// maxGathered bounds a response that is kept: more than any name and what
// stands beside it.
const maxGathered = 32 << 10

// gatherListed gathers a response and takes it apart. Where ok is false, resp is
// what can be given away of it by now.
func (g *gathered) gatherListed(f wire.Fragment) (resp []byte, l listed, ok bool) {
	if resp, ok = g.gather(f); resp == nil || !ok {
		return resp, l, false
	}
	l, ok = parseListed(resp)
	return resp, l, ok
}

// gather returns a response when it is complete: what came in one fragment is
// not copied. One that grows too long is returned piece by piece; ok is then
// false, and it cannot be edited.
func (g *gathered) gather(f wire.Fragment) (resp []byte, ok bool) {
	if f.First {
		g.buf, g.whole = g.buf[:0], true
		if f.Last {
			return f.Data, true
		}
	}
	g.buf = append(g.buf, f.Data...)
	switch {
	case f.Last && g.whole:
		return g.buf, true
	case f.Last || len(g.buf) > maxGathered:
		resp = append([]byte(nil), g.buf...)
		g.buf, g.whole = g.buf[:0], false
		return resp, false
	}
	return nil, true
}
