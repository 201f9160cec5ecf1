package mailbox

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"exgate/proxy/testkit"
)

// newTestClaims returns claims by a clock of the test's.
func newTestClaims() (*Claims, *testkit.Clock) {
	clock := &testkit.Clock{T: time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC)}
	c := NewClaims(nil)
	c.now = clock.Now
	return c, clock
}

func identity(messageID string) MessageKey {
	return MessageKey{Fingerprint: Fingerprint{messageID: messageID}}
}

// begun returns an APPEND with its mark that has gone up so many times.
func begun(t *testing.T, c *Claims, messageID string, mark uint32, sent int) *Claim {
	t.Helper()
	cl, err := c.Enter(t.Context(), "drafts", identity(messageID), 0)
	if err != nil {
		t.Fatal(err)
	}
	cl.SetMark(7, mark)
	if got := cl.Low(); got.Next == 0 || got.UIDValidity != 7 {
		t.Fatalf("the mark is %v, want %d", got, mark)
	}
	for range sent {
		cl.Sending()
	}
	return cl
}

// shows is a survey from 10 on: m is the message or one that is equal to it, x
// another one, ? one that cannot be told from it, and - none, at 10, 11 and so on.
func shows(text string) *Survey {
	s := &Survey{UIDValidity: 7, From: 10, Next: 10 + uint32(len(text)), Whole: true}
	for at, c := range text {
		m := candidate{uid: 10 + uint32(at)}
		switch c {
		case 'm':
			m.messageID = "<m@x>"
		case 'x':
			m.messageID = "<x@x>"
		case '?':
			m.unread = true
		default:
			continue
		}
		s.Shown = append(s.Shown, m)
	}
	return s
}

func told(uid uint32) *imap.AppendData { return &imap.AppendData{UIDValidity: 7, UID: imap.UID(uid)} }

// What mbsync has seen under another mark is another message, if there is no other one. The APPEND goes on then.
func TestRecognizeForMbsync(t *testing.T) {
	for name, tt := range map[string]struct {
		marks []string // of the messages 10, 11
		own   Sought
		want  Landing
		uid   uint32
	}{
		"seen":                  {[]string{"old", "older"}, Sought{"new", 12}, LandingOther, 10},
		"one has come since":    {[]string{"old", "older"}, Sought{"new", 11}, LandingFound, 11},
		"one has lost its mark": {[]string{"old", ""}, Sought{"new", 12}, LandingFound, 11},
		"the mark is the same":  {[]string{"older", "same"}, Sought{"same", 12}, LandingFound, 11},
		"not looked for":        {[]string{"old", "older"}, Sought{"new", 0}, LandingFound, 10},
		"of another client":     {[]string{"old", "older"}, Sought{}, LandingFound, 10},
	} {
		t.Run(name, func(t *testing.T) {
			c, _ := newTestClaims()
			cl := begun(t, c, "<m@x>", 10, 0)
			cl.Resume(Mark{7, 10}, 0, nil)
			s := shows("mm")
			for i, mark := range tt.marks {
				s.Shown[i].tuid = mark
			}
			landed, uid := cl.Recognize(s, tt.own)
			if landed != tt.want || uid != tt.uid {
				t.Fatalf("got %q, %d; want %q, %d", landed, uid, tt.want, tt.uid)
			}
			if landed != LandingOther {
				return
			}
			cl.Sending()
			if again, uid := cl.Judge(shows("m--m")); again != LandingFound || uid != 13 {
				t.Errorf("the message that went up: got %q, %d; want it found, 13", again, uid)
			}
		})
	}
}

// The mark of the next APPEND is above a message that was recognized. UIDNEXT may be much higher than that: the APPEND asks
// for it, unless the server has said it a moment ago.
func TestMarkAfterRecognize(t *testing.T) {
	for _, tt := range []struct {
		pass time.Duration // since UIDNEXT was said
		want uint32
	}{{0, 11}, {time.Minute, 0}} {
		c, clock := newTestClaims()
		cl := begun(t, c, "<m@x>", 10, 0)
		cl.Resume(Mark{7, 10}, 0, nil)
		clock.Add(tt.pass)
		if landed, _ := cl.Recognize(shows("m----m"), Sought{}); landed != LandingFound {
			t.Fatal(landed)
		}
		next, err := c.Enter(t.Context(), "drafts", identity("<m@x>"), 0)
		if err != nil {
			t.Fatal(err)
		}
		next.IsMarked()
		if got := next.Mark().Next; got != tt.want {
			t.Errorf("after %s, the mark is %d, want %d", tt.pass, got, tt.want)
		}
	}
}

