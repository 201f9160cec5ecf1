package proxy

import (
	"bytes"
	"strings"

	"exgate/backend/wire"
)

// maxUpstreamLine is what a command may be long upstream, in bytes: less than
// Exchange's MaxCommandSize of 10,240 (behaviour notes §4.1), of which it is not
// known what counts.
const maxUpstreamLine = 10_000

// tooLong tells whether Exchange would refuse the command for its length.
func (a *amendment) tooLong() bool {
	return a.c.login.policy.Replies.LongSets && len(a.texts) == 1 && len(a.texts[0]) > maxUpstreamLine
}

// splitSet cuts a set of messages into parts of at most size bytes.
func splitSet(set string, size int) (parts []string) {
	for len(set) > size {
		at := strings.LastIndexByte(set[:size+1], ',')
		if at <= 0 {
			return append(parts, set)
		}
		parts = append(parts, set[:at])
		set = set[at+1:]
	}
	return append(parts, set)
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
	results := &searching{}
	parts := splitSet(set, room)
	for i, part := range parts {
		text := line[:at] + part + line[at+len(set):]
		_, rest, _ := strings.Cut(text, " ")
		_, args := wire.SplitVerb(rest)
		cmd := &command{tag: a.cmd.tag, verb: a.cmd.verb, args: args, route: a.cmd.route, editor: a.cmd.editor, finish: a.cmd.finish}
		if strings.HasSuffix(cmd.verb, "SEARCH") {
			results.last = i == len(parts)-1
			cmd.editor = results
		}
		if i < len(parts)-1 {
			cmd.finish = func(s wire.Status) { cmd.hidden = s.Word == "OK" }
		}
		if err := c.direct(cmd, text, nil); err != nil {
			return err
		}
		if err := c.awaitFlight(func() bool { return cmd.done }); err != nil {
			return err
		}
		if cmd.status.Word != "OK" {
			return nil
		}
	}
	return nil
}

// minSetPart is a part of a set that is worth a command.
const minSetPart = 1000

// searching is the reply editor that makes one result of several.
type searching struct {
	numbers []byte
	last    bool // those of the last part come now
}

// maxNumbers bounds what is kept of results: half a million messages. What is
// more is given to the client as a response of its own, which RFC 9051 does not
// forbid.
const maxNumbers = 4 << 20

// wants implements replyEditor.
func (s *searching) wants(line []byte) bool {
	return wire.IsUntagged(line, "SEARCH") || bytes.EqualFold(bytes.TrimRight(line, "\r\n"), []byte("* SEARCH"))
}

// edit implements replyEditor.
func (s *searching) edit(out []byte, f wire.Fragment) (edited []byte, same bool) {
	data := bytes.TrimRight(f.Data, "\r\n")
	if f.First {
		data = data[len("* SEARCH"):]
	}
	s.numbers = append(s.numbers, data...)
	if !f.Last || !s.last && len(s.numbers) < maxNumbers {
		return out, false
	}
	out = append(append(append(out, "* SEARCH"...), s.numbers...), "\r\n"...)
	s.numbers = s.numbers[:0]
	return out, false
}
