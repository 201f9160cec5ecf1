package amend

import (
	"strings"

	"exgate/backend"
	"exgate/proxy/replies"
)

// MaxLine is the longest command line that exgate sends to Exchange, in
// bytes. Exchange's MaxCommandSize is 10,240 (docs/exchange.md#ex-04). Which bytes
// it counts is not documented, so some room is left.
const MaxLine = 10_000

// isTooLong reports whether Exchange would refuse the command for its length.
func (cmd *Command) isTooLong() bool {
	return cmd.hasFix(backend.FixLongSets) && len(cmd.texts) == 1 && len(cmd.texts[0]) > MaxLine
}

// parts returns the message set in parts with which the command is short enough. It is one part if
// the command is short enough as it is, or if something else than the set makes it long.
func (cmd *Command) parts(set string) []string {
	line := cmd.Pieces()[0].Line
	room := MaxLine - (len(line) - len(set))
	if !cmd.isTooLong() || room < minSetPart || !strings.Contains(line, set) {
		return []string{set}
	}
	return replies.SplitSet(set, room)
}

// sendSplit sends a command once for each part of its message set, one after the
// other. It stops at the first reply that is not OK. The client gets one tagged
// reply: the last. done is false for a command that is to be sent as a whole.
func (cmd *Command) sendSplit(set string) (done bool, err error) {
	parts := cmd.parts(set)
	if len(parts) == 1 {
		return false, nil
	}
	line := cmd.Pieces()[0].Line
	at := strings.Index(line, set)
	cmd.Session.Repaired("long-sets")
	results := &replies.SearchResults{}
	expunges := cmd.Session.Mailbox().Expunged
	for i, part := range parts {
		how := Handling{Editor: cmd.Editor, Finish: cmd.Finish}
		if strings.HasSuffix(cmd.Verb, "SEARCH") {
			results.Last = i == len(parts)-1
			how.Editor = results
		}
		if i < len(parts)-1 {
			how.Finish = hideOK
		}
		text := line[:at] + part + line[at+len(set):]
		if reply, err := cmd.Session.Send([]Piece{{Line: text}}, how); err != nil || reply.Status.Word != "OK" {
			return true, err
		}
		if i < len(parts)-1 && !strings.HasPrefix(cmd.Verb, "UID") && cmd.Session.Mailbox().Expunged != expunges {
			return true, cmd.Session.Say("%s NO [EXPUNGEISSUED] %s", cmd.Tag, renumbered)
		}
	}
	return true, nil
}

// hideOK is a Handling.Finish that keeps an OK from the client.
func hideOK(r Reply) replies.Verdict { return replies.Verdict{Hidden: r.Status.Word == "OK"} }

// renumbered is said of a command in parts by message numbers, if a message was expunged between them
// (RFC 5530, EXPUNGEISSUED): the numbers of the next parts would be those of other messages.
const renumbered = "messages were expunged meanwhile, and the numbers of the others have changed"

// minSetPart is the least room for a part of the set, in bytes: with less, a
// command would be split into too many.
const minSetPart = 1000
