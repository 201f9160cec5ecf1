package counters

import "time"

// Session has the counters of one session. The indices of Values say what each of
// them counts; BeforeLogin counts the commands before the login. A Session
// belongs to one goroutine at a time.
type Session struct {
	BeforeLogin, Direct, Amended, Owned, Refused int           // commands
	Stored, TurnedAway, Unknown, Found           int           // messages
	Observed, WouldRepair, WouldRefuse           int           // messages of mode observe
	NamesWould                                   NamesWould    // in mode observe
	Resumed, Renewed, Parked                     int           // upstream connections
	Waited                                       time.Duration // for the pace and for throttles
	Fixes                                        Fixes
}

// NamesWould counts names of mailboxes that mode observe has passed on, each name once.
type NamesWould struct{ Rename, Hide, Refuse int }

// Fixes has the number of uses of each fix, by its name. The nil map has counted
// nothing.
type Fixes map[string]int

// Count adds one use of each of the named fixes.
func (f *Fixes) Count(fixes ...string) {
	if *f == nil {
		*f = make(Fixes)
	}
	for _, name := range fixes {
		(*f)[name]++
	}
}
