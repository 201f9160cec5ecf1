package exchangesim

import "slices"

// view is the selected mailbox as the client knows it. The sequence number of a message is
// the position of its UID in uids, plus one. It changes only when an EXPUNGE is sent.
type view struct {
	mailbox  *mailbox
	readOnly bool
	uids     []uint32
	change   uint64            // of the store when flags were last told
	told     map[uint32]uint64 // change of the flags told since, by UID
}

// newView returns the view at SELECT. The caller holds the store's lock.
func newView(s *store, mb *mailbox, readOnly bool) *view {
	v := &view{mailbox: mb, readOnly: readOnly, change: s.change, told: map[uint32]uint64{}}
	for _, m := range mb.messages {
		v.uids = append(v.uids, m.uid)
	}
	return v
}

// seq returns the sequence number of a UID; 0 if the client does not know it.
func (v *view) seq(uid uint32) uint32 {
	i, ok := slices.BinarySearch(v.uids, uid)
	if !ok {
		return 0
	}
	return uint32(i) + 1
}

// changes are the changes that the client does not yet know.
type changes struct {
	expunged []uint32 // sequence numbers in the order to send them
	exists   int      // -1: as it was
	flags    []target // whose flags others changed
}

// target is one message of the view, in its state while the lock was held.
type target struct {
	seq uint32
	msg *message
}

// update brings the view up to date. Without expunge, messages that are gone
// stay in it, as no sequence number may change now (RFC 9051 section 7.5.1).
// The caller holds the store's lock.
func (v *view) update(s *store, expunge bool) changes {
	ch := changes{exists: -1}
	if expunge {
		for i := len(v.uids) - 1; i >= 0; i-- {
			if v.mailbox.message(v.uids[i]) == nil {
				ch.expunged = append(ch.expunged, uint32(i)+1)
				v.uids = slices.Delete(v.uids, i, i+1)
			}
		}
	}
	before, last := len(v.uids), uint32(0)
	if before > 0 {
		last = v.uids[before-1]
	}
	for _, m := range v.mailbox.messages {
		switch seq := v.seq(m.uid); {
		case seq == 0 && m.uid > last:
			v.uids = append(v.uids, m.uid)
		case seq != 0 && m.change > max(v.change, v.told[m.uid]):
			ch.flags = append(ch.flags, target{seq, m.clone()})
		}
	}
	if len(v.uids) > before {
		ch.exists = len(v.uids)
	}
	v.change = s.change
	clear(v.told)
	return ch
}

// sync tells the client what changed in the selected mailbox.
func (c *conn) sync(expunge bool) {
	if c.view == nil {
		return
	}
	c.srv.store.mu.Lock()
	ch := c.view.update(c.srv.store, expunge)
	c.srv.store.mu.Unlock()
	for _, seq := range ch.expunged {
		c.printf("* %d EXPUNGE\r\n", seq)
	}
	if ch.exists >= 0 {
		c.printf("* %d EXISTS\r\n", ch.exists)
	}
	for _, t := range ch.flags {
		c.printf("* %d FETCH (FLAGS %s)\r\n", t.seq, t.msg.flags)
	}
}

// targets are the messages of a set, by sequence number or UID. A number past
// the end is an error for Exchange (quirk EX-19); messages expunged meanwhile
// and unknown UIDs are passed over. The caller holds the store's lock.
func (c *conn) targets(set []seqRange, byUID bool) ([]target, bool) {
	v := c.view
	last := uint32(len(v.uids))
	if byUID {
		last = 0
		if n := len(v.uids); n > 0 {
			last = v.uids[n-1]
		}
	} else if c.srv.quirks[quirkMessageSet] {
		for _, r := range set {
			if last == 0 || max(r.from, r.to) > last {
				return nil, false
			}
		}
	}
	var list []target
	for i, uid := range v.uids {
		n := uint32(i) + 1
		if byUID {
			n = uid
		}
		if !contains(set, n, last) {
			continue
		}
		if m := v.mailbox.message(uid); m != nil {
			list = append(list, target{uint32(i) + 1, m})
		}
	}
	return list, true
}
