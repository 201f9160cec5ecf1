package proxy

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"exgate/backend"
	"exgate/backend/wire"
	"exgate/proxy/mailbox"
	"exgate/proxy/replies"
)

// maxHoles is the number of messages that exgate fetches one by one after a FETCH that has left
// them out. maxNamed is how many of them the client and the log are told by number.
const (
	maxHoles = 1000
	maxNamed = 10
)

// manyFetch is a FETCH of the texts of several messages. Exchange is known to leave messages out of
// the reply and to say OK (docs/exchange.md#ex-78), which loses them in an import. exgate fetches
// these messages one by one, before the client gets the OK. Where that fails, it says so.
//
// What the client may see: a message that is gone is no hole. So only a message that Exchange gives
// the UID of, after the FETCH, is fetched again.
//
// A FETCH that is too long for Exchange is sent in parts (split.go), and each part is looked at for
// itself. The client gets the reply to the last one.
type manyFetch struct {
	c       *conn
	a       *amendment
	line    string // the whole command
	set     string // the message set in it
	items   string
	left    int      // messages that do not come one by one either
	named   []string // the first of them
	fetched int      // messages that were fetched one by one, or tried
	instead []byte   // the tagged reply in place of OK, after a substitute that was withheld
}

// fetchMany relays a FETCH of the texts of several messages.
func (c *conn) fetchMany(a *amendment, set, items string) error {
	m := &manyFetch{c: c, a: a, line: a.pieces()[0].line, set: set, items: items}
	parts := a.parts(set)
	if len(parts) > 1 {
		c.repaired("long-sets")
	}
	expunges := c.link.expunged()
	for i, part := range parts {
		status, isAnswered, err := m.fetchPart(part, i == len(parts)-1)
		switch {
		case err != nil || isAnswered:
			return err
		case i == len(parts)-1:
			return m.answer(status)
		case a.cmd.verb == "FETCH" && c.link.expunged() != expunges:
			return c.client.w.line("%s NO [EXPUNGEISSUED] %s", a.cmd.tag, renumbered)
		}
	}
	return nil
}

// fetchPart fetches the messages of a part of the set, and then one by one those that Exchange has
// left out. isAnswered reports whether the client has its tagged reply.
func (m *manyFetch) fetchPart(set string, isLast bool) (status wire.Status, isAnswered bool, err error) {
	c := m.c
	cmd, text, f := m.command(set)
	asked := newAskedFor(c, cmd, set)
	cmd.finish = func(status wire.Status) replies.Verdict {
		verdict := f.Finish(status)
		if status.Word != "OK" {
			return verdict
		}
		if verdict.Instead != nil {
			m.instead = verdict.Instead
		}
		if holds := cmd.flight.expunges == c.link.expunges; isLast && m.left == 0 && !(holds && asked.mayLack(f)) {
			return replies.Verdict{Instead: m.instead}
		}
		return replies.Verdict{Hidden: true}
	}
	if err := c.relayDirect(cmd, text, nil); err != nil {
		return status, true, err
	}
	if err := c.awaitFlight(cmd.flight.isDone); err != nil {
		return status, true, err
	}
	status, ok := c.link.replyTo(cmd)
	if !ok || status.Word != "OK" || !cmd.flight.verdict.Hidden {
		return status, true, nil
	}
	if !c.link.numbersHold(cmd) || !asked.mayLack(f) {
		return status, false, nil
	}
	lacking, err := asked.prove(f)
	if err != nil {
		return status, true, c.answerFault(cmd, c.requestLost(cmd, err))
	}
	isAnswered, err = m.fetchHoles(cmd, lacking)
	return status, isAnswered, err
}

// fetchHoles fetches the messages that cmd has left out, one by one. isAnswered reports whether the
// client has its tagged reply.
func (m *manyFetch) fetchHoles(cmd *command, lacking []uint32) (isAnswered bool, err error) {
	for _, number := range lacking {
		got := false
		if m.fetched < maxHoles && m.c.link.numbersHold(cmd) {
			m.fetched++
			if got, isAnswered, err = m.fetchHole(number); err != nil || isAnswered {
				return true, err
			}
		}
		if got {
			m.c.repaired(string(backend.FixMissingData))
			continue
		}
		if m.left++; m.left <= maxNamed {
			m.named = append(m.named, strconv.FormatUint(uint64(number), 10))
		}
	}
	return false, nil
}

// command returns the FETCH for a part of the set, its line, and the editor that counts the texts.
func (m *manyFetch) command(set string) (cmd *command, text string, f *replies.Fetching) {
	whole := m.a.cmd
	at := strings.Index(m.line[len(whole.tag):], " "+m.set+" ") + len(whole.tag) + 1
	behind := m.line[at+len(m.set):]
	text = m.line[:at] + set + behind
	_, rest, _ := strings.Cut(text, " ")
	_, args := wire.SplitVerb(rest)
	f = replies.NewFetching(whole.tag, whole.verb, m.a.wantedFixes(), set, m.items, behind, m.c.repaired, m.c.log)
	f.CountTexts()
	return &command{tag: whole.tag, verb: whole.verb, args: args, rule: whole.rule, editor: f}, text, f
}

