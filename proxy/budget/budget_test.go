package budget

import (
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// clock is a clock that the test sets.
type clock struct{ time.Time }

func (c *clock) now() time.Time { return c.Time }

func newBooks(limits Limits) (*Books, *clock) {
	c := &clock{time.Date(2026, 11, 29, 12, 7, 0, 0, time.UTC)}
	b := New(c.now)
	b.SetLimits(map[string]Limits{"": limits})
	return b, c
}

// store stores a message, or returns why it cannot.
func (b *Books) store(user string, size int64) *Over {
	s, over := b.Take("", user, size)
	s.Spend()
	return over
}

func TestTake(t *testing.T) {
	for _, tt := range []struct {
		name   string
		limits Limits
		sizes  []int64
		want   string // of the last message; "": it fits
	}{
		{"no limit", Limits{}, []int64{1 << 40, 1 << 40}, ""},
		{"messages", Limits{Each: Amount{Messages: 2}}, []int64{10, 10, 10},
			"nothing was stored: Bob has used 2 of 2 messages in 24 hours; by upstream.pace.messages_per_day " +
				"it goes on at 2026-11-30 12:15 UTC"},
		{"bytes fit exactly", Limits{Each: Amount{Bytes: 20}}, []int64{10, 10}, ""},
		{"bytes", Limits{Each: Amount{Bytes: 20}}, []int64{10, 11},
			"nothing was stored: Bob has used 10 of 20 bytes in 24 hours; by upstream.pace.bytes_per_day " +
				"it goes on at 2026-11-30 12:15 UTC"},
		{"never", Limits{Each: Amount{Bytes: 20}}, []int64{21},
			"the message has 21 bytes, and upstream.pace.bytes_per_day allows 20 in 24 hours: it never fits, " +
				"and stays where it is"},
		{"all", Limits{All: Amount{Messages: 1}}, []int64{1, 1},
			"nothing was stored: all accounts together have used 1 of 1 messages in 24 hours; " +
				"by upstream.pace.all.messages_per_day it goes on at 2026-11-30 12:15 UTC"},
		{"never is said before later", Limits{Each: Amount{Messages: 1}, All: Amount{Bytes: 5}}, []int64{1, 6},
			"the message has 6 bytes, and upstream.pace.all.bytes_per_day allows 5 in 24 hours: it never fits, " +
				"and stays where it is"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b, _ := newBooks(tt.limits)
			var over *Over
			for _, size := range tt.sizes {
				over = b.store("Bob", size)
			}
			switch {
			case over == nil && tt.want != "":
				t.Errorf("it fits, want %q", tt.want)
			case over != nil && over.Error() != tt.want:
				t.Errorf("%q, want %q", over.Error(), tt.want)
			}
		})
	}
}

// A message counts for 24 hours from the end of its quarter of an hour, and what has been
// refused fits exactly at the time that was told.
func TestItGoesOnAtTheTimeTold(t *testing.T) {
	b, clock := newBooks(Limits{Each: Amount{Bytes: 100}})
	for _, size := range []int64{40, 40, 20} { // at 12:07, 12:27, 12:47
		if over := b.store("bob", size); over != nil {
			t.Fatal(over)
		}
		clock.Time = clock.Add(20 * time.Minute)
	}
	over := b.store("BOB", 50) // needs the first two
	if want := time.Date(2026, 11, 30, 12, 30, 0, 0, time.UTC); over == nil || !over.At.Equal(want) {
		t.Fatalf("%v, want %s", over, want)
	}
	if s := b.Of("", "bob"); !s.Until.Equal(over.At) || s.Used != (Amount{3, 100}) {
		t.Errorf("the state is %+v", s)
	}
	if _, waiting := b.All(""); waiting != 1 {
		t.Errorf("%d accounts wait", waiting)
	}
	clock.Time = over.At.Add(-time.Millisecond)
	if b.store("bob", 50) == nil {
		t.Error("it fits a moment before the time")
	}
	clock.Time = over.At
	if over := b.store("bob", 50); over != nil {
		t.Errorf("at the time told: %v", over)
	}
	if s := b.Of("", "bob"); !s.Until.IsZero() || s.Used != (Amount{2, 70}) {
		t.Errorf("the state is %+v", s)
	}
}

