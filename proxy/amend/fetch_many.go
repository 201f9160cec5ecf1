package amend

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
	cmd     *Command
	line    string // the whole command
	set     string // the message set in it
	items   string
	left    int      // messages that do not come one by one either
	named   []string // the first of them
	fetched int      // messages that were fetched one by one, or tried
	instead []byte   // the tagged reply in place of OK, after a substitute that was withheld
}

// fetchMany relays a FETCH of the texts of several messages.
func (cmd *Command) fetchMany(set, items string) error {
	m := &manyFetch{cmd: cmd, line: cmd.Pieces()[0].Line, set: set, items: items}
	parts := cmd.parts(set)
	if len(parts) > 1 {
		cmd.Session.Repaired("long-sets")
	}
	expunges := cmd.Session.Mailbox().Expunged
	for i, part := range parts {
		status, isAnswered, err := m.fetchPart(part, i == len(parts)-1)
		switch {
		case err != nil || isAnswered:
			return err
		case i == len(parts)-1:
			return m.answer(status)
		case cmd.Verb == "FETCH" && cmd.Session.Mailbox().Expunged != expunges:
			return cmd.Session.Say("%s NO [EXPUNGEISSUED] %s", cmd.Tag, renumbered)
		}
	}
	return nil
}

// fetchPart fetches the messages of a part of the set, and then one by one those that Exchange has
// left out. isAnswered reports whether the client has its tagged reply.
func (m *manyFetch) fetchPart(set string, isLast bool) (status wire.Status, isAnswered bool, err error) {
	pieces, f := m.part(set)
	asked := newAskedFor(m.cmd, set)
	isHidden := false
	finish := func(r Reply) replies.Verdict {
		verdict := f.Finish(r.Status)
		if r.Status.Word != "OK" {
			return verdict
		}
		if verdict.Instead != nil {
			m.instead = verdict.Instead
		}
		if isLast && m.left == 0 && !(r.Sent == r.Now && asked.mayLack(f)) {
			return replies.Verdict{Instead: m.instead}
		}
		isHidden = true
		return replies.Verdict{Hidden: true}
	}
	reply, err := m.cmd.Session.Send(pieces, Handling{Editor: f, Finish: finish})
	if err != nil || reply.Status.Word != "OK" || !isHidden {
		return reply.Status, true, err
	}
	if !m.numbersHold(reply) || !asked.mayLack(f) {
		return reply.Status, false, nil
	}
	lacking, err := asked.prove(f)
	switch {
	case err != nil:
		return reply.Status, true, m.cmd.Session.Lost(err)
	case m.numbersHold(reply):
		isAnswered, err = m.fetchHoles(reply, lacking)
	}
	return reply.Status, isAnswered, err
}

// numbersHold reports whether no message has been expunged since the command was sent that got the reply.
func (m *manyFetch) numbersHold(reply Reply) bool {
	return m.cmd.Session.Mailbox().Expunged == reply.Sent
}

// fetchHoles fetches the messages that the FETCH with this reply has left out, one by one. isAnswered reports whether
// the client has its tagged reply.
func (m *manyFetch) fetchHoles(reply Reply, lacking []uint32) (isAnswered bool, err error) {
	for _, number := range lacking {
		got := false
		if m.fetched < maxHoles && m.numbersHold(reply) {
			m.fetched++
			if got, isAnswered, err = m.fetchHole(number); err != nil || isAnswered {
				return true, err
			}
		}
		if got {
			m.cmd.Session.Repaired(string(backend.FixMissingData))
			continue
		}
		if m.left++; m.left <= maxNamed {
			m.named = append(m.named, strconv.FormatUint(uint64(number), 10))
		}
	}
	return false, nil
}

// part returns the FETCH for a part of the set, and the editor that counts the texts.
func (m *manyFetch) part(set string) ([]Piece, *replies.Fetching) {
	cmd := m.cmd
	at := strings.Index(m.line[len(cmd.Tag):], " "+m.set+" ") + len(cmd.Tag) + 1
	behind := m.line[at+len(m.set):]
	f := replies.NewFetching(cmd.Tag, cmd.Verb, cmd.wantedFixes(), set, m.items, behind,
		cmd.Session.Repaired, cmd.Login.Log)
	f.CountTexts()
	return []Piece{{Line: m.line[:at] + set + behind}}, f
}

// fetchHole fetches one message as the client has asked for it. got reports whether its text has
// come. The client does not get the tagged reply, unless the connection is lost again and again:
// isAnswered reports whether it has.
func (m *manyFetch) fetchHole(number uint32) (got, isAnswered bool, err error) {
	pieces, f := m.part(strconv.FormatUint(uint64(number), 10))
	finish := func(r Reply) replies.Verdict {
		if verdict := f.Finish(r.Status); verdict.Instead != nil {
			m.instead = verdict.Instead
		}
		return replies.Verdict{Hidden: true}
	}
	reply, err := m.cmd.Session.Send(pieces, Handling{Editor: f, Finish: finish})
	if err != nil {
		return false, true, err
	}
	return f.Texts() > 0, reply.Status.Word == "", nil
}

// answer gives the client the tagged reply, after the OK to the last part.
func (m *manyFetch) answer(status wire.Status) error {
	cmd, tag, byUID := m.cmd, m.cmd.Tag, strings.HasPrefix(m.cmd.Verb, "UID")
	switch {
	case m.left > 0:
	case m.instead != nil:
		return cmd.Session.Say("%s", bytes.TrimSpace(m.instead))
	default:
		return cmd.Session.Say("%s OK %s", tag, status.Text)
	}
	named := strings.Join(m.named, ",")
	cmd.Login.Log.Warn("Exchange left messages out of a FETCH, and does not send them one by one either",
		"messages", m.left, "first", named, "uids", byUID)
	text := replies.MissingTexts(m.left, named, byUID)
	_, rest, _ := strings.Cut(m.line, " ")
	if _, args := wire.SplitVerb(rest); HasBodyItem(args) {
		return cmd.Session.Say("%s NO %s", tag, text)
	}
	// A client that lists headers must still be able to open the mailbox.
	if err := cmd.Session.Say("* NO %s", text); err != nil {
		return err
	}
	return cmd.Session.Say("%s OK %s", tag, status.Text)
}

// askedFor is what a FETCH of several messages asks for.
type askedFor struct {
	cmd   *Command
	byUID bool
	set   string

	numbers replies.Numbers // by number: those that must be answered
	atMost  int             // by UID: how many there can be
}

// newAskedFor returns nil if nothing can be missed: the selected mailbox is not known, or the set is
// none that exgate understands.
func newAskedFor(cmd *Command, set string) *askedFor {
	asked := &askedFor{cmd: cmd, set: set, byUID: strings.HasPrefix(cmd.Verb, "UID")}
	highest := cmd.Session.Mailbox().Highest
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
	set, highest := q.set, q.cmd.Session.Mailbox().Highest
	if !q.byUID {
		rest, _ := q.numbers.Without(seen, maxCandidates)
		set = joinNumbers(rest)
	}
	_, err = q.cmd.Session.Read("exgate looks for messages that Exchange left out", func() *backend.Request {
		lacking = nil
		req := backend.NewRequest(q.cmd.Verb).Raw(set).Raw("(UID)")
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
	return lacking, err
}

// maxCandidates is the number of messages that one FETCH looks for.
const maxCandidates = 100_000

// joinNumbers writes ascending numbers as a message set. It leaves out what Exchange would not take
// in one line.
func joinNumbers(numbers []uint32) string {
	var b strings.Builder
	for i := 0; i < len(numbers) && b.Len() < MaxLine-100; i++ {
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
