package ledger

import (
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Peers are the ledgers of other gateways: a client that has lost its gateway may send its
// message again through another one. Package cluster has some.
type Peers interface {
	// Tell begins to tell of an attempt. It returns a function that waits until the peers know of it. Until then, the
	// caller tells nothing else of the attempt.
	Tell(State) (wait func())
	// TellSoon tells of an attempt as it is a moment later.
	TellSoon(Attempt)
	// Take takes an attempt that a message may send again, as attempts.take does, but of none of the sessions without.
	// No other gateway takes it until it is left. s is nil if there is none. ok is false if only this gateway can
	// know of attempts.
	Take(message string, without []string) (s *State, ok bool)
	// Leave gives an attempt back.
	Leave(message, id string)
	// Settle ends an attempt, and tells the gateway that has made it. uid is 0 if the message
	// was not found; otherwise UIDs has it from now on.
	Settle(s State, validity, uid uint32)
	// UIDs returns the UIDs from a mark on that all gateways were told of a mailbox, but not
	// that of the message own.
	UIDs(mailbox string, from Mark, own uint32) []uint32
}

// Attempt is an attempt of this gateway.
type Attempt interface{ State() State }

// State is what peers know of an attempt. Message and Mailbox name these for all gateways.
type State struct {
	Message, Mailbox, ID string

	Gone  bool // the attempt need not be known any more
	Left  bool // its client may not have the answer
	Mark  Mark
	UID   uint32
	Stage int
	Age   time.Duration // since the last change
}

// attemptID names an attempt of a session, also for a later run of the gateway.
func attemptID(session string, began time.Time) string {
	return session + "-" + strconv.FormatInt(began.UnixMilli(), 36)
}

// sessionOf returns the session of an attempt.
func sessionOf(id string) string { return id[:max(0, strings.LastIndexByte(id, '-'))] }

// Place names a mailbox for all gateways.
func Place(upstream, account, mailbox string) string {
	return upstream + "\x00" + strings.ToLower(account) + "\x00" + strings.ToLower(mailbox)
}

func (k *key) place() string { return Place(k.upstream, k.account, k.mailbox) }

// text names a message for all gateways.
func (k *key) text() string {
	return k.place() + "\x00" + hex.EncodeToString(k.sum[:])
}

// Share has other gateways know the attempts of this one.
func (l *Ledger) Share(peers Peers) {
	l.attempts.mu.Lock()
	l.attempts.peers = peers
	l.attempts.mu.Unlock()
	l.Retell()
}

// Retell tells the peers of all attempts, since they may have forgotten them.
func (l *Ledger) Retell() {
	a := &l.attempts
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, all := range a.byKey {
		for _, t := range all {
			a.tellSoon(t)
		}
	}
}

// TellSilent tells the peers which clients of open sessions may lack an answer, and which have
// got it after all. It is called each second or so.
func (l *Ledger) TellSilent() {
	a := &l.attempts
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.now()
	for _, all := range a.byKey {
		for _, t := range all {
			if !t.left && t.told && t.isSilent(now.Sub(t.at)) != t.shown {
				a.tellSoon(t)
			}
		}
	}
}

// Settled ends an attempt for whose message another gateway has looked. uid is 0 if it was not
// found.
func (l *Ledger) Settled(id string, validity, uid uint32) {
	t := l.attempts.named(id)
	switch {
	case t == nil:
	case uid == 0:
		l.absent(t)
	default:
		l.found(t, validity, uid)
	}
}

// State implements Attempt.
func (t *attempt) State() State {
	t.of.mu.Lock()
	defer t.of.mu.Unlock()
	return t.state()
}

// state is State. attempts.mu is held.
func (t *attempt) state() State {
	age := t.of.now().Sub(t.at)
	t.shown = t.left || t.isSilent(age)
	return State{
		Message: t.key.text(), Mailbox: t.key.place(), ID: t.id, Gone: t.gone, Left: t.shown, Mark: t.mark, UID: t.uid,
		Stage: t.stage, Age: max(0, age),
	}
}

// tellSoon has the peers told of an attempt. a.mu is held.
func (a *attempts) tellSoon(t *attempt) {
	if a.peers != nil {
		a.peers.TellSoon(t)
	}
}

// mention has the peers told of an attempt of an earlier run.
func (a *attempts) mention(t *attempt) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.tellSoon(t)
}

// shared returns the peers.
func (a *attempts) shared() Peers {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.peers
}

// tell begins to tell the peers of an attempt, as Peers.Tell does.
func (a *attempts) tell(t *attempt) (wait func()) {
	if peers := a.shared(); peers != nil {
		return peers.Tell(t.State())
	}
	return func() {}
}

// named returns an attempt of this gateway; nil if there is none.
func (a *attempts) named(id string) *attempt {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, all := range a.byKey {
		if i := slices.IndexFunc(all, func(t *attempt) bool { return t.id == id }); i >= 0 {
			return all[i]
		}
	}
	return nil
}

// takeAny takes an attempt of this gateway or of another; nil if there is none.
func (a *attempts) takeAny(k key, without []string) *attempt {
	peers := a.shared()
	if peers == nil {
		return a.take(k, without)
	}
	s, ok := peers.Take(k.text(), without)
	switch {
	case !ok:
		return a.take(k, without)
	case s == nil:
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if i := slices.IndexFunc(a.byKey[k], func(t *attempt) bool { return t.id == s.ID }); i >= 0 {
		t := a.byKey[k][i]
		t.taken = true
		return t
	}
	return &attempt{of: a, id: s.ID, key: k, row: new(row), at: a.now().Add(-s.Age), left: true, taken: true,
		mark: s.Mark, uid: s.UID, stage: s.Stage}
}

// leaveShared gives an attempt back.
func (a *attempts) leaveShared(t *attempt) {
	a.mu.Lock()
	t.taken = false
	peers := a.peers
	a.mu.Unlock()
	if peers != nil {
		peers.Leave(t.key.text(), t.id)
	}
}

// settleShared tells the peers that a message was found, or that it is absent (uid 0).
func (a *attempts) settleShared(t *attempt, validity, uid uint32) {
	if peers := a.shared(); peers != nil {
		peers.Settle(State{Message: t.key.text(), Mailbox: t.key.place(), ID: t.id}, validity, uid)
	}
}

// uids returns the UIDs from a mark on that other gateways were told of a mailbox.
func (a *attempts) uids(k key, from Mark, own uint32) []uint32 {
	if peers := a.shared(); peers != nil {
		return peers.UIDs(k.place(), from, own)
	}
	return nil
}