func TestShareIsGivenBack(t *testing.T) {
	b, _ := newBooks(Limits{Each: Amount{Bytes: 100}})
	one, _ := b.Take("", "bob", 60)
	if _, over := b.Take("", "bob", 60); over == nil {
		t.Fatal("two messages on their way exceed the limit")
	}
	if _, over := b.Take("", "alice", 60); over != nil {
		t.Errorf("the limit of one account holds another: %v", over)
	}
	one.Close()
	two, over := b.Take("", "bob", 60)
	if over != nil {
		t.Fatalf("after it was given back: %v", over)
	}
	if over := two.Resize(101); over == nil || !over.At.IsZero() {
		t.Errorf("resized beyond the limit: %v", over)
	}
	if over := two.Resize(90); over != nil {
		t.Errorf("a message counts against itself: %v", over)
	}
	two.Spend()
	two.Close() // as Upload.Close does
	if s := b.Of("", "bob"); s.Used != (Amount{1, 90}) {
		t.Errorf("used %+v", s.Used)
	}
}

// Whatever sessions do at the same time, no more is stored than the limit.
func TestSessionsDoNotExceedALimitTogether(t *testing.T) {
	b, _ := newBooks(Limits{Each: Amount{Messages: 30}, All: Amount{Bytes: 500}})
	var mu sync.Mutex
	stored := map[string]int64{}
	var sessions sync.WaitGroup
	for i := range 20 {
		sessions.Go(func() {
			user := []string{"bob", "alice"}[i%2]
			for n := range 50 {
				s, over := b.Take("", user, 10)
				if over != nil {
					continue
				}
				if n%3 == 0 {
					s.Close() // Exchange has refused it
					continue
				}
				s.Spend()
				mu.Lock()
				stored[user]++
				mu.Unlock()
			}
		})
	}
	sessions.Wait()
	if stored["bob"] > 30 || stored["alice"] > 30 || stored["bob"]+stored["alice"] != 50 {
		t.Errorf("stored %v, want 50 of all, and 30 each at most", stored)
	}
}

// New limits hold at once, and nothing that was counted is lost.
// Between the end of a share and the count of what it has stored, no other message fits: the clock, which Spend asks,
// tries one.
func TestSpendLeavesNoGap(t *testing.T) {
	c := &clock{time.Date(2026, 11, 29, 12, 7, 0, 0, time.UTC)}
	var b *Books
	tries, fits := false, false
	b = New(func() time.Time {
		if tries {
			tries = false
			_, over := b.Take("", "bob", 10)
			fits = over == nil
		}
		return c.now()
	})
	b.SetLimits(map[string]Limits{"": {Each: Amount{Messages: 1}}})
	share, over := b.Take("", "bob", 10)
	if over != nil {
		t.Fatal(over)
	}
	tries = true
	share.Spend()
	if tries || fits {
		t.Errorf("tried %v, a second message fits %v", !tries, fits)
	}
}

func TestSetLimits(t *testing.T) {
	b, _ := newBooks(Limits{})
	b.store("bob", 10)
	b.SetLimits(map[string]Limits{"": {Each: Amount{Messages: 1}}})
	if over := b.store("bob", 10); over == nil || !strings.Contains(over.Error(), "1 of 1") {
		t.Errorf("after the limit: %v", over)
	}
	b.SetLimits(map[string]Limits{"": {Each: Amount{Messages: 2}}})
	if s := b.Of("", "bob"); !s.Until.IsZero() {
		t.Errorf("it waits until %s", s.Until)
	}
	if over := b.store("bob", 10); over != nil {
		t.Error(over)
	}
}

// Accounts that have stored nothing within a day are dropped.
func TestSweep(t *testing.T) {
	b, clock := newBooks(Limits{})
	for i := range minSweep {
		b.store(strconv.Itoa(i), 1)
	}
	clock.Time = clock.Add(Day + Quarter)
	b.store("last", 1)
	if len(b.accounts) != 1 {
		t.Errorf("%d accounts", len(b.accounts))
	}
}
