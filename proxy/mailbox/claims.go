package mailbox

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"
)

// Claims make sure that one UID proves only one message of an account. Two sessions
// that both lost an APPEND could otherwise find the same message. For each mailbox,
// Claims have the UIDs that a session was told (APPENDUID) or has found, the APPENDs
// in progress, and the APPENDs that ended without a UID. A UID of one session is
// taken, and proves nothing to another session.
//
// # Why each message that was answered OK is stored once
//
// Two messages are equal if the header of one, as the server shows it, may be taken
// for the header of the other (MessageKey.equals). Unequal messages are never taken for
// one another. So Claims only have to count equal messages.
//
//  1. Only one of several equal messages for a mailbox is on its way at a time: Enter
//     makes the second one wait until the outcome of the first is known.
//  2. The mark of an APPEND is a UIDNEXT. The server said it after every earlier equal
//     APPEND had ended, and before this APPEND began. So there are three kinds of
//     equal messages above the mark: this message, earlier ones that the server stored
//     late, and messages that other clients stored.
//  3. Claims know which messages may be late. They remember an APPEND for a time if it
//     was answered OK without a UID, or if its outcome could not be found out. They
//     also remember its mark, and its least and most number of messages (Claim.least,
//     Claim.most). A look for an equal message begins at that earlier mark. Equal
//     messages between the two marks belong to the remembered APPENDs. Only the rest
//     of those may stand above the mark of this message.
//  4. Judge answers "found" only if more equal messages stand above the mark than the
//     remembered APPENDs can have stored, and not more than those APPENDs and this one
//     together. This APPEND then takes the UIDs. Judge answers "absent" only if the
//     equal messages there certainly belong to the remembered APPENDs, and every new UID
//     is accounted for. Every other case is "not known". The client then gets BAD
//     (replies.NotYet), and the case is counted.
//
// So each OK has a message, and each message that is sent again was not there before.
// This also holds for a server without UIDs in its replies (no UIDPLUS, as in Exchange
// 2007): by 1 and 2, an earlier equal message is below the mark, or 3 counts it.
//
// One case remains. An APPEND is lost, and another client stores a single equal message
// while that APPEND is on its way. exgate cannot tell the two messages apart. It also
// cannot tell the other client's message from a remembered one that is late, and counts
// it in place of that one.
//
// Memory: Claims keep a mailbox while an APPEND to it is in progress or remembered.
// There is at most one APPEND in progress for each session of the account, and at most
// maxRemembered more. Of the UIDs, Claims keep those above the lowest mark of these
// APPENDs, at most maxTaken. A UIDNEXT that Told notes keeps a mailbox for freshness.
//
// Other gateways have Claims of their own. What they have of equal messages comes through Peers: such a message waits,
// too, and those that they may have stored without a UID count as remembered (Claim.elsewhere). Their marks are not
// told. So the mark of an APPEND that begins after such a message is asked for anew, by 2.
type Claims struct {
	now   func() time.Time
	peers Peers // nil: there are no other gateways

	mu      sync.Mutex
	boxes   map[string]*box
	changed chan struct{} // closed and replaced when an APPEND ends
	ended   time.Time     // when an APPEND last ended
}

// NewClaims returns empty Claims for one account. peers may be nil.
func NewClaims(peers Peers) *Claims {
	return &Claims{now: time.Now, peers: peers, changed: make(chan struct{})}
}

const (
	// maxTaken limits the UIDs that Claims keep of one mailbox. Beyond it, the APPENDs in
	// progress lose their marks, and their outcome cannot be found out any more.
	maxTaken = 10_000
	// maxRemembered limits the ended APPENDs without a UID that Claims keep of one mailbox.
	maxRemembered = 1_000
	// Memory is how long Claims keep such an APPEND. A server that has not stored a message
	// in this time never stores it.
	Memory = time.Minute
	// freshness is how long a UIDNEXT or UID that a session was told can be the mark of the
	// next APPEND. The messages that other clients store meanwhile stand above the mark.
	freshness = 2 * time.Second
)

// box has what Claims know of one mailbox.
type box struct {
	validity   uint32
	next       uint32    // the server had given no UID from here on at the time said; 0: not known
	said       time.Time // when the server said next
	taken      map[uint32]bool
	prune      int // the size of taken at which forget removes the UIDs below all marks
	inFlight   []*Claim
	remembered []*Claim // the oldest first
}

