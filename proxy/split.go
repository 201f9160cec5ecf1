package proxy

import (
	"strings"

	"exgate/backend"
	"exgate/backend/wire"
	"exgate/proxy/replies"
)

// maxUpstreamLine is what a command may be long upstream, in bytes: less than
// Exchange's MaxCommandSize of 10,240 (docs/exchange.md#ex-04), of which it is not
// known what counts.
const maxUpstreamLine = 10_000

// isTooLong tells whether Exchange would refuse the command for its length.
func (a *amendment) isTooLong() bool {
	return a.hasFix(backend.FixLongSets) && len(a.texts) == 1 && len(a.texts[0]) > maxUpstreamLine
}

// sendSplit sends a command once for each part of its set, one after the other,
// and gives the client one reply: that to the last, or the first which is not
// OK.
func (c *conn) sendSplit(a *amendment, set string) error {
	line := a.pieces()[0].line
	at := strings.Index(line, set)
	room := maxUpstreamLine - (len(line) - len(set))
	if at < 0 || room < minSetPart {
		return c.sendAmended(a) // it is not the set that makes it long
	}
	c.repaired("long-sets")
	results := &replies.SearchResults{}
	parts := replies.SplitSet(set, room)
	for i, part := range parts {
		text := line[:at] + part + line[at+len(set):]
		_, rest, _ := strings.Cut(text, " ")
		_, args := wire.SplitVerb(rest)
		cmd := &command{tag: a.cmd.tag, verb: a.cmd.verb, args: args, rule: a.cmd.rule, editor: a.cmd.editor, finish: a.cmd.finish}
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
	}
	return nil
}

// minSetPart is a part of a set that is worth a command.
const minSetPart = 1000
