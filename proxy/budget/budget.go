// Package budget limits what an upstream may be given in any 24 hours: messages and bytes, of
// each account and of all accounts together.
//
// The 24 hours end now, and are no calendar day: a limit of calendar days lets twice the
// budget pass within minutes around midnight, and depends on a time zone. Books counts in
// quarters of an hour, so that an account has at most 97 numbers, and a time can be told at
// which a refused message fits.
//
// A message takes its share before it is sent (Books.Take). The share is spent when Exchange
// has stored the message, or may have, and given back otherwise. So sessions that store
// messages at the same time do not exceed a limit together.
package budget

import (
	"fmt"
	"strings"
	"sync"
	"time"
)

// Day is the time over which Books counts.
const Day = 24 * time.Hour

// Quarter is the time that is counted as one.
const Quarter = 15 * time.Minute

// Amount is a number of messages and of their bytes. In a limit, 0 is no limit.
type Amount struct{ Messages, Bytes int64 }

func (a Amount) plus(b Amount) Amount { return Amount{a.Messages + b.Messages, a.Bytes + b.Bytes} }

func (a Amount) minus(b Amount) Amount { return Amount{a.Messages - b.Messages, a.Bytes - b.Bytes} }

// Limits are the limits of an upstream.
type Limits struct {
	Each Amount // of each account
	All  Amount // of all accounts together
	// Disconnect ends a session whose message has to wait, in place of a NO.
	Disconnect bool
}

// HasAny reports whether there is a limit.
func (l Limits) HasAny() bool { return l.Each != Amount{} || l.All != Amount{} }

// Over says that a message does not fit. It is an error.
type Over struct {
	Key  string    // of the configuration
	What string    // the account; "": all accounts of the upstream
	Used int64     // messages or bytes of the last 24 hours
	Of   int64     // the limit
	Size int64     // of the message
	At   time.Time // when the message fits, if nothing else is stored before; zero: never
}

// Error tells a client why, and when it goes on.
func (o *Over) Error() string {
	unit := "messages"
	if strings.HasSuffix(o.Key, "bytes_per_day") {
		unit = "bytes"
	}
	if o.At.IsZero() {
		return fmt.Sprintf("the message has %d bytes, and %s allows %d in 24 hours: it never fits, and stays where "+
			"it is", o.Size, o.Key, o.Of)
	}
	who := "all accounts together have"
	if o.What != "" {
		who = o.What + " has"
	}
	// Mail::IMAPClient, with which imapsync speaks IMAP, shows about 95 characters of the end.
	return fmt.Sprintf("nothing was stored: %s used %d of %d %s in 24 hours; by %s it goes on at %s",
		who, o.Used, o.Of, unit, o.Key, o.At.UTC().Format("2006-01-02 15:04 UTC"))
}

// Books counts what each account and each upstream has been given. Use New. It is safe for
// use by several goroutines.
type Books struct {
	now   func() time.Time
	peers Peers // nil: no other gateway counts

	mu       sync.Mutex
	limits   map[string]Limits // by upstream
	all      map[string]*account
	accounts map[key]*account
	sweepAt  int // number of accounts at which those that have nothing are dropped
}

type key struct{ upstream, account string } // account in lower case

func keyOf(upstream, user string) key { return key{upstream, strings.ToLower(user)} }

// account counts for an account, or for all accounts of an upstream. Books.mu guards it.
type account struct {
	spent map[int64]Amount // by quarter, since 1970
	taken Amount           // by messages that are on their way
	// untold is the part of spent that the peers do not know of. told is 0 if they know nothing
	// of the rest, or the number of their losses before they were told, and one.
	untold map[int64]Amount
	told   int
	// refused is the size of the last message that did not fit; nil: the last one did.
	refused *int64
}

// minSweep is the number of accounts below which none is dropped.
const minSweep = 1024

// New returns books that have counted nothing.
func New(now func() time.Time) *Books {
	return &Books{now: now, limits: make(map[string]Limits), all: make(map[string]*account),
		accounts: make(map[key]*account), sweepAt: minSweep}
}

// SetLimits replaces the limits of all upstreams, by name. They hold for sessions that are
// open, too.
func (b *Books) SetLimits(limits map[string]Limits) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.limits = limits
}

// Limits returns the limits of an upstream.
func (b *Books) Limits(upstream string) Limits {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.limits[upstream]
}

// Add counts what was stored at a time, as an earlier run of the gateway has written.
func (b *Books) Add(upstream, user string, at time.Time, n Amount) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.spend(upstream, user, at, n, false)
}

// spend counts what was stored at a time. isNew says that the peers are to add it to what they
// know. b.mu is held.
func (b *Books) spend(upstream, user string, at time.Time, n Amount, isNew bool) {
	each, all := b.of(upstream, user)
	for _, a := range []*account{each, all} {
		a.add(at, n)
		if isNew && b.peers != nil {
			a.spendAlone(at, n)
		}
	}
}

