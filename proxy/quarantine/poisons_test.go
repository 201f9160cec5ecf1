package quarantine

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestPoisonsAreKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	now := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	open := func() *Poisons {
		t.Helper()
		p, err := OpenPoisons(dir, func() time.Time { return now })
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	sum := func(n int) [sha256.Size]byte { return sha256.Sum256(fmt.Append(nil, n)) }
	add := func(p *Poisons, n int) {
		t.Helper()
		if err := p.Add(int64(n), sum(n)); err != nil {
			t.Fatal(err)
		}
	}
	first := open()
	add(first, 1)
	second := open() // another run, while the first goes on
	if !second.Has(1, sum(1)) || second.Has(1, sum(2)) || second.Has(2, sum(1)) {
		t.Error("the second run does not have the poison of the first, or has another one")
	}
	if !second.HasSize(1) || second.HasSize(2) {
		t.Error("the second run has poisons of other sizes")
	}
	add(second, 2)
	add(first, 3)
	file := filepath.Join(dir, "poisoned")
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	// Invalid lines are ignored.
	text, err := os.ReadFile(file)
	if err == nil {
		text = append([]byte("\n\x00\nx y z\n2026-11-24T10:00:00Z 7 00\n"+strings.Repeat("long ", 50_000)+"\n"), text...)
		err = os.WriteFile(file, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	now = now.Add(PoisonLifetime)
	third := open()
	for n := 1; n <= 3; n++ {
		if !third.Has(int64(n), sum(n)) {
			t.Errorf("%d is forgotten", n)
		}
	}
	// After 30 days they are forgotten, in this run, in the file and in the next.
	now = now.Add(time.Second)
	if third.Has(1, sum(1)) {
		t.Error("a poison is on the list for more than 30 days")
	}
	add(third, 4)
	if text, err := os.ReadFile(file); err != nil || string(text) !=
		fmt.Sprintf("# exgate poisoned, format 1\n2026-12-24T10:00:01Z 4 %x\n", sum(4)) {
		t.Errorf("the file: %q, %v", text, err)
	}
	if p := open(); len(p.since) != 1 || len(p.sizes) != 1 {
		t.Errorf("%d are remembered, of %d sizes", len(p.since), len(p.sizes))
	}
}

func TestPoisonsAreBounded(t *testing.T) {
	now := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	p, err := OpenPoisons("", func() time.Time { now = now.Add(time.Second); return now })
	if err != nil {
		t.Fatal(err)
	}
	for n := range MaxPoisons + 5 {
		p.put(Poison{Size: int64(n)}, p.now())
	}
	p.dropOld()
	if len(p.since) != MaxPoisons || len(p.sizes) != MaxPoisons || p.HasSize(4) || !p.HasSize(5) {
		t.Errorf("%d are remembered, of %d sizes; the oldest: %t", len(p.since), len(p.sizes), p.HasSize(4))
	}
}

func TestPoisonsThatCannotBeKept(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "poisoned"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenPoisons(dir, time.Now); err == nil {
		t.Error("a directory was read")
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	p := &Poisons{
		file: filepath.Join(file, "poisoned"), now: time.Now, since: map[Poison]time.Time{}, sizes: map[int64]int{},
	}
	if err := p.Add(1, [sha256.Size]byte{}); err == nil || !p.HasSize(1) {
		t.Errorf("%v; remembered for this run: %t", err, p.HasSize(1))
	}
}

// A file of a newer exgate is refused, and one without a number is read.
func TestPoisonsFormat(t *testing.T) {
	const line = "2026-11-29T00:00:00Z 3 ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n"
	for head, known := range map[string]bool{
		"":                              true,
		"# exgate poisoned, format 1\n": true,
		"# exgate poisoned, format 2\n": false,
		"# exgate poisoned, format x\n": false,
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, poisonedFile), []byte(head+line), 0o600); err != nil {
			t.Fatal(err)
		}
		p, err := OpenPoisons(dir, func() time.Time { return time.Date(2026, 11, 29, 1, 0, 0, 0, time.UTC) })
		if known != (err == nil) || p.HasSize(3) != known {
			t.Errorf("%q: %v, read %v", head, err, p.HasSize(3))
		}
		if !known {
			continue
		}
		if err := p.Add(4, [32]byte{}); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(dir, poisonedFile))
		if err != nil || !strings.HasPrefix(string(text), "# exgate poisoned, format 1\n") {
			t.Errorf("%q, %v", text, err)
		}
	}
}
