package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// lateness is longer than any message of the simulator is late: who looks for
// one waits so long before believing that it is not there.
const lateness = 1500 * time.Millisecond

// worker is one session of the generated load: it works on two mailboxes of
// its own, as a careful client does. What was answered by OK it believes; of
// all else it looks first what became of it, and then does it again.
type worker struct {
	*run
	name           string
	user, password string
	boxes          [2]string
	want           [2]map[string]string // flags by Message-ID
	random         *rand.Rand
	client         *client // nil: not connected
	selected       int     // index of the box; -1: none
	made           int     // messages
	done           map[string]int
	told           map[string]bool // what look has reported
}

func newWorker(r *run, i int) *worker {
	w := &worker{
		run: r, name: fmt.Sprintf("%s-%d", r.names, i),
		random: rand.New(rand.NewPCG(r.seed, uint64(i))),
		want:   [2]map[string]string{{}, {}},
		done:   map[string]int{},
		told:   map[string]bool{},
	}
	w.user, w.password = r.login(i)
	w.boxes = [2]string{w.name, w.name + "-copy"}
	return w
}

// work goes on until the context ends, and finishes what it has begun.
func (w *worker) work(ctx context.Context) error {
	for i := range w.boxes {
		if err := w.create(i); err != nil {
			return err
		}
	}
	for ctx.Err() == nil {
		if err := w.step(); err != nil {
			return err
		}
	}
	if w.client != nil {
		w.client.logout()
		w.client = nil
	}
	return nil
}

// create makes a mailbox. That it is there already is as well.
func (w *worker) create(box int) error {
	exists := func() (bool, error) {
		r, err := w.client.do(`LIST "" %s`, w.boxes[box])
		return len(r.untagged) > 0, err
	}
	return w.persist("CREATE", -1, exists, func() error {
		_, err := w.client.do("CREATE %s", w.boxes[box])
		return err
	})
}

// step does one thing at random.
func (w *worker) step() error {
	box := w.random.IntN(2)
	if w.selected >= 0 && w.random.IntN(3) > 0 {
		box = w.selected // staying is more like a client
	}
	ids := slices.Sorted(maps.Keys(w.want[box]))
	if len(ids) == 0 {
		return w.append(box)
	}
	id := ids[w.random.IntN(len(ids))]
	_, twice := w.want[1-box][id]
	switch n := w.random.IntN(100); {
	case n < 30 && len(ids) < 60:
		return w.append(box)
	case n < 45:
		return w.setFlags(box, id, w.flags())
	case n < 55 && !twice:
		return w.copy(box, id)
	case n < 65 && !twice:
		return w.move(box, id)
	case n < 75:
		return w.remove(box, id)
	case n < 85:
		return w.look(box)
	case n < 90:
		return w.read(box, id)
	case n < 95:
		return w.persist("IDLE", box, nil, func() error {
			if !w.client.has("IDLE") {
				_, err := w.client.do("NOOP")
				return err
			}
			return w.client.idle(time.Duration(w.random.IntN(500)) * time.Millisecond)
		})
	}
	return w.persist("NOOP", box, nil, func() error { _, err := w.client.do("NOOP"); return err })
}

// persist has something done until it is: act does it with the box selected
// (-1: none), and after an error settled says whether it had been done all the
// same. nil: that is no matter.
func (w *worker) persist(what string, box int, settled func() (bool, error), act func() error) error {
	var last error
	for attempt := 0; ; attempt++ {
		if attempt > 0 {
			w.pauseAfter(last)
		}
		if time.Now().After(w.giveUp) {
			return fmt.Errorf("%s: gave up %s; the last error was: %w", w.name, what, last)
		}
		if last = w.open(box); last != nil {
			continue
		}
		if attempt > 0 && settled != nil {
			done, err := settled()
			if done && err == nil {
				break
			}
			if last = err; err != nil {
				w.failed(err)
				continue
			}
		}
		if last = act(); last == nil {
			break
		}
		w.failed(last)
	}
	w.done[what]++
	return nil
}

// failed counts an error, and drops the connection if it is lost.
func (w *worker) failed(err error) {
	w.errors.add(err.Error())
	if refused := (refusal{}); !errors.As(err, &refused) {
		w.drop()
	}
}

func (w *worker) drop() {
	if w.client != nil {
		w.client.close()
		w.client = nil
	}
}

// pauseAfter waits as a client does before it tries again: a while longer for
// what may still come about.
func (w *worker) pauseAfter(err error) {
	d := 50 * time.Millisecond
	if strings.HasPrefix(err.Error(), "APPEND: ") {
		d = lateness
	}
	time.Sleep(d)
}

// open connects where that is needed, and selects a box.
func (w *worker) open(box int) (err error) {
	if w.client == nil {
		if w.client, err = w.dial(w.gateway, w.gatewayTLS, w.user, w.password); err != nil {
			w.client = nil
			w.errors.add(err.Error())
			return err
		}
		w.selected = -1
	}
	if box < 0 || w.selected == box {
		return nil
	}
	w.selected = -1
	if err := w.client.selectMailbox(w.boxes[box]); err != nil {
		w.failed(err)
		return err
	}
	w.selected = box
	return nil
}

// has says whether a box holds the message; it stays selected.
func (w *worker) has(box int, id string) (bool, error) {
	if w.selected != box {
		if err := w.open(box); err != nil {
			return false, err
		}
	}
	uids, err := w.client.uids(id)
	return len(uids) > 0, err
}

