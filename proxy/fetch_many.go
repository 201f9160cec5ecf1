package proxy

import (
	"fmt"
	"math"
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

// fetchMany relays a FETCH of the texts of several messages. Exchange is known to leave messages
// out of the reply and to say OK (docs/exchange.md#ex-78), which loses them in an import. exgate
// fetches these messages one by one, before the client gets the OK. Where that fails, it says so.
//
// What the client may see: a message that is gone is no hole. So only a message that Exchange gives
// the UID of, after the FETCH, is fetched again.
func (c *conn) fetchMany(a *amendment, f *replies.Fetching, set, items string) error {
	cmd := a.cmd
	asked := newAskedFor(c, cmd, set)
	if asked == nil {
		return c.sendCommand(a.cmd, a.pieces())
	}
	f.CountTexts()
	line := a.pieces()[0].line
	cmd.finish = func(status wire.Status) replies.Verdict {
		verdict := f.Finish(status)
		verdict.Hidden = verdict.Hidden || status.Word == "OK" && verdict.Instead == nil && asked.mayLack(f)
		return verdict
	}
	if err := c.sendCommand(a.cmd, a.pieces()); err != nil {
		return err
	}
	if err := c.awaitFlight(cmd.flight.isDone); err != nil {
		return err
	}
	status, ok := c.link.replyTo(cmd)
	if !ok || status.Word != "OK" || !cmd.flight.verdict.Hidden {
		return nil
	}
	lacking, err := asked.prove(f)
	if err != nil {
		return c.argumentFault(cmd, c.requestLost(cmd, err))
	}
	left := 0
	var named []string
	for i, number := range lacking {
		got := false
		if i < maxHoles && c.link.numbersHold(cmd) {
			if got, err = c.fetchHole(a, line, set, items, number); err != nil {
				return err
			}
		}
		if got {
			c.repaired(string(backend.FixMissingData))
			continue
		}
		if left++; left <= maxNamed {
			named = append(named, strconv.FormatUint(uint64(number), 10))
		}
	}
	if left == 0 {
		return c.client.w.line("%s OK %s", cmd.tag, status.Text)
	}
	c.log.Warn("Exchange left messages out of a FETCH, and does not send them one by one either",
		"messages", left, "first", strings.Join(named, ","), "uids", asked.byUID)
	text := replies.MissingTexts(left, strings.Join(named, ","), asked.byUID)
	if hasBodyItem(cmd.args) {
		return c.client.w.line("%s NO %s", cmd.tag, text)
	}
	// A client that lists headers must still be able to open the mailbox.
	if err := c.client.w.line("* NO %s", text); err != nil {
		return err
	}
	return c.client.w.line("%s OK %s", cmd.tag, status.Text)
}

// fetchHole fetches one message as the client has asked for it. got reports whether its text has
// come. The client does not get the tagged reply.
func (c *conn) fetchHole(a *amendment, line, set, items string, number uint32) (got bool, err error) {
	at := strings.Index(line[len(a.cmd.tag):], " "+set+" ") + len(a.cmd.tag) + 1
	one := strconv.FormatUint(uint64(number), 10)
	text := line[:at] + one + line[at+len(set):]
	_, rest, _ := strings.Cut(text, " ")
	_, args := wire.SplitVerb(rest)
	f := replies.NewFetching(a.cmd.tag, a.cmd.verb, a.wantedFixes(), one, items, line[at+len(set):], c.repaired, c.log)
	f.CountTexts()
	cmd := &command{tag: a.cmd.tag, verb: a.cmd.verb, args: args, rule: a.cmd.rule, editor: f}
	cmd.finish = func(wire.Status) replies.Verdict { return replies.Verdict{Hidden: true} }
	if err := c.relayDirect(cmd, text, nil); err != nil {
		return false, err
	}
	if err := c.awaitFlight(cmd.flight.isDone); err != nil {
		return false, err
	}
	return f.Texts() > 0, nil
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

// newAskedFor returns nil if nothing can be missed: the FETCH asks for one message, the selected
// mailbox is not known, or a range of UIDs is asked for something else than whole messages. What is
// missing in such a range only a further command could tell.
func newAskedFor(c *conn, cmd *command, set string) *askedFor {
	asked := &askedFor{c: c, cmd: cmd, set: set, byUID: strings.HasPrefix(cmd.verb, "UID")}
	highest := c.link.highest("")
	if highest == 0 || !strings.ContainsAny(set, ",:*") {
		return nil
	}
	if asked.byUID {
		if strings.ContainsAny(set, ":*") && !hasBodyItem(cmd.args) {
			return nil
		}
		asked.atMost = math.MaxInt // "*" stands for a UID that is not known
		if uids, ok := replies.ParseNumbers(set, 0); ok {
			asked.atMost = uids.Count()
		}
		return asked
	}
	var ok bool
	if asked.numbers, ok = replies.ParseNumbers(set, highest); !ok {
		return nil
	}
	return asked
}

// mayLack reports whether messages may be missing in the answer. link.mu is held.
func (q *askedFor) mayLack(f *replies.Fetching) bool {
	seen, ok := f.Seen()
	switch {
	case !ok || q.cmd.flight.expunges != q.c.link.expunges:
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
	_, err = q.c.askUpstream(q.cmd, "exgate looks for messages that Exchange left out", func() *backend.Request {
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
