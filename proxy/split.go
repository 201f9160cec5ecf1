package proxy

import (
	"strings"

	"exgate/backend"
	"exgate/backend/wire"
	"exgate/proxy/replies"
)

// maxUpstreamLine is the longest command line that exgate sends to Exchange, in
// bytes. Exchange's MaxCommandSize is 10,240 (docs/exchange.md#ex-04). Which bytes
// it counts is not documented, so some room is left.
const maxUpstreamLine = 10_000

// isTooLong reports whether Exchange would refuse the command for its length.
func (a *amendment) isTooLong() bool {
	return a.hasFix(backend.FixLongSets) && len(a.texts) == 1 && len(a.texts[0]) > maxUpstreamLine
}

// parts returns the message set in parts with which the command is short enough. It is one part if
// the command is short enough as it is, or if something else than the set makes it long.
func (a *amendment) parts(set string) []string {
	line := a.pieces()[0].line
	room := maxUpstreamLine - (len(line) - len(set))
	if !a.isTooLong() || room < minSetPart || !strings.Contains(line, set) {
		return []string{set}
	}
	return replies.SplitSet(set, room)
}

// sendSplit sends a command once for each part of its message set, one after the
// other. It stops at the first reply that is not OK. The client gets one tagged
// reply: the last.
func (c *conn) sendSplit(a *amendment, set string) error {
	parts := a.parts(set)
	if len(parts) == 1 {
		return c.sendCommand(a.cmd, a.pieces())
	}
	line := a.pieces()[0].line
	at := strings.Index(line, set)
	c.repaired("long-sets")
	results := &replies.SearchResults{}
	expunges := c.link.expunged()
	for i, part := range parts {
		text := line[:at] + part + line[at+len(set):]
		_, rest, _ := strings.Cut(text, " ")
		_, args := wire.SplitVerb(rest)
		cmd := &command{
			tag: a.cmd.tag, verb: a.cmd.verb, args: args, rule: a.cmd.rule, editor: a.cmd.editor, finish: a.cmd.finish,
		}
		if strings.HasSuffix(cmd.verb, "SEARCH") {
			results.Last = i == len(parts)-1
			cmd.editor = results
		}
		if i < len(parts)-1 {
			cmd.finish = func(s wire.Status) replies.Verdict { return replies.Verdict{Hidden: s.Word == "OK"} }
		}
		if err := c.relayDirect(cmd, text, nil); err != nil {
			return err
		}
		if err := c.awaitFlight(cmd.flight.isDone); err != nil {
			return err
		}
		if cmd.flight.status.Word != "OK" {
			return nil
		}
		if i < len(parts)-1 && !strings.HasPrefix(cmd.verb, "UID") && c.link.expunged() != expunges {
			return c.client.w.line("%s NO [EXPUNGEISSUED] %s", a.cmd.tag, renumbered)
		}
	}
	return nil
}

// renumbered is said of a command in parts by message numbers, if a message was expunged between them
// (RFC 5530, EXPUNGEISSUED): the numbers of the next parts would be those of other messages.
const renumbered = "messages were expunged meanwhile, and the numbers of the others have changed"

// minSetPart is the least room for a part of the set, in bytes: with less, a
// command would be split into too many.
const minSetPart = 1000
