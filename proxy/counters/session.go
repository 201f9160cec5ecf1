package counters

import "time"

// Session counts what one session did, for its last log line. It belongs to one
// goroutine at a time.
type Session struct {
	BeforeLogin, Direct, Amended, Owned, Refused int // commands
	Stored, TurnedAway, Unknown                  int // messages
	Resumed, Renewed, Parked                     int // upstream connections
	Waited                                       time.Duration
	Fixes                                        Fixes
}

// Fixes counts the uses of fixes by their names. The zero value is ready.
type Fixes map[string]int

// Count counts one use of each fix.
func (f *Fixes) Count(fixes ...string) {
	if *f == nil {
		*f = make(Fixes)
	}
	for _, name := range fixes {
		(*f)[name]++
	}
}
