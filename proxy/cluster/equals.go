package cluster

import (
	"context"
	"strconv"
	"sync"
	"time"

	"exgate/proxy/ledger"
	"exgate/proxy/mailbox"
)

const (
	// appendLife is how long Redis knows an APPEND that does not end. It is told again when Redis was lost.
	appendLife = time.Hour
	// manyStored is how many messages an APPEND may have stored of which nobody knows how it has ended.
	manyStored = 1000
)

// Peers returns what the mailboxes of an account have to do with other gateways; nil if there are none.
func (c *Cluster) Peers(upstream, account string) mailbox.Peers {
	if c == nil {
		return nil
	}
	return equals{c, upstream, account}
}

// equals implements mailbox.Peers. While Redis is lost, this gateway goes on with what it knows.
type equals struct {
	c                 *Cluster
	upstream, account string
}

// Enter implements mailbox.Peers.
func (e equals) Enter(ctx context.Context, m mailbox.Shared, patience time.Duration) (mailbox.Lease, int, error) {
	l := e.lease(m)
	timer := time.NewTimer(patience)
	defer timer.Stop()
	looks := time.NewTicker(beatEvery) // a gateway may have ended, or news may have been lost
	defer looks.Stop()
	for waits := patience > 0; ; {
		changed := e.c.appends.news()
		if others, ok := l.begin(waits); ok {
			return l, others, nil
		}
		select {
		case <-changed:
		case <-looks.C:
		case <-timer.C:
			waits = false
		case <-ctx.Done():
			return nil, 0, context.Cause(ctx)
		}
	}
}

func (e equals) lease(m mailbox.Shared) *lease {
	c := e.c
	place := ledger.Place(e.upstream, e.account, m.Mailbox)
	l := &lease{c: c, id: c.appends.next(),
		keys: []string{c.keys.gateways(), c.keys.uids(c.hash("mailbox", place))}}
	if m.Fields != "" {
		l.keys, l.kinds = append(l.keys, c.keys.equal(c.hash("fields", place+"\x00"+m.Fields))), "fields"
	}
	if m.ID != "" {
		l.kinds = "id"
		if m.Fields != "" {
			l.kinds = "both"
		}
		l.keys = append(l.keys, c.keys.equal(c.hash("id", place+"\x00"+m.ID)))
	}
	return l
}

// lease implements mailbox.Lease.
type lease struct {
	c     *Cluster
	id    string
	keys  []string // of begin.lua
	kinds string   // of keys: fields, id or both; "": none

	mu       sync.Mutex
	others   int  // by Redis's last answer
	begun    bool // Redis may know of it
	ended    bool
	most     int
	validity uint32
	uids     []uint32
}

// hasID reports whether the message has a Message-ID.
func (l *lease) hasID() bool { return l.kinds == "id" || l.kinds == "both" }

// about returns the arguments that begin.lua and equal.lua begin with.
func (l *lease) about() []any {
	return []any{l.c.id, silentAfter.Milliseconds(), mailbox.Memory.Milliseconds(), manyStored, l.kinds}
}

// begin has the other gateways know of the APPEND, and returns how many equal messages they may have stored. ok is
// false if the APPEND must wait. While Redis is lost, it need not.
func (l *lease) begin(waits bool) (others int, ok bool) {
	c := l.c
	if l.kinds == "" {
		return 0, true
	}
	args := append(l.about(), l.id, flag(l.hasID()), flag(waits), appendLife.Milliseconds())
	cmd, ok := c.run(beginScript, l.keys, args...)
	if !ok {
		return 0, true
	}
	said, err := cmd.Int64Slice()
	if err != nil || len(said) != 2 {
		c.log.Error("exgate does not understand Redis's answer about equal messages", "err", err)
		return 0, true
	}
	if said[0] == 0 {
		return 0, false
	}
	c.appends.add(l)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.begun, l.others = true, int(said[1])
	return l.others, true
}

// Others implements mailbox.Lease.
func (l *lease) Others(from mailbox.Mark) (others int, uids []uint32) {
	c := l.c
	cmd, ok := c.run(equalScript, l.keys, append(l.about(), from.UIDValidity, from.Next)...)
	l.mu.Lock()
	defer l.mu.Unlock()
	if !ok {
		return l.others, nil
	}
	said, err := cmd.Int64Slice()
	if err != nil || len(said) == 0 {
		c.log.Error("exgate does not understand Redis's answer about equal messages", "err", err)
		return l.others, nil
	}
	l.others = int(said[0])
	for _, uid := range said[1:] {
		uids = append(uids, uint32(uid))
	}
	return l.others, uids
}

// End implements mailbox.Lease. It does not wait for Redis.
func (l *lease) End(most int, validity uint32, uids []uint32) {
	l.mu.Lock()
	l.ended, l.most, l.validity, l.uids = true, most, validity, uids
	l.mu.Unlock()
	l.c.chores.add(l)
}

// do implements chore: it tells Redis what became of the APPEND, or that it is on its way still.
func (l *lease) do() {
	l.mu.Lock()
	begun, ended := l.begun, l.ended
	args := []any{
		l.c.id, l.id, flag(l.hasID()), l.most, mailbox.Memory.Milliseconds(), l.c.keys.news(),
		l.c.newsOf(newsEqual, "", 0), l.validity, 2 * ledger.Window.Milliseconds(), maxUIDs,
	}
	for _, uid := range l.uids {
		args = append(args, uid)
	}
	l.mu.Unlock()
	switch {
	case !begun:
		return // Redis was lost
	case !ended:
		l.begin(false)
		return
	}
	if _, ok := l.c.run(endedScript, l.keys, args...); ok {
		l.c.appends.remove(l)
	}
}

// appends are the APPENDs of this gateway that Redis knows of: of each session one, and those that ended while Redis
// was lost. The zero value has none.
type appends struct {
	mu      sync.Mutex
	count   int
	known   map[*lease]struct{} // without those whose end it was told
	changed chan struct{}       // closed when one of another gateway has ended; nil: nobody waits
}

// next returns the id of a new APPEND.
func (a *appends) next() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.count++
	return strconv.Itoa(a.count)
}

func (a *appends) add(l *lease) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.known == nil {
		a.known = make(map[*lease]struct{})
	}
	a.known[l] = struct{}{}
}

func (a *appends) remove(l *lease) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.known, l)
}

// news returns a channel that is closed when an APPEND of another gateway has ended.
func (a *appends) news() <-chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.changed == nil {
		a.changed = make(chan struct{})
	}
	return a.changed
}

// wake wakes those who wait for an APPEND of another gateway.
func (a *appends) wake() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.changed != nil {
		close(a.changed)
		a.changed = nil
	}
}

// retellAppends has Redis told again of the APPENDs that it was told of: it may have forgotten them, or not know that
// they have ended.
func (c *Cluster) retellAppends() {
	c.appends.mu.Lock()
	defer c.appends.mu.Unlock()
	for l := range c.appends.known {
		c.chores.add(l)
	}
}