// withUID acts on the one message of that id in the selected box.
func (w *worker) withUID(id string, act func(uid string) error) error {
	uids, err := w.client.uids(id)
	if err == nil && len(uids) == 0 {
		time.Sleep(lateness)
		if _, err := w.client.do("NOOP"); err != nil { // for EXISTS, without which SEARCH need not know it
			return err
		}
		uids, err = w.client.uids(id)
	}
	if err != nil {
		return err
	}
	switch len(uids) {
	case 1:
	case 0:
		w.violation("a message that was answered by OK is not there", id)
		return nil
	default:
		w.violation("a message that was answered by OK is there more than once", id)
	}
	return act(uids[0])
}

var someFlags = []string{`\Answered`, `\Draft`, `\Flagged`, `\Seen`}

func (w *worker) flags() string {
	var list []string
	for _, f := range someFlags {
		if w.random.IntN(3) == 0 {
			list = append(list, f)
		}
	}
	return strings.Join(list, " ")
}

func (w *worker) append(box int) error {
	w.made++
	id, flags := fmt.Sprintf("%s.%d.%d@%s", w.name, w.seed, w.made, ownDomain), w.flags()
	message := makeMessage(w.random, id)
	found := false // without an OK: with which flags is not known
	err := w.persist("APPEND", box, func() (done bool, err error) {
		found, err = w.has(box, id)
		return found, err
	}, func() error {
		return w.client.append(w.boxes[box], flags, message)
	})
	if err != nil {
		return err
	}
	w.want[box][id] = flags
	if found {
		return w.setFlags(box, id, flags)
	}
	return nil
}

func (w *worker) setFlags(box int, id, flags string) error {
	err := w.persist("STORE", box, nil, func() error {
		return w.withUID(id, func(uid string) error {
			_, err := w.client.do("UID STORE %s FLAGS (%s)", uid, flags)
			return err
		})
	})
	w.want[box][id] = flags
	return err
}

func (w *worker) copy(box int, id string) error {
	err := w.persist("COPY", box, func() (bool, error) { return w.hasThenBack(1-box, box, id) }, func() error {
		return w.withUID(id, func(uid string) error {
			_, err := w.client.do("UID COPY %s %s", uid, w.boxes[1-box])
			return err
		})
	})
	w.want[1-box][id] = w.want[box][id]
	return err
}

// hasThenBack is has for the box that is not to be worked in.
func (w *worker) hasThenBack(box, back int, id string) (bool, error) {
	there, err := w.has(box, id)
	if err == nil {
		err = w.open(back)
	}
	return there, err
}

// move does without MOVE as RFC 6851 section 3.3 says: COPY, STORE and EXPUNGE. The message that an earlier attempt has
// copied is not copied again.
func (w *worker) move(box int, id string) error {
	there := false
	settled := func() (_ bool, err error) {
		there, err = w.hasThenBack(1-box, box, id)
		if err != nil || !there {
			return false, err
		}
		here, err := w.has(box, id)
		return !here, err
	}
	err := w.persist("MOVE", box, settled, func() error {
		return w.withUID(id, func(uid string) error {
			if w.client.has("MOVE") {
				_, err := w.client.do("UID MOVE %s %s", uid, w.boxes[1-box])
				return err
			}
			if !there {
				if _, err := w.client.do("UID COPY %s %s", uid, w.boxes[1-box]); err != nil {
					return err
				}
			}
			return w.client.remove(uid)
		})
	})
	w.want[1-box][id] = w.want[box][id]
	delete(w.want[box], id)
	return err
}

func (w *worker) remove(box int, id string) error {
	gone := func() (bool, error) {
		there, err := w.has(box, id)
		return !there, err
	}
	err := w.persist("EXPUNGE", box, gone, func() error { return w.withUID(id, w.client.remove) })
	delete(w.want[box], id)
	return err
}

// look compares a box with what is expected.
func (w *worker) look(box int) error {
	return w.persist("FETCH", box, nil, func() error {
		var faults []difference
		for try := range 2 {
			if try > 0 && len(faults) > 0 {
				time.Sleep(lateness)
			}
			if _, err := w.client.do("NOOP"); err != nil { // for EXISTS
				return err
			}
			found, err := w.client.contents()
			if err != nil {
				return err
			}
			if faults = compare(w.want[box], found); len(faults) == 0 {
				return nil
			}
		}
		for _, f := range faults {
			if !w.told[f.id] {
				w.violation("seen on the way: "+f.kind, f.id+" "+f.what)
				w.told[f.id] = true
			}
		}
		return nil
	})
}

// read fetches a whole message.
func (w *worker) read(box int, id string) error {
	return w.persist("FETCH BODY", box, nil, func() error {
		return w.withUID(id, func(uid string) error {
			r, err := w.client.do("UID FETCH %s BODY.PEEK[]", uid)
			if err != nil {
				return err
			}
			if !slices.ContainsFunc(r.untagged, func(line string) bool { return strings.Contains(line, "<"+id+">") }) {
				w.violation("another message than the one asked for", id)
			}
			return nil
		})
	})
}

// makeMessage is a small message of its own, one in ten with a line that is
// too long for Exchange.
func makeMessage(r *rand.Rand, id string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "From: Ann <ann@example.org>\r\nTo: Bob <bob@example.com>\r\nSubject: %s\r\n"+
		"Date: Tue, 16 Jul 2019 09:00:00 +0200\r\nMessage-ID: <%s>\r\nMIME-Version: 1.0\r\n"+
		"Content-Type: text/plain; charset=us-ascii\r\n\r\n", id, id)
	for range r.IntN(100) {
		fmt.Fprintf(&b, "A line of the message, number %d of this program.\r\n", r.IntN(1000))
	}
	if r.IntN(10) == 0 {
		b.WriteString(strings.Repeat("without an end ", 800) + "\r\n")
	}
	return []byte(b.String())
}