// A message that was stored without a UID, where Judge cannot tell it from another one: the highest that is equal.
func TestLikeliest(t *testing.T) {
	for name, tt := range map[string]struct {
		before, shown string // how the APPEND of an equal message before it ended
		want          uint32
		mark          uint32 // 0: 10, as that of the one before
		change        func(*Claims, *Survey)
	}{
		"the one before is lost and absent":    {before: "unknown", shown: "m", want: 10},
		"and has come late":                    {before: "unknown", shown: "mm", want: 11},
		"among others":                         {before: "unknown", shown: "xm?", want: 11},
		"the one before has no UID either":     {before: "untold", shown: "mm", want: 11},
		"one is another client's":              {before: "unknown", shown: "mmm", want: 0},
		"it is not there":                      {before: "unknown", shown: "x", want: 0},
		"the one before is taken":              {before: "told", shown: "mm", want: 11},
		"the one before stands below the mark": {before: "untold", shown: "mm", want: 11, mark: 11},
		"and one is another client's":          {before: "untold", shown: "mmm", want: 0, mark: 11},
		"another mailbox":                      {before: "unknown", shown: "m", want: 0, change: func(_ *Claims, s *Survey) { s.UIDValidity = 8 }},
		"made anew, and forgotten":             {before: "unknown", shown: "m", want: 0, change: func(c *Claims, _ *Survey) { c.boxes["drafts"].valid(8) }},
		"and alone there":                      {before: "told", shown: "m", want: 0},
	} {
		t.Run(name, func(t *testing.T) {
			c, _ := newTestClaims()
			before := begun(t, c, "<m@x>", 10, 1)
			switch tt.before {
			case "untold":
				before.Stored(nil)
			case "unknown":
				before.Close()
			}
			cl := begun(t, c, "<m@x>", max(tt.mark, 10), 1)
			if tt.before == "told" {
				before.Stored(told(10))
			}
			cl.Stored(nil)
			s := shows(tt.shown)
			if tt.change != nil {
				tt.change(c, s)
			}
			if got := cl.Likeliest(s); got != tt.want {
				t.Errorf("UID %d, want %d", got, tt.want)
			}
		})
	}
}

