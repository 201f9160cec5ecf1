package exchangesim

import (
	"math/rand/v2"
	"slices"
	"time"
)

// randomKind is one of the faults that random draws.
type randomKind struct {
	name  string
	verbs []string // at which commands; nil: any
	early bool     // also before login
	draw  func(r *rand.Rand, f *fault)
}

// randomKinds is the declared set, which leaves out what ends for good what a
// client could do: a refused login, a mailbox that cannot be opened, a new
// UIDVALIDITY.
func randomKinds() []randomKind {
	var kinds []randomKind
	for _, end := range endings {
		cut := func(kind string, bytes int64) func(*rand.Rand, *fault) {
			return func(r *rand.Rand, f *fault) {
				f.kind, f.end = kind, end
				if bytes > 0 {
					f.bytes = r.Int64N(bytes)
				}
			}
		}
		kinds = append(kinds,
			randomKind{name: string(end), early: true, draw: cut(faultCut, 0)},
			randomKind{name: string(end) + "-reply", early: true, draw: cut(faultCutReply, 400)},
			randomKind{name: string(end) + "-append", verbs: []string{"APPEND"}, draw: cut(faultCutAppend, 2000)})
	}
	plain := func(*rand.Rand, *fault) {}
	refuse := func(_ *rand.Rand, f *fault) { f.shape, f.text = "NO", "Server Unavailable. 15" }
	own := []string{"SELECT", "EXAMINE", "NOOP", "IDLE", "FETCH", "UID FETCH", "STORE", "UID STORE", "SEARCH",
		"UID SEARCH", "COPY", "UID COPY", "APPEND", "STATUS"}
	return append(kinds,
		randomKind{name: faultBye, early: true, draw: func(r *rand.Rand, f *fault) {
			f.text = []string{byeRefused, byeClosed, byeTokenExpired}[r.IntN(3)]
		}},
		randomKind{name: faultThrottleAccount, draw: func(r *rand.Rand, f *fault) {
			short(r, f)
			f.shape = []string{shapeNo, shapeBad, shapeBadBye}[r.IntN(3)]
		}},
		randomKind{name: faultRefuse, draw: refuse},
		randomKind{name: faultRefuseMessage, verbs: []string{"APPEND"}, draw: refuse},
		randomKind{name: faultLostAppend, verbs: []string{"APPEND"}, draw: plain},
		randomKind{name: faultLostAppendReply, verbs: []string{"APPEND"}, draw: plain},
		randomKind{name: faultLateAppend, verbs: []string{"APPEND"}, draw: short},
		randomKind{name: faultSlow, early: true, draw: short},
		randomKind{name: faultDrip, early: true, draw: func(r *rand.Rand, f *fault) {
			f.delay = time.Duration(1+r.IntN(2000)) * time.Microsecond
		}},
		randomKind{name: faultDeliver, verbs: own, draw: plain},
		randomKind{name: faultExpunge, verbs: own, draw: plain},
	)
}

func short(r *rand.Rand, f *fault) { f.delay = time.Duration(1+r.IntN(1000)) * time.Millisecond }

func randomNames() []string {
	var names []string
	for _, k := range randomKinds() {
		names = append(names, k.name)
	}
	return names
}

// draw returns what fault random has in store for the command in hand. It
// depends on the seed and the numbers of connection and command alone, and on
// what the command is. A message that is late has lost its reply as well: only
// who has to look for it can see that it is not there yet.
func (c *conn) draw(verb string) []*fault {
	order := c.srv.faults.find(faultRandom, "", verb)
	if order == nil {
		return nil
	}
	r := rand.New(rand.NewPCG(order.seed, uint64(c.number)<<32|uint64(c.command)))
	if r.Float64() >= order.rate {
		return nil
	}
	kinds := slices.DeleteFunc(randomKinds(), func(k randomKind) bool {
		return !slices.Contains(order.kinds, k.name) || k.verbs != nil && !slices.Contains(k.verbs, verb) ||
			c.user == "" && !k.early
	})
	if len(kinds) == 0 {
		return nil
	}
	one := func(kind string) *fault { return &fault{kind: kind, seed: order.seed, drawn: true, left: 1} }
	k := kinds[r.IntN(len(kinds))]
	f := one(k.name)
	f.verb = verb
	k.draw(r, f)
	if (f.kind == faultCut || f.kind == faultBye) && r.IntN(3) == 0 { // later, while nothing is in flight
		f.verb = verbWaiting
		short(r, f)
	}
	if f.kind == faultLateAppend {
		return []*fault{f, one(faultLostAppendReply)}
	}
	return []*fault{f}
}