// fetchHole fetches one message as the client has asked for it. got reports whether its text has
// come. The client does not get the tagged reply, unless the connection is lost again and again:
// isAnswered reports whether it has.
func (m *manyFetch) fetchHole(number uint32) (got, isAnswered bool, err error) {
	cmd, text, f := m.command(strconv.FormatUint(uint64(number), 10))
	cmd.finish = func(status wire.Status) replies.Verdict {
		if verdict := f.Finish(status); verdict.Instead != nil {
			m.instead = verdict.Instead
		}
		return replies.Verdict{Hidden: true}
	}
	if err := m.c.relayDirect(cmd, text, nil); err != nil {
		return false, true, err
	}
	if err := m.c.awaitFlight(cmd.flight.isDone); err != nil {
		return false, true, err
	}
	status, _ := m.c.link.replyTo(cmd)
	return f.Texts() > 0, status.Word == "", nil
}

// answer gives the client the tagged reply, after the OK to the last part.
func (m *manyFetch) answer(status wire.Status) error {
	c, tag, byUID := m.c, m.a.cmd.tag, strings.HasPrefix(m.a.cmd.verb, "UID")
	switch {
	case m.left > 0:
	case m.instead != nil:
		return c.client.w.line("%s", bytes.TrimSpace(m.instead))
	default:
		return c.client.w.line("%s OK %s", tag, status.Text)
	}
	named := strings.Join(m.named, ",")
	c.log.Warn("Exchange left messages out of a FETCH, and does not send them one by one either",
		"messages", m.left, "first", named, "uids", byUID)
	text := replies.MissingTexts(m.left, named, byUID)
	if hasBodyItem(m.a.cmd.args) {
		return c.client.w.line("%s NO %s", tag, text)
	}
	// A client that lists headers must still be able to open the mailbox.
	if err := c.client.w.line("* NO %s", text); err != nil {
		return err
	}
	return c.client.w.line("%s OK %s", tag, status.Text)
}

// askedFor is what a FETCH of several messages asks for.
type askedFor struct {
	c     *conn
	cmd   *command
	byUID bool
	set   string

	numbers replies.Numbers // by number: those that must be answered
	atMost  int             // by UID: how many there can be
}

// newAskedFor returns nil if nothing can be missed: the selected mailbox is not known, or the set is
// none that exgate understands.
func newAskedFor(c *conn, cmd *command, set string) *askedFor {
	asked := &askedFor{c: c, cmd: cmd, set: set, byUID: strings.HasPrefix(cmd.verb, "UID")}
	highest := c.link.highest("")
	if highest == 0 {
		return nil
	}
	if asked.byUID {
		asked.atMost = int(highest)
		if uids, ok := replies.ParseNumbers(set, 0); ok { // "*" stands for a UID that is not known
			asked.atMost = min(asked.atMost, uids.Count())
		}
		return asked
	}
	var ok bool
	if asked.numbers, ok = replies.ParseNumbers(set, highest); !ok {
		return nil
	}
	return asked
}

// mayLack reports whether messages may be missing in the answer, if none was expunged meanwhile.
func (q *askedFor) mayLack(f *replies.Fetching) bool {
	if q == nil {
		return false
	}
	seen, ok := f.Seen()
	switch {
	case !ok:
		return false
	case q.byUID:
		return f.Texts() < q.atMost
	}
	rest, _ := q.numbers.Without(seen, 1)
	return len(rest) > 0
}

// prove returns the messages that exist and are missing in the answer: their UIDs if the FETCH was
// by UID, their numbers otherwise.
func (q *askedFor) prove(f *replies.Fetching) (lacking []uint32, err error) {
	seen, _ := f.Seen()
	set, highest := q.set, q.c.link.highest("")
	if !q.byUID {
		rest, _ := q.numbers.Without(seen, maxCandidates)
		set = joinNumbers(rest)
	}
	_, err = q.c.readUpstream(q.cmd, "exgate looks for messages that Exchange left out", func() *backend.Request {
		lacking = nil
		req := backend.NewRequest(q.cmd.verb).Raw(set).Raw("(UID)")
		req.Untagged = func(line []byte) bool {
			n, uid, ok := mailbox.FetchedUID(line)
			if !ok || seen.Has(n) || n > highest {
				return ok
			}
			if q.byUID {
				n = uid
			}
			lacking = append(lacking, n)
			return true
		}
		return req
	})
	if !q.c.link.numbersHold(q.cmd) {
		return nil, err
	}
	return lacking, err
}

// maxCandidates is the number of messages that one FETCH looks for.
const maxCandidates = 100_000

// joinNumbers writes ascending numbers as a message set. It leaves out what Exchange would not take
// in one line.
func joinNumbers(numbers []uint32) string {
	var b strings.Builder
	for i := 0; i < len(numbers) && b.Len() < maxUpstreamLine-100; i++ {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprint(&b, numbers[i])
		from := i
		for i+1 < len(numbers) && numbers[i+1] == numbers[i]+1 {
			i++
		}
		if i > from {
			fmt.Fprintf(&b, ":%d", numbers[i])
		}
	}
	return b.String()
}

// numbersHold reports whether no message has been expunged since the command was sent.
func (l *link) numbersHold(cmd *command) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return cmd.flight.expunges == l.expunges
}