// The equal messages of other sessions, each by how it ended, and what a look
// then proves of one that was lost.
func TestJudge(t *testing.T) {
	type other struct {
		id   string
		ends string // "told N", "untold", "unknown", "refused", "on its way"
	}
	equal := func(ends ...string) (list []other) {
		for _, e := range ends {
			list = append(list, other{"<m@x>", e})
		}
		return list
	}
	for name, tt := range map[string]struct {
		others []other
		sent   int // times that the lost one has gone up
		shown  string
		change func(*Survey)
		want   Landing
		uid    uint32
		behind bool // the first UID is below its mark
	}{
		"nothing has come":                {nil, 1, "", nil, LandingAbsent, 0, false},
		"it has":                          {nil, 1, "m", nil, LandingFound, 10, false},
		"among others":                    {nil, 1, "x?mx", nil, LandingFound, 12, false},
		"only others":                     {nil, 1, "xx", nil, LandingAbsent, 0, false},
		"one that cannot be read":         {nil, 1, "x?", nil, LandingUnknown, 0, false},
		"two, and it went up once":        {nil, 1, "mm", nil, LandingUnknown, 0, false},
		"two, and it went up twice":       {nil, 2, "mm", nil, LandingFound, 11, false},
		"one, and it never went up":       {nil, 0, "m", nil, LandingUnknown, 0, false},
		"another, and it never went up":   {nil, 0, "?", nil, LandingAbsent, 0, false},
		"the other's is taken":            {equal("told 10"), 1, "m", nil, LandingAbsent, 0, false},
		"behind the other's":              {equal("told 10"), 1, "mm", nil, LandingFound, 11, false},
		"before the other's":              {equal("told 11"), 1, "mm", nil, LandingFound, 10, false},
		"the other's was removed":         {equal("told 10"), 1, "-", nil, LandingAbsent, 0, false},
		"an unequal one's is taken":       {[]other{{"<x@x>", "told 10"}}, 1, "?", nil, LandingAbsent, 0, false},
		"the other has no UID":            {equal("untold"), 1, "m", nil, LandingAbsent, 0, false},
		"both have none":                  {equal("untold"), 1, "mm", nil, LandingFound, 0, false},
		"three have none":                 {equal("untold", "untold"), 1, "mmm", nil, LandingFound, 0, false},
		"two of three":                    {equal("untold", "untold"), 1, "mm", nil, LandingAbsent, 0, false},
		"one of three":                    {equal("untold", "untold"), 1, "m", nil, LandingPending, 0, false},
		"another client's too":            {equal("untold"), 1, "mmm", nil, LandingUnknown, 0, false},
		"the other cannot be seen yet":    {equal("untold"), 1, "", nil, LandingPending, 0, false},
		"the other's outcome is unknown":  {equal("unknown"), 1, "m", nil, LandingUnknown, 0, false},
		"neither has come":                {equal("unknown"), 1, "", nil, LandingAbsent, 0, false},
		"both have come":                  {equal("unknown"), 1, "mm", nil, LandingFound, 0, false},
		"the other is on its way":         {equal("on its way"), 1, "m", nil, LandingUnknown, 0, false},
		"and so was this":                 {equal("on its way"), 1, "mm", nil, LandingFound, 0, false},
		"the other was refused":           {equal("refused"), 1, "m", nil, LandingFound, 10, false},
		"an unequal one without a UID":    {[]other{{"<x@x>", "untold"}}, 1, "m", nil, LandingFound, 10, false},
		"the other stands below the mark": {equal("untold"), 1, "mm", nil, LandingFound, 11, true},
		"only the other does":             {equal("untold"), 1, "m", nil, LandingAbsent, 0, true},
		"and is not seen there":           {equal("untold"), 1, "x", nil, LandingPending, 0, true},
		"one below, one that is unknown":  {equal("untold", "unknown"), 1, "mm", nil, LandingUnknown, 0, true},
		"an unknown one below":            {equal("unknown"), 1, "mm", nil, LandingFound, 11, true},
		"something was removed before":    {nil, 1, "-x", nil, LandingAbsent, 0, true},
		"something was removed":           {nil, 1, "x-", nil, LandingPending, 0, false},
		"EXISTS is not accounted for":     {nil, 1, "x", func(s *Survey) { s.Whole = false }, LandingPending, 0, false},
		"it is there all the same":        {nil, 1, "m", func(s *Survey) { s.Whole = false }, LandingFound, 10, false},
		"UIDNEXT is not said":             {nil, 1, "x", func(s *Survey) { s.Next = 0 }, LandingAbsent, 0, false},
		"another mailbox":                 {nil, 1, "m", func(s *Survey) { s.UIDValidity = 8 }, LandingUnknown, 0, false},
		"the look began too high":         {nil, 1, "m", func(s *Survey) { s.From = 11 }, LandingUnknown, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			c, _ := newTestClaims()
			var pending []*Claim
			for _, o := range tt.others {
				cl := begun(t, c, o.id, 10, 1)
				var uid uint32
				switch n, _ := fmt.Sscanf(o.ends, "told %d", &uid); {
				case n == 1:
					// The lost one's mark is from before that was told.
					pending = append(pending, cl)
					defer cl.Close()
				case o.ends == "untold":
					cl.Stored(nil)
				case o.ends == "unknown":
					cl.Close()
				case o.ends == "refused":
					cl.Refused()
					cl.Close()
				}
			}
			mark := uint32(10)
			if tt.behind {
				mark++
			}
			lost := begun(t, c, "<m@x>", mark, tt.sent)
			for n, o := range tt.others[:len(pending)] {
				var uid uint32
				fmt.Sscanf(o.ends, "told %d", &uid)
				pending[n].Stored(told(uid))
			}
			s := shows(tt.shown)
			if tt.change != nil {
				tt.change(s)
			}
			if got, uid := lost.Judge(s); got != tt.want || uid != tt.uid {
				t.Errorf("landed: %s, UID %d; want %s, %d", got, uid, tt.want, tt.uid)
			}
		})
	}
}

