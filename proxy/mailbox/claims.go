package mailbox

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"
)

// Claims keep the sessions of an account from proving two messages by one UID.
// For each mailbox they know the UIDs that a session has been told (APPENDUID) or
// has found, the APPENDs in progress, and those that ended without a UID. A UID
// that one session has is taken, and proves nothing to another.
//
// # Why the messages that are stored are as many as those answered OK
//
// Call two messages equal if the header of one, as the server shows it, may be
// taken for that of the other (Identity.equals). Unequal messages are never taken
// for one another, so that only equal ones have to be counted.
//
//  1. Of equal messages for one mailbox only one is on its way at a time: Enter
//     has the second wait until the outcome of the first is known.
//  2. The mark of an APPEND is a UIDNEXT that was said after every earlier equal
//     APPEND had ended, and before this one began. So the messages above it that
//     are equal to this one are of three kinds: itself, what the server was late
//     to store of those earlier ones, and what other clients have stored.
//  3. What may be late is known: an APPEND that was answered OK without a UID, or
//     whose outcome could not be found out, is remembered for a time with its
//     mark (Intent.least, Intent.most). A look that has to do with one begins at
//     its mark, and counts it: what stands below the mark of the lost message is
//     the other's, and the rest of the others may stand above it.
//  4. Judge says "found" only if more equal messages stand above the mark than the
//     remembered ones can be, and no more than those and this one together; the
//     UIDs go to this one. It says "absent" only if what stands there is what the
//     remembered ones are for sure, and all that has come since is accounted for.
//     Everything else is "not known", which is answered NO and counted.
//
// So each OK has a message, and each message that is sent again was not there. A
// server that names no UIDs (no UIDPLUS, as Exchange 2007) changes nothing of
// this: by 1 and 2 an earlier equal message is below the mark or is counted by 3.
//
// What remains: a message of another client that is equal to one that was lost,
// comes while that one is on its way, and is alone, cannot be told from it; nor
// can it from a remembered one that is late, in whose place it is then counted.
//
// Memory: a mailbox is kept while an APPEND to it is in progress or remembered,
// which is one for each session of the account and at most maxRemembered more;
// of UIDs those above the lowest mark of these, at most maxTaken.
type Claims struct {
	now func() time.Time

	mu      sync.Mutex
	boxes   map[string]*box
	changed chan struct{} // closed and replaced when an APPEND ends
}

// NewClaims returns those of an account of which nothing is known.
func NewClaims() *Claims {
	return &Claims{now: time.Now, boxes: make(map[string]*box), changed: make(chan struct{})}
}

const (
	// maxTaken bounds the UIDs that a mailbox remembers. Beyond it, what is in
	// progress has its mark forgotten, and cannot be told any more.
	maxTaken = 10_000
	// maxRemembered bounds the ended APPENDs without a UID of a mailbox.
	maxRemembered = 1_000
	// memory is how long such an APPEND is remembered: a server has stored a
	// message by then, or never will.
	memory = time.Minute
	// freshness is how long what a session was told of a mailbox is a mark for
	// the next APPEND: what other clients store meanwhile stands above the mark.
	freshness = 2 * time.Second
)

// box is one mailbox.
type box struct {
	validity   uint32
	next       uint32    // no UID from here on had been given when it was said; 0: not known
	said       time.Time // when next was said
	taken      map[uint32]bool
	prune      int // so many of them are looked through for those that need not be known
	inFlight   []*Intent
	remembered []*Intent // the oldest first
}

// Intent is the APPEND of one message, over all tries. It belongs to the session;
// what others see of it is guarded by claims.mu.
type Intent struct {
	claims *Claims
	key    string
	box    *box
	id     Identity

	mark Mark // nothing of it is below; Next 0: not known
	sent int  // times that it may have been stored
	// How many of the messages in the mailbox it is, under UIDs that are not
	// known, once it has ended.
	least, most int
	forget      time.Time // when it need not be remembered any more; zero: it is held
	closed      bool
}

