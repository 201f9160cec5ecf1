package ledger

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"
)

// Compact removes old rows and their space, also while a gateway writes.
func TestCompact(t *testing.T) {
	c, file := newClock(), filepath.Join(t.TempDir(), "ledger.db")
	c.at.Store(time.Now().Add(-48 * time.Hour).UnixMilli())
	l, _ := open(t, file, c)
	j := session(l, "old")
	for n := range 2000 {
		m := message(fmt.Sprint(n))
		m.Outcome = Refused
		j.Done(m)
	}
	c.pass(47 * time.Hour)
	session(l, "new").Intend(message("new"))()
	l.Flush() // the intent goes to the disk alone
	before, after, err := Compact(t.Context(), file, 24*time.Hour)
	if err != nil || after >= before/2 {
		t.Errorf("%d bytes, then %d, %v", before, after, err)
	}
	session(l, "newer").Intend(message("newer"))()
	l.Close()
	if n := ask(t, file, "SELECT count(*) FROM log"); n != "2" || l.Lost() != 0 {
		t.Errorf("%s rows, %d lost", n, l.Lost())
	}
	if _, _, err := Compact(t.Context(), filepath.Join(t.TempDir(), "none"), 0); err == nil {
		t.Error("a ledger that is not there is compacted")
	}
}