func newBox() *box { return &box{taken: make(map[uint32]bool)} }

// Claim is the APPEND of one message, with all its tries. It belongs to one session.
// claims.mu guards the fields that other sessions read.
type Claim struct {
	claims *Claims
	key    string
	box    *box
	id     MessageKey

	mark Mark // the message is not below it; Next is 0 if the mark is not known
	sent int  // how many times the message may have been stored
	// After the end of the APPEND: the least and the most number of messages that it
	// has stored under unknown UIDs.
	least, most int
	elsewhere   int       // messages at most that other gateways may have stored without a UID
	lease       Lease     // nil: other gateways do not know of it
	forget      time.Time // when Claims may forget the APPEND; zero: not before Close
	closed      bool
}

// Enter begins the APPEND of a message to the mailbox with this key. While another session
// has an equal message on its way, Enter waits, for patience at most. After that, both are
// on their way, and Judge tells them apart by counting. The error is the cause of ctx.
func (c *Claims) Enter(ctx context.Context, key string, id MessageKey, patience time.Duration) (*Claim, error) {
	until := time.Now().Add(patience)
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for waiting := true; ; {
		cl, changed := c.enter(key, id, waiting)
		if cl != nil {
			if err := cl.enterPeers(ctx, time.Until(until)); err != nil {
				cl.Close()
				return nil, err
			}
			return cl, nil
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

// enter begins the APPEND, unless it must wait for an equal message. Then it returns nil
// and a channel that is closed when an APPEND ends.
func (c *Claims) enter(key string, id MessageKey, waiting bool) (*Claim, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := c.boxOf(key)
	if waiting && slices.ContainsFunc(b.inFlight, func(other *Claim) bool { return other.id.equals(id) }) {
		return nil, c.changed
	}
	cl := &Claim{claims: c, key: key, box: b, id: id}
	b.inFlight = append(b.inFlight, cl)
	return cl, nil
}

// boxOf returns what Claims know of a mailbox. c.mu is held.
func (c *Claims) boxOf(key string) *box {
	b := c.boxes[key]
	if b == nil {
		c.sweep()
		if b = newBox(); c.boxes == nil {
			c.boxes = make(map[string]*box)
		}
		c.boxes[key] = b
	}
	return b
}

// sweep drops the mailboxes that Claims need not know any more. c.mu is held.
func (c *Claims) sweep() {
	for key, b := range c.boxes {
		b.forget(c.now())
		if len(b.inFlight)+len(b.remembered) == 0 && c.now().Sub(b.said) > freshness {
			delete(c.boxes, key)
		}
	}
	if len(c.boxes) == 0 {
		c.boxes = nil // an empty map keeps its memory
	}
}

// Told notes a UIDNEXT that the server has said in its reply to a STATUS, which was sent at the
// time asked. It does nothing if an APPEND to the mailbox is on its way, or if one has ended since:
// its message may be above this UIDNEXT.
func (c *Claims) Told(key string, validity, next uint32, asked time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if validity == 0 || next == 0 || !c.ended.Before(asked) {
		return
	}
	c.sweep()
	b := c.boxOf(key)
	if len(b.inFlight) > 0 {
		return
	}
	b.valid(validity)
	b.next, b.said = max(b.next, next), asked
}

// Forget drops what Claims need not know any more. It returns the number of mailboxes that are kept.
func (c *Claims) Forget() (kept int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sweep()
	return len(c.boxes)
}

// IsIdle reports whether there is nothing that Claims need to know any more.
func (c *Claims) IsIdle() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sweep()
	return len(c.boxes) == 0 && c.now().Sub(c.ended) > freshness
}

// forget drops the remembered APPENDs that are too old or too many, and the UIDs below all
// marks. claims.mu is held.
func (b *box) forget(now time.Time) {
	b.remembered = slices.DeleteFunc(b.remembered, func(cl *Claim) bool {
		return !cl.forget.IsZero() && now.After(cl.forget)
	})
	if extra := len(b.remembered) - maxRemembered; extra > 0 {
		b.remembered = slices.Delete(b.remembered, 0, extra)
	}
	if len(b.taken) < b.prune {
		return
	}
	if len(b.taken) >= maxTaken {
		for _, cl := range b.inFlight {
			cl.mark.Next = 0
		}
		b.remembered = nil
	}
	low := ^uint32(0)
	for _, cl := range slices.Concat(b.inFlight, b.remembered) {
		if cl.mark.Next != 0 {
			low = min(low, cl.mark.Next)
		}
	}
	maps.DeleteFunc(b.taken, func(uid uint32, _ bool) bool { return uid < low })
	b.prune = min(2*len(b.taken)+64, maxTaken)
}

// valid drops what Claims know of the mailbox if its UIDVALIDITY has changed. claims.mu is
// held.
func (b *box) valid(validity uint32) {
	if b.validity == validity {
		return
	}
	b.validity, b.next = validity, 0
	clear(b.taken)
	b.remembered = nil
}

// take notes that a UID belongs to a session. claims.mu is held.
func (b *box) take(validity, uid uint32, now time.Time) {
	b.valid(validity)
	b.recognize(uid)
	b.said = now
}

// recognize notes that a look has shown the UID of a session's message. Unlike with take, UIDNEXT may be
// much higher, so it is not known anew. claims.mu is held.
func (b *box) recognize(uid uint32) {
	b.taken[uid] = true
	b.next = max(b.next, uid+1)
}

// IsMarked reports whether the mark is known. A message that may have been stored already
// keeps its mark. Otherwise the mark is known if a session was told a UID or UIDNEXT of the
// mailbox within freshness.
func (cl *Claim) IsMarked() bool {
	cl.claims.mu.Lock()
	defer cl.claims.mu.Unlock()
	if cl.sent == 0 {
		cl.mark = Mark{}
		if b := cl.box; b.next != 0 && cl.claims.now().Sub(b.said) <= freshness {
			cl.mark = Mark{UIDValidity: b.validity, Next: b.next}
		}
	}
	return cl.mark.Next != 0
}

// SetMark sets the mark to the UIDNEXT that the server has just said. It does nothing once
// the message may have been stored: a mark that was unknown before the first try stays
// unknown.
func (cl *Claim) SetMark(validity, next uint32) {
	cl.claims.mu.Lock()
	defer cl.claims.mu.Unlock()
	if validity == 0 || next == 0 || cl.sent > 0 {
		return
	}
	b := cl.box
	b.valid(validity)
	b.next, b.said = max(b.next, next), cl.claims.now()
	cl.mark = Mark{UIDValidity: validity, Next: b.next}
}

// Sending notes that a try to store the message begins.
func (cl *Claim) Sending() {
	cl.claims.mu.Lock()
	defer cl.claims.mu.Unlock()
	cl.sent++
}

// Refused notes that the last try did not store the message.
func (cl *Claim) Refused() {
	cl.claims.mu.Lock()
	defer cl.claims.mu.Unlock()
	cl.sent--
}

// Stored ends the APPEND after an OK. told is the UID of the OK; nil if it had none.
func (cl *Claim) Stored(told *imap.AppendData) {
	cl.claims.mu.Lock()
	defer cl.claims.mu.Unlock()
	if told == nil {
		cl.box.said = time.Time{} // next is too low now
		cl.end(1, cl.sent, nil)
		return
	}
	cl.box.take(told.UIDValidity, uint32(told.UID), cl.claims.now())
	cl.end(0, cl.sent-1, []uint32{uint32(told.UID)}) // the messages of earlier tries may still come
}

// end moves the APPEND from those on their way to those remembered, if it may have messages
// under unknown UIDs and has a mark. uids are those of its messages that are known. claims.mu is held.
func (cl *Claim) end(least, most int, uids []uint32) {
	b := cl.box
	if cl.lease != nil {
		cl.lease.End(most, b.validity, uids)
	}
	cl.least, cl.most = least, most
	n := len(b.inFlight)
	b.inFlight = slices.DeleteFunc(b.inFlight, func(other *Claim) bool { return other == cl })
	if len(b.inFlight) < n && most > 0 && cl.mark.Next != 0 {
		b.remembered = append(b.remembered, cl)
	}
	b.forget(cl.claims.now())
	cl.claims.ended = cl.claims.now()
	close(cl.claims.changed)
	cl.claims.changed = make(chan struct{})
}

// Close releases the APPEND. If the APPEND has not ended, its outcome is not known. Claims
// remember it for a time from now on.
func (cl *Claim) Close() {
	cl.claims.mu.Lock()
	defer cl.claims.mu.Unlock()
	if cl.closed {
		return
	}
	cl.closed = true
	cl.forget = cl.claims.now().Add(Memory)
	if slices.Contains(cl.box.inFlight, cl) {
		cl.end(0, cl.sent, nil)
	}
}
