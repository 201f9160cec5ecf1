package proxy

import (
	"strings"

	"exgate/backend"
	"exgate/backend/wire"
)

// copyEdits are the edits of COPY: a set of messages, and a mailbox.
var copyEdits = edits{
	args: editCopy, names: mappedNames, named: nameAfterSet, fixes: []backend.ReplyFix{backend.FixLongSets},
}

// moveEdits are the edits of MOVE: the same, and messages are deleted.
var moveEdits = edits{
	args: editMove, names: mappedNames, named: nameAfterSet, fixes: []backend.ReplyFix{backend.FixLongSets},
}

// expungeEdits are the edits of EXPUNGE.
var expungeEdits = edits{args: editExpunge, names: mergedNames, fixes: []backend.ReplyFix{backend.FixLongSets}}

// editCopy maps the mailbox, and sends a COPY of many messages in parts.
func editCopy(a *amendment) (done bool, err error) {
	a.args.Space()
	set, ok := a.args.Atom()
	if !ok {
		return false, wire.SyntaxError(a.cmd.verb + " takes messages and a mailbox")
	}
	if hasNames(a.c.login) {
		if _, _, err = a.readName(); err != nil {
			return false, err
		}
	}
	isCopy := strings.HasSuffix(a.cmd.verb, "COPY")
	if a.hasFix(backend.FixLongSets) && (a.isLong() || isCopy && most(set) > copiedAtOnce) {
		return true, a.c.sendParts(a, set)
	}
	return false, nil
}

// editMove edits MOVE. Each message that moves renumbers those after it, and so may
// another client between two parts: only a UID MOVE can be sent in parts. A part may
// fail after others have moved, which RFC 6851 section 3.3 allows.
func editMove(a *amendment) (done bool, err error) {
	if hasMergedNames(a.c.login) {
		if _, err := guardDeletion(a); err != nil {
			return false, err
		}
	}
	if a.cmd.verb == "MOVE" && a.hasFix(backend.FixLongSets) && a.isLong() {
		a.c.repaired("long-sets")
		return false, refuseArgument("NO [LIMIT] the command is too long for Exchange, and a MOVE by message numbers "+
			"cannot be sent in parts: use UID MOVE, or at most %d bytes", maxUpstreamLine)
	}
	return editCopy(a)
}

// editExpunge edits EXPUNGE, and sends a long UID EXPUNGE (RFC 4315 section 2.1) in
// parts. UIDs stay the same from one part to the next.
func editExpunge(a *amendment) (done bool, err error) {
	if hasMergedNames(a.c.login) {
		if _, err := guardDeletion(a); err != nil {
			return false, err
		}
	}
	if a.cmd.verb != "UID EXPUNGE" || !a.hasFix(backend.FixLongSets) || !a.isLong() {
		return false, nil
	}
	a.args.Space()
	set, ok := a.args.Atom()
	if !ok {
		return false, wire.SyntaxError(a.cmd.verb + " takes messages")
	}
	return true, a.c.sendParts(a, set)
}

// isLong reports whether Exchange would refuse the command with its changes for its
// length, literals included (docs/exchange.md#ex-04).
func (a *amendment) isLong() bool { return lengthOf(a.pieces()) > maxUpstreamLine }

// lengthOf returns the number of bytes of a command in pieces.
func lengthOf(pieces []piece) (n int) {
	for _, p := range pieces {
		n += len(p.line) + len(p.literal)
	}
	return n
}