// One UID proves one message: who looks second goes without.
func TestFoundOnce(t *testing.T) {
	c, _ := newTestClaims()
	one, two := begun(t, c, "<m@x>", 10, 1), begun(t, c, "<m@x>", 10, 1)
	if got, _ := one.Judge(shows("m")); got != LandingUnknown {
		t.Errorf("while the other is on its way: %s", got)
	}
	two.Refused() // it was cut before its end
	if got, uid := one.Judge(shows("m")); got != LandingFound || uid != 10 {
		t.Errorf("the first: %s, UID %d", got, uid)
	}
	two.Sending()
	if got, _ := two.Judge(shows("m")); got != LandingAbsent {
		t.Errorf("the second: %s", got)
	}
}

// An equal message waits until the other's outcome is known, and no longer than
// it has patience.
func TestEnterWaits(t *testing.T) {
	c, _ := newTestClaims()
	first := begun(t, c, "<m@x>", 10, 1)
	if _, err := c.Enter(t.Context(), "drafts", identity("<x@x>"), time.Hour); err != nil {
		t.Error("an unequal one:", err)
	}
	if _, err := c.Enter(t.Context(), "inbox", identity("<m@x>"), time.Hour); err != nil {
		t.Error("in another mailbox:", err)
	}
	gone, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("gone"))
	if _, err := c.Enter(gone, "drafts", identity("<m@x>"), time.Hour); err == nil || err.Error() != "gone" {
		t.Error("a client that has gone:", err)
	}
	entered := make(chan *Claim)
	go func() {
		second, _ := c.Enter(context.Background(), "drafts", identity("<m@x>"), testkit.WaitLimit)
		entered <- second
	}()
	first.Stored(told(10))
	if second := <-entered; second == nil || !second.IsMarked() || second.Low().Next != 11 {
		t.Error("the second has no mark behind the first")
	}
}

// A mark is from after what was stored before, and from just now.
func TestMarked(t *testing.T) {
	for name, tt := range map[string]struct {
		before func(*Claims, *testkit.Clock)
		want   uint32 // 0: STATUS has to be asked
	}{
		"nothing is known": {func(*Claims, *testkit.Clock) {}, 0},
		"a UID was told":   {func(c *Claims, _ *testkit.Clock) { begun(t, c, "<1@x>", 10, 1).Stored(told(20)) }, 21},
		"a lower one later": {func(c *Claims, _ *testkit.Clock) {
			one, two := begun(t, c, "<1@x>", 10, 1), begun(t, c, "<2@x>", 10, 1)
			one.Stored(told(20))
			two.Stored(told(19))
		}, 21},
		"STATUS was asked": {func(c *Claims, _ *testkit.Clock) { begun(t, c, "<1@x>", 10, 0).Close() }, 10},
		"long ago": {func(c *Claims, clock *testkit.Clock) {
			begun(t, c, "<1@x>", 10, 1).Stored(told(20))
			clock.Add(freshness + 1)
		}, 0},
		"one came without a UID": {func(c *Claims, _ *testkit.Clock) { begun(t, c, "<1@x>", 10, 1).Stored(nil) }, 0},
		"another UIDVALIDITY": {func(c *Claims, _ *testkit.Clock) {
			begun(t, c, "<1@x>", 10, 1).Stored(&imap.AppendData{UIDValidity: 8, UID: 3})
		}, 4},
	} {
		t.Run(name, func(t *testing.T) {
			c, clock := newTestClaims()
			tt.before(c, clock)
			cl, err := c.Enter(t.Context(), "drafts", identity("<m@x>"), 0)
			if err != nil {
				t.Fatal(err)
			}
			if marked := cl.IsMarked(); marked != (tt.want != 0) || marked && cl.Low().Next != tt.want {
				t.Errorf("the mark is %v, want %d", cl.Low(), tt.want)
			}
		})
	}
}

// A mark stays that of the first try, since the message may have been stored then.
func TestMarkOfFirstTry(t *testing.T) {
	c, _ := newTestClaims()
	cl := begun(t, c, "<m@x>", 10, 1)
	begun(t, c, "<x@x>", 10, 1).Stored(told(30))
	cl.SetMark(7, 40)
	if !cl.IsMarked() || cl.Low().Next != 10 {
		t.Errorf("the mark is %v", cl.Low())
	}
	if got, uid := cl.Judge(shows("m")); got != LandingFound || uid != 10 {
		t.Errorf("landed: %s, UID %d", got, uid)
	}
}

