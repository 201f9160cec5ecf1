package mailbox

import "slices"

// Landing is the answer to the question whether a message was stored whose APPEND has no
// reply.
type Landing int

const (
	LandingUnknown Landing = iota // it cannot be found out
	LandingAbsent                 // the message was not stored
	LandingFound                  // the message was stored
	LandingPending                // a new message is there that cannot be seen yet
	LandingOther                  // the message of the earlier APPEND was stored, and is another one
)

func (l Landing) String() string {
	return [...]string{"not known", "no", "yes", "not yet seen", "yes, another one"}[l]
}

// Low returns the mark at which a look for the message must begin. Its Next is 0 if a look
// cannot find out anything.
func (cl *Claim) Low() Mark {
	cl.claims.mu.Lock()
	defer cl.claims.mu.Unlock()
	cl.box.forget(cl.claims.now())
	low := cl.mark
	if low.Next != 0 {
		low.Next, _, _ = cl.others()
	}
	return low
}

// Mark returns the mark of the APPEND. Its Next is 0 if it is not known.
func (cl *Claim) Mark() Mark {
	cl.claims.mu.Lock()
	defer cl.claims.mu.Unlock()
	return cl.mark
}

// others returns the lowest mark of this APPEND and of the equal APPENDs of other sessions.
// It also returns the least and the most number of messages that those other APPENDs have
// stored, and the equal APPENDs of other gateways. claims.mu is held.
func (cl *Claim) others() (low uint32, least, most int) {
	low, most = cl.mark.Next, cl.elsewhere
	for _, other := range slices.Concat(cl.box.inFlight, cl.box.remembered) {
		if other == cl || other.mark.UIDValidity != cl.mark.UIDValidity || other.mark.Next == 0 ||
			!other.id.equals(cl.id) {
			continue
		}
		low = min(low, other.mark.Next)
		if slices.Contains(cl.box.inFlight, other) {
			most += other.sent
			continue
		}
		least, most = least+other.least, most+other.most
	}
	return low, least, most
}

// Judge decides from a look whether the message was stored (see Claims). If it was, this
// APPEND takes the UIDs of the message. uid is 0 if the message was found, but Judge cannot
// tell which one of several messages it is.
func (cl *Claim) Judge(s *Survey) (landed Landing, uid uint32) {
	c := cl.claims
	c.mu.Lock()
	defer c.mu.Unlock()
	low, least, most := cl.others()
	if !cl.canJudge(s, low) {
		return LandingUnknown, 0
	}
	var equal []uint32
	unsure, before := 0, 0
	seen := make(map[uint32]bool)
	for _, m := range s.Shown {
		seen[m.uid] = true
		if cl.box.taken[m.uid] || m.uid < low {
			continue
		}
		switch verdict := cl.id.compare(m); {
		case m.uid < cl.mark.Next:
			if verdict == LandingFound {
				before++
			}
		case verdict == LandingFound:
			equal = append(equal, m.uid)
		case verdict == LandingUnknown:
			unsure++
		}
	}
	slices.Sort(equal)
	least, most = max(least-before, 0), max(most-before, 0) // the messages of the others that may stand above the mark
	switch n := len(equal); {
	case n > most+cl.sent: // a message of another client is among them
		return LandingUnknown, 0
	case n > most && most > 0:
		cl.end(1, cl.sent, nil)
		return LandingFound, 0
	case n > most:
		for _, uid := range equal {
			cl.box.take(s.UIDValidity, uid, c.now())
		}
		cl.end(0, cl.sent-n, equal)
		return LandingFound, equal[n-1]
	case cl.sent == 0:
		return LandingAbsent, 0
	case n < least:
		return LandingPending, 0
	case n > 0 && most > least || unsure > 0:
		return LandingUnknown, 0
	}
	if !s.Whole || cl.box.isMissing(seen, cl.mark.Next, s.Next) {
		return LandingPending, 0
	}
	return LandingAbsent, 0
}

// Likeliest returns the UID of the message that was stored, as far as that can be told where
// Judge cannot: the highest one of the equal messages of a look, since a message of an earlier
// try, which was late, stands below it as a rule. It returns 0 if there is none, or if another
// client's message may be among them. It takes no UID.
func (cl *Claim) Likeliest(s *Survey) (uid uint32) {
	c := cl.claims
	c.mu.Lock()
	defer c.mu.Unlock()
	low, _, most := cl.others()
	if !cl.canJudge(s, low) {
		return 0
	}
	n, before := 0, 0
	for _, m := range s.Shown {
		switch {
		case cl.box.taken[m.uid] || m.uid < low || cl.id.compare(m) != LandingFound:
		case m.uid < cl.mark.Next:
			before++
		default:
			n++
			uid = max(uid, m.uid)
		}
	}
	if n > max(most-before, 0)+cl.sent {
		return 0
	}
	return uid
}

// canJudge reports whether a look can tell what became of the APPEND. low is the lowest mark of the equal
// APPENDs. claims.mu is held.
func (cl *Claim) canJudge(s *Survey, low uint32) bool {
	return cl.mark.Next != 0 && cl.isKnown() && s.UIDValidity == cl.mark.UIDValidity && s.From <= low
}

// isKnown reports whether the APPEND is on its way or remembered. For any other APPEND,
// Claims no longer know the UIDs of the other sessions. claims.mu is held.
func (cl *Claim) isKnown() bool {
	return slices.Contains(cl.box.inFlight, cl) || slices.Contains(cl.box.remembered, cl)
}

// isMissing reports whether a UID from first on and below next is neither seen nor taken by
// another message. A message with such a UID came, and cannot be seen or was removed. It
// may be the message that Judge looks for. claims.mu is held.
func (b *box) isMissing(seen map[uint32]bool, first, next uint32) bool {
	for uid := first; uid < next; uid++ {
		if !seen[uid] && !b.taken[uid] {
			return true // so the loop is not longer than the number of known UIDs
		}
	}
	return false
}
