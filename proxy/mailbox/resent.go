package mailbox

import (
	"context"
	"slices"

	"exgate/backend"
)

// A client that has lost its gateway sends its last message again. Only the ledger knows
// then that the message may be in the mailbox: a Claim that Resumes the earlier APPEND
// looks for it.

// Resume makes the APPEND stand for an earlier one of the same message, which began at the
// mark and may have stored the message, under the UID own if that is not 0. others are the
// UIDs of other messages that exgate has stored since the mark.
func (cl *Claim) Resume(mark Mark, own uint32, others []uint32) {
	cl.claims.mu.Lock()
	defer cl.claims.mu.Unlock()
	b := cl.box
	b.valid(mark.UIDValidity)
	for _, uid := range others {
		b.taken[uid] = true
	}
	delete(b.taken, own)
	cl.mark, cl.sent = mark, 1
}

// Recognize decides from a look whether the mailbox has the message of a resumed APPEND. If
// it has, the APPEND takes its UID, and ends. Several earlier APPENDs of the message may be
// resumed, one after another: each takes one of the equal messages, and where none is left
// the message is absent. So there are as many messages as APPENDs, whichever came first.
//
// mbsync has seen the messages below own.Below. So one of them with another mark is another message
// (LandingOther), unless there is a message that it has not seen, and the APPEND goes on.
func (cl *Claim) Recognize(s *Survey, own Sought) (landed Landing, uid uint32) {
	c := cl.claims
	c.mu.Lock()
	defer c.mu.Unlock()
	if cl.mark.Next == 0 || s.UIDValidity != cl.mark.UIDValidity || s.From > cl.mark.Next {
		return LandingUnknown, 0
	}
	unsure, other := false, uint32(0)
	seen := make(map[uint32]bool)
	for _, m := range s.Shown {
		seen[m.uid] = true
		if cl.box.taken[m.uid] || m.uid < cl.mark.Next {
			continue
		}
		switch cl.id.compare(m) {
		case LandingFound:
			of := &uid
			if own.hasSeen(m) {
				of = &other
			}
			if *of == 0 || m.uid < *of {
				*of = m.uid
			}
		case LandingUnknown:
			unsure = true
		}
	}
	switch {
	case uid != 0:
		cl.box.recognize(uid)
		cl.end(0, 0, []uint32{uid})
		return LandingFound, uid
	case unsure:
		return LandingUnknown, 0
	case other != 0:
		cl.box.recognize(other)
		cl.sent-- // what is sent from now on counts anew
		return LandingOther, other
	case !s.Whole:
		return LandingPending, 0
	}
	return LandingAbsent, 0
}

// Sought is what a client that looks for its messages itself has looked for: mbsync. The zero value is
// that of other clients.
type Sought struct {
	TUID  string // the mark of the message that it sends
	Below uint32 // the UID below which it has looked; 0: it has not
}

// hasSeen reports whether the client has seen that m is another message than the one that it sends.
func (s Sought) hasSeen(m candidate) bool {
	return s.TUID != "" && m.tuid != "" && m.tuid != s.TUID && m.uid < s.Below
}

// RecognizeAnew decides for an APPEND whose earlier attempt went to a mailbox that had another
// UIDVALIDITY: it was made anew since, or moved. An equal message in it may be that of the
// attempt or another one: nobody can tell.
func (cl *Claim) RecognizeAnew(s *Survey) Landing {
	c := cl.claims
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range s.Shown {
		isOther := cl.box.validity == s.UIDValidity && cl.box.taken[m.uid]
		if !isOther && cl.id.compare(m) != LandingAbsent {
			return LandingUnknown
		}
	}
	if !s.Whole {
		return LandingPending
	}
	return LandingAbsent
}

// maxAnew limits the messages that LookAnew reads.
const maxAnew = 10_000

// LookAnew is LookResumed, and surveys all of a mailbox that has another UIDVALIDITY than the
// mark, for RecognizeAnew. It returns nil if that has too many messages.
func LookAnew(ctx context.Context, conn *backend.Conn, mailbox string, from Mark) (*Survey, error) {
	return lookResumed(ctx, conn, mailbox, from, true)
}

// LookResumed surveys a mailbox for Recognize, on a connection that has it selected. It
// returns nil if the mailbox has another UIDVALIDITY than the mark, or tells none.
func LookResumed(ctx context.Context, conn *backend.Conn, mailbox string, from Mark) (*Survey, error) {
	return lookResumed(ctx, conn, mailbox, from, false)
}

func lookResumed(ctx context.Context, conn *backend.Conn, mailbox string, from Mark, anew bool) (*Survey, error) {
	var said map[string]uint32
	req := backend.NewRequest("STATUS").Mailbox(mailbox).Raw("(MESSAGES UIDNEXT UIDVALIDITY)")
	req.Untagged = func(line []byte) bool {
		numbers, ok := StatusNumbers(line)
		if ok {
			said = numbers
		}
		return ok
	}
	// NOOP has a selected mailbox show what has come since (RFC 9051 section 7.4.1).
	if _, err := conn.Do(ctx, backend.NewRequest("NOOP")); err != nil {
		return nil, err
	}
	status, err := conn.Do(ctx, req)
	if err == nil && status.Word != "OK" {
		err = backend.ReplyError("STATUS", status)
	}
	if err != nil {
		return nil, err
	}
	validity := said["UIDVALIDITY"]
	if validity != from.UIDValidity && anew && validity != 0 && said["MESSAGES"] <= maxAnew && from.Next != 0 {
		from = Mark{UIDValidity: validity, Next: 1}
	}
	if validity != from.UIDValidity || from.Next == 0 {
		return nil, nil
	}
	v := &surveyor{
		conn: conn, from: from.Next, exists: said["MESSAGES"], shown: make(map[uint32]candidate), marks: anew,
	}
	whole, err := v.survey(ctx)
	if err != nil {
		return nil, err
	}
	s := v.result(from.UIDValidity)
	s.Next = said["UIDNEXT"]
	s.Whole = whole && !slices.ContainsFunc(s.Shown, func(m candidate) bool { return m.unread })
	return s, nil
}