// What is kept is bounded.
func TestClaimsAreBounded(t *testing.T) {
	c, clock := newTestClaims()
	slow := begun(t, c, "<slow@x>", 10, 1)
	for n := range uint32(maxTaken + 100) {
		begun(t, c, fmt.Sprintf("<%d@x>", n), 10, 1).Stored(told(10 + n))
	}
	b := c.boxes["drafts"]
	if len(b.taken) > maxTaken {
		t.Errorf("%d UIDs are kept", len(b.taken))
	}
	if slow.Low().Next != 0 {
		t.Error("an APPEND of which not all is known any more still has its mark")
	}
	slow.Close()
	for n := range maxRemembered + 100 {
		cl := begun(t, c, fmt.Sprintf("<u%d@x>", n), 20_000, 1)
		cl.Stored(nil)
		cl.Close()
	}
	if len(b.remembered) != maxRemembered {
		t.Errorf("%d messages without a UID are remembered", len(b.remembered))
	}
	clock.Add(Memory + 1)
	other, err := c.Enter(t.Context(), "inbox", identity("<m@x>"), 0)
	if err != nil {
		t.Fatal(err)
	}
	if c.boxes["drafts"] != nil || len(c.boxes) != 1 {
		t.Errorf("%d mailboxes are kept", len(c.boxes))
	}
	other.Close()
}

// A UIDNEXT of a STATUS is the mark of the next APPEND, unless an APPEND may have stored a message above it.
func TestTold(t *testing.T) {
	for name, tt := range map[string]struct {
		before func(t *testing.T, c *Claims, clock *testkit.Clock) // before the STATUS is answered
		later  time.Duration                                       // until the APPEND
		mark   uint32
	}{
		"nothing else": {nil, 0, 12},
		"just now":     {nil, freshness, 12},
		"long ago":     {nil, freshness + 1, 0},
		"an APPEND is on its way": {func(t *testing.T, c *Claims, _ *testkit.Clock) {
			begun(t, c, "<other@x>", 11, 1)
		}, 0, 11},
		"an APPEND has ended meanwhile, without a UID": {func(t *testing.T, c *Claims, _ *testkit.Clock) {
			begun(t, c, "<other@x>", 11, 1).Stored(nil)
		}, 0, 0},
		"an APPEND has ended meanwhile, with one": {func(t *testing.T, c *Claims, _ *testkit.Clock) {
			begun(t, c, "<other@x>", 11, 1).Stored(told(15))
		}, 0, 16},
		"its outcome is not known": {func(t *testing.T, c *Claims, clock *testkit.Clock) {
			clock.Add(time.Second)
			begun(t, c, "<other@x>", 11, 1).Close()
		}, freshness + 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			c, clock := newTestClaims()
			clock.Add(time.Hour)
			asked := clock.Now()
			if tt.before != nil {
				tt.before(t, c, clock)
			}
			c.Told("drafts", 7, 12, asked)
			clock.Add(tt.later)
			cl, err := c.Enter(t.Context(), "drafts", identity("<m@x>"), 0)
			if err != nil {
				t.Fatal(err)
			}
			if cl.IsMarked() != (tt.mark != 0) || cl.Mark().Next != tt.mark {
				t.Errorf("the mark is %v, want %d", cl.Mark(), tt.mark)
			}
		})
	}
}

// Numbers that a server has not given are no mark, and nothing is kept of them.
func TestToldNothing(t *testing.T) {
	c, clock := newTestClaims()
	c.Told("drafts", 0, 12, clock.Now())
	c.Told("drafts", 7, 0, clock.Now())
	if !c.IsIdle() {
		t.Error("something is kept")
	}
	c.Told("drafts", 7, 12, clock.Now())
	if c.IsIdle() {
		t.Error("the mark is forgotten")
	}
	if clock.Add(freshness + 1); !c.IsIdle() {
		t.Error("the mark is kept too long")
	}
	if c.boxes != nil {
		t.Error("an empty map is kept")
	}
}
