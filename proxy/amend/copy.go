package amend

import (
	"strings"

	"exgate/backend"
	"exgate/backend/wire"
)

// Copy has the edits of COPY: a set of messages, and a mailbox.
var Copy = Edits{
	args: editCopy, names: mappedNames, Named: nameAfterSet, fixes: []backend.ReplyFix{backend.FixLongSets},
}

// Move has the edits of MOVE: the same, and messages are deleted.
var Move = Edits{
	args: editMove, names: mappedNames, Named: nameAfterSet, fixes: []backend.ReplyFix{backend.FixLongSets},
}

// Expunge has the edits of EXPUNGE.
var Expunge = Edits{args: editExpunge, names: mergedNames, fixes: []backend.ReplyFix{backend.FixLongSets}}

// editCopy maps the mailbox, and sends a COPY of many messages in parts.
func editCopy(cmd *Command) (done bool, err error) {
	cmd.args.Space()
	set, ok := cmd.args.Atom()
	if !ok {
		return false, wire.SyntaxError(cmd.Verb + " takes messages and a mailbox")
	}
	if cmd.Login.hasNames() {
		if _, _, err = cmd.readName(); err != nil {
			return false, err
		}
	}
	isCopy := strings.HasSuffix(cmd.Verb, "COPY")
	if cmd.hasFix(backend.FixLongSets) && (cmd.isLong() || isCopy && most(set) > copiedAtOnce) {
		return cmd.sendParts(set)
	}
	return false, nil
}

// editMove edits MOVE. Each message that moves renumbers those after it, and so may
// another client between two parts: only a UID MOVE can be sent in parts. A part may
// fail after others have moved, which RFC 6851 section 3.3 allows.
func editMove(cmd *Command) (done bool, err error) {
	if cmd.Login.hasMergedNames() {
		if _, err := guardDeletion(cmd); err != nil {
			return false, err
		}
	}
	if cmd.Verb == "MOVE" && cmd.hasFix(backend.FixLongSets) && cmd.isLong() {
		cmd.Session.Repaired("long-sets")
		return false, refuse("NO [LIMIT] the command is too long for Exchange, and a MOVE by message numbers "+
			"cannot be sent in parts: use UID MOVE, or at most %d bytes", MaxLine)
	}
	return editCopy(cmd)
}

// editExpunge edits EXPUNGE, and sends a long UID EXPUNGE (RFC 4315 section 2.1) in
// parts. UIDs stay the same from one part to the next.
func editExpunge(cmd *Command) (done bool, err error) {
	if cmd.Login.hasMergedNames() {
		if _, err := guardDeletion(cmd); err != nil {
			return false, err
		}
	}
	if cmd.Verb != "UID EXPUNGE" || !cmd.hasFix(backend.FixLongSets) || !cmd.isLong() {
		return false, nil
	}
	cmd.args.Space()
	set, ok := cmd.args.Atom()
	if !ok {
		return false, wire.SyntaxError(cmd.Verb + " takes messages")
	}
	return cmd.sendParts(set)
}

// isLong reports whether Exchange would refuse the command with its changes for its
// length, literals included (docs/exchange.md#ex-04).
func (cmd *Command) isLong() bool { return LengthOf(cmd.Pieces()) > MaxLine }
