package cluster

import (
	"fmt"
	"time"

	"exgate/backend"
	"exgate/proxy/ledger"
)

const (
	// lookLife is how long a gateway may look for a message before another one may look, too.
	lookLife = 5 * time.Minute
	// lookAgain is the pause between two looks whether a gateway lives, lookFor the time after which they end: a
	// gateway tells that it lives each second, or counts as silent.
	lookAgain, lookFor = 50 * time.Millisecond, silentAfter + 2*beatEvery
	// maxUIDs bounds the UIDs that are known of one mailbox.
	maxUIDs = 10_000
)

// ShareLedger has all gateways know of the messages whose client may not have the answer.
func (c *Cluster) ShareLedger(l *ledger.Ledger) {
	if c == nil || l == nil {
		return
	}
	c.ledgers.add(l)
	l.Share(messages{c})
}

// messages implements ledger.Peers. While Redis is lost, this gateway goes on with what it knows.
type messages struct{ c *Cluster }

// Tell implements ledger.Peers.
func (m messages) Tell(s ledger.State) (wait func()) {
	told := make(chan struct{})
	m.c.work.Go(func() { // ends with the call to Redis
		defer close(told)
		m.c.tellAttempt(s)
	})
	return func() { <-told }
}

// TellSoon implements ledger.Peers.
func (m messages) TellSoon(a ledger.Attempt) { m.c.chores.add(tellAttempt{m.c, a}) }

// tellAttempt is a chore.
type tellAttempt struct {
	c *Cluster
	a ledger.Attempt
}

func (t tellAttempt) do() { t.c.tellAttempt(t.a.State()) }

func (c *Cluster) tellAttempt(s ledger.State) {
	c.run(attemptScript, []string{c.messageKey(s.Message), c.keys.uids(c.hash("mailbox", s.Mailbox))}, s.ID, c.id,
		flag(s.Left), flag(s.Gone), s.Mark.UIDValidity, s.Mark.Next, s.UID, s.Stage,
		float64(s.Age)/float64(time.Millisecond),
		ledger.Window.Milliseconds(), maxUIDs)
}

// Take implements ledger.Peers. An attempt of another gateway may be open because that gateway was killed: Take waits
// until it has told that it lives, or counts as silent.
func (m messages) Take(message string, without []string) (s *ledger.State, ok bool) {
	c := m.c
	args := []any{c.id, silentAfter.Milliseconds(), ledger.Window.Milliseconds(), lookLife.Milliseconds(), "0"}
	for _, session := range without {
		args = append(args, session)
	}
	for until := time.Now().Add(lookFor); ; {
		cmd, ok := c.run(lookScript, []string{c.messageKey(message), c.keys.gateways()}, args...)
		if !ok {
			return nil, false
		}
		said, err := cmd.StringSlice()
		switch {
		case err == nil && len(said) == 7:
			if s, err := attemptOf(message, said[1:]); err == nil {
				return &s, true
			}
			fallthrough
		case err != nil || len(said) == 0:
			c.log.Error("exgate does not understand Redis's answer about a message that came again", "err", err)
			return nil, false
		case len(said) == 1:
			return nil, false
		case said[1] == "0" || time.Now().After(until) || backend.Sleep(c.ctx, lookAgain) != nil:
			return nil, true
		}
		args[4] = said[0]
	}
}

// attemptOf reads look.lua's answer.
func attemptOf(message string, said []string) (ledger.State, error) {
	n, err := numbers(said[1:], nil)
	if err != nil {
		return ledger.State{}, err
	}
	return ledger.State{
		Message: message, ID: said[0], Left: true, Mark: ledger.Mark{UIDValidity: uint32(n[0]), Next: uint32(n[1])},
		UID: uint32(n[2]), Stage: int(n[3]), Age: milliseconds(n[4]),
	}, nil
}

// Leave implements ledger.Peers.
func (m messages) Leave(message, id string) {
	m.c.run(settleScript, []string{m.c.messageKey(message)}, id)
}

// Settle implements ledger.Peers.
func (m messages) Settle(s ledger.State, validity, uid uint32) {
	c := m.c
	c.run(settleScript, []string{c.messageKey(s.Message), c.keys.uids(c.hash("mailbox", s.Mailbox))}, s.ID,
		c.keys.news(), c.newsOf(newsSettled, fmt.Sprintf("%s %d %d", s.ID, validity, uid), 0), validity, uid,
		2*ledger.Window.Milliseconds(), maxUIDs)
}

// UIDs implements ledger.Peers.
func (m messages) UIDs(mailbox string, from ledger.Mark, own uint32) []uint32 {
	c := m.c
	cmd, ok := c.run(uidsScript, []string{c.keys.uids(c.hash("mailbox", mailbox))}, from.UIDValidity, from.Next, own)
	if !ok {
		return nil
	}
	said, err := cmd.Int64Slice()
	if err != nil {
		c.log.Error("exgate does not understand Redis's answer about UIDs", "err", err)
	}
	uids := make([]uint32, 0, len(said))
	for _, uid := range said {
		uids = append(uids, uint32(uid))
	}
	return uids
}

func (c *Cluster) messageKey(message string) string {
	return c.keys.message(c.hash("message", message))
}

// hearOfMessage takes news of an attempt that another gateway has settled.
func (c *Cluster) hearOfMessage(about string) {
	var id string
	var validity, uid uint32
	if n, err := fmt.Sscan(about, &id, &validity, &uid); n != 3 || err != nil {
		return
	}
	for _, l := range c.ledgers.all() {
		l.Settled(id, validity, uid)
	}
}