// Enter begins the APPEND of a message to the mailbox of that key. It waits while
// another session has an equal one on its way, for patience at most: behind that,
// both are told apart by counting. The error is that of the context.
func (c *Claims) Enter(ctx context.Context, key string, id Identity, patience time.Duration) (*Intent, error) {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for waiting := true; ; {
		i, changed := c.enter(key, id, waiting)
		if i != nil {
			return i, nil
		}
		select {
		case <-changed:
		case <-timer.C:
			waiting = false
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// enter returns nil, and what announces a change, where an equal message is on
// its way and is to be waited for.
func (c *Claims) enter(key string, id Identity, waiting bool) (*Intent, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := c.boxes[key]
	if b == nil {
		c.sweep()
		b = &box{taken: make(map[uint32]bool)}
		c.boxes[key] = b
	}
	if waiting && slices.ContainsFunc(b.inFlight, func(other *Intent) bool { return other.id.equals(id) }) {
		return nil, c.changed
	}
	i := &Intent{claims: c, key: key, box: b, id: id}
	b.inFlight = append(b.inFlight, i)
	return i, nil
}

// sweep drops the mailboxes of which nothing need be known. mu is held.
func (c *Claims) sweep() {
	for key, b := range c.boxes {
		b.forget(c.now())
		if len(b.inFlight)+len(b.remembered) == 0 && c.now().Sub(b.said) > freshness {
			delete(c.boxes, key)
		}
	}
}

// forget drops what is out of date. mu is held.
func (b *box) forget(now time.Time) {
	b.remembered = slices.DeleteFunc(b.remembered, func(i *Intent) bool {
		return !i.forget.IsZero() && now.After(i.forget)
	})
	if extra := len(b.remembered) - maxRemembered; extra > 0 {
		b.remembered = slices.Delete(b.remembered, 0, extra)
	}
	if len(b.taken) < b.prune {
		return
	}
	if len(b.taken) >= maxTaken {
		for _, i := range b.inFlight {
			i.mark.Next = 0
		}
		b.remembered = nil
	}
	low := ^uint32(0)
	for _, i := range slices.Concat(b.inFlight, b.remembered) {
		if i.mark.Next != 0 {
			low = min(low, i.mark.Next)
		}
	}
	maps.DeleteFunc(b.taken, func(uid uint32, _ bool) bool { return uid < low })
	b.prune = min(2*len(b.taken)+64, maxTaken)
}

// valid sees to it that what is known of the mailbox is of that UIDVALIDITY. mu
// is held.
func (b *box) valid(validity uint32) {
	if b.validity == validity {
		return
	}
	b.validity, b.next = validity, 0
	clear(b.taken)
	b.remembered = nil
}

// take notes that a UID is some session's. mu is held.
func (b *box) take(validity, uid uint32, now time.Time) {
	b.valid(validity)
	b.taken[uid] = true
	b.next, b.said = max(b.next, uid+1), now
}

// Marked reports whether the mark is known: because the message may have been
// stored already, or because a session has just been told a UID of the mailbox.
func (i *Intent) Marked() bool {
	i.claims.mu.Lock()
	defer i.claims.mu.Unlock()
	if i.sent == 0 {
		i.mark = Mark{}
		if b := i.box; b.next != 0 && i.claims.now().Sub(b.said) <= freshness {
			i.mark = Mark{UIDValidity: b.validity, Next: b.next}
		}
	}
	return i.mark.Next != 0
}

// SetMark sets the mark to what the server has just said. A mark that was not
// known before the first try is not known afterwards.
func (i *Intent) SetMark(validity, next uint32) {
	i.claims.mu.Lock()
	defer i.claims.mu.Unlock()
	if validity == 0 || next == 0 || i.sent > 0 {
		return
	}
	b := i.box
	b.valid(validity)
	b.next, b.said = max(b.next, next), i.claims.now()
	i.mark = Mark{UIDValidity: validity, Next: b.next}
}

// Sending notes that the message goes up.
func (i *Intent) Sending() {
	i.claims.mu.Lock()
	defer i.claims.mu.Unlock()
	i.sent++
}

// Refused notes that the message that went up last was not stored.
func (i *Intent) Refused() {
	i.claims.mu.Lock()
	defer i.claims.mu.Unlock()
	i.sent--
}

// Stored ends the APPEND by an OK, with the UID that came with it or nil.
func (i *Intent) Stored(told *imap.AppendData) {
	i.claims.mu.Lock()
	defer i.claims.mu.Unlock()
	if told == nil {
		i.box.said = time.Time{} // what is known of the mailbox is too low
		i.end(1, i.sent)
		return
	}
	i.box.take(told.UIDValidity, uint32(told.UID), i.claims.now())
	i.end(0, i.sent-1) // what was lost before may still come
}

// end takes the APPEND out of those on their way. mu is held.
func (i *Intent) end(least, most int) {
	b := i.box
	i.least, i.most = least, most
	n := len(b.inFlight)
	b.inFlight = slices.DeleteFunc(b.inFlight, func(other *Intent) bool { return other == i })
	if len(b.inFlight) < n && most > 0 && i.mark.Next != 0 {
		b.remembered = append(b.remembered, i)
	}
	b.forget(i.claims.now())
	close(i.claims.changed)
	i.claims.changed = make(chan struct{})
}

// Close ends the APPEND, if nothing else has, with an outcome that is not known,
// and gives back what is held for it.
func (i *Intent) Close() {
	i.claims.mu.Lock()
	defer i.claims.mu.Unlock()
	if i.closed {
		return
	}
	i.closed = true
	i.forget = i.claims.now().Add(memory)
	if slices.Contains(i.box.inFlight, i) {
		i.end(0, i.sent)
	}
}