// AtLeast counts what was stored in a quarter, as another source has it, if that is more than what was counted.
func (b *Books) AtLeast(upstream, user string, at time.Time, n Amount) {
	b.mu.Lock()
	defer b.mu.Unlock()
	each, all := b.of(upstream, user)
	known := each.spent[quarterOf(at)]
	more := Amount{max(0, n.Messages-known.Messages), max(0, n.Bytes-known.Bytes)}
	each.add(at, more)
	all.add(at, more)
}

// of returns the account of a user, and that of all users of the upstream. b.mu is held.
func (b *Books) of(upstream, user string) (each, all *account) {
	k := keyOf(upstream, user)
	if each = b.accounts[k]; each == nil {
		b.sweep()
		each = &account{spent: make(map[int64]Amount)}
		b.accounts[k] = each
	}
	if all = b.all[upstream]; all == nil {
		all = &account{spent: make(map[int64]Amount)}
		b.all[upstream] = all
	}
	return each, all
}

// sweep drops the accounts that have stored nothing within a day. It works only when the
// number of accounts has doubled. b.mu is held.
func (b *Books) sweep() {
	if len(b.accounts) < b.sweepAt {
		return
	}
	now := b.now()
	for k, a := range b.accounts {
		if a.forget(now); len(a.spent) == 0 && a.taken == (Amount{}) {
			delete(b.accounts, k)
		}
	}
	b.sweepAt = max(minSweep, 2*len(b.accounts))
}

// Take takes the share of one message of size bytes. It returns an error if the message does
// not fit.
func (b *Books) Take(upstream, user string, size int64) (*Share, *Over) {
	s := &Share{books: b, upstream: upstream, user: user}
	if over := s.Resize(size); over != nil {
		return nil, over
	}
	return s, nil
}

// Share is what a message has taken. A nil Share is of nothing. The goroutine that stores the
// message uses it.
type Share struct {
	books          *Books
	upstream, user string
	taken          Amount
	quarter        int64 // in which the peers count it; 0: this gateway counts it alone
	isAlone        bool
}

// Resize changes the size of the message: a repair has changed it. If the message does not
// fit any more, the share stays as it was.
func (s *Share) Resize(size int64) *Over {
	if s == nil || s.taken == (Amount{1, size}) {
		return nil
	}
	if over, isTaken := s.takeShared(size); isTaken {
		return over
	}
	if s.quarter != 0 { // the peers are lost, and know of the share as it was
		return nil
	}
	b := s.books
	b.mu.Lock()
	defer b.mu.Unlock()
	if over := s.over(size); over != nil {
		return over
	}
	each, all := b.of(s.upstream, s.user)
	change := Amount{1, size}.minus(s.taken)
	each.taken, all.taken = each.taken.plus(change), all.taken.plus(change)
	s.taken, s.isAlone = s.taken.plus(change), true
	return nil
}

// over returns why a message of size bytes does not fit; nil if it does. books.mu is held.
func (s *Share) over(size int64) (over *Over) {
	b := s.books
	each, all := b.of(s.upstream, s.user)
	limits, now := b.limits[s.upstream], b.now()
	for _, of := range []struct {
		account *account
		limit   Amount
		prefix  string
		what    string
	}{{each, limits.Each, "upstream.pace.", s.user}, {all, limits.All, "upstream.pace.all.", ""}} {
		found := of.account.check(now, of.limit, s.taken, size)
		if of.account.refused = nil; found == nil {
			continue
		}
		found.Key, found.What = of.prefix+found.Key, of.what
		of.account.refused = &size
		if over == nil || found.At.IsZero() || !over.At.IsZero() && found.At.After(over.At) {
			over = found // the one that lasts longest
		}
	}
	return over
}

// Spend says that the message is stored, or may be.
func (s *Share) Spend() {
	if s == nil || s.taken == (Amount{}) {
		return
	}
	if s.quarter != 0 {
		s.closeShared(true)
		return
	}
	b, at := s.books, s.books.now()
	b.mu.Lock()
	defer b.mu.Unlock()
	n := s.taken
	s.release() // no other message gets these bytes: they are spent under the same lock
	b.spend(s.upstream, s.user, at, n, true)
}

// Close gives the share back, unless it was spent.
func (s *Share) Close() {
	if s == nil {
		return
	}
	if s.quarter != 0 {
		s.closeShared(false)
		return
	}
	s.books.mu.Lock()
	defer s.books.mu.Unlock()
	s.release()
}

// release frees what the share has taken. books.mu is held.
func (s *Share) release() {
	each, all := s.books.of(s.upstream, s.user)
	each.taken, all.taken = each.taken.minus(s.taken), all.taken.minus(s.taken)
	s.taken = Amount{}
}
