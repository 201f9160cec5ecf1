package quarantine

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"exgate/backend"
)

// Bounds of what is remembered of what cost a connection. A server may be
// mended, and a message is forgotten some time.
const (
	maxPoisons   = 10_000
	poisonsLast  = 30 * 24 * time.Hour
	poisonedFile = "poisoned" // in the directory of what is kept between runs
)

// poison is a message, by its bytes as they were sent.
type poison struct {
	size int64
	sum  [sha256.Size]byte
}

// Poisons are the messages that Exchange has taken for commands. None of them
// is sent again, also not after a restart: a client that has got no answer
// comes back with the same message.
type Poisons struct {
	file string // "": they are forgotten at the end
	now  func() time.Time

	mu    sync.Mutex
	since map[poison]time.Time
	sizes map[int64]int // how many have a size: most messages need no sum
}

// OpenPoisons reads what an earlier run has kept in the directory, and keeps
// there what comes. Neither it nor the file need exist; "" keeps nothing.
func OpenPoisons(dir string, now func() time.Time) (*Poisons, error) {
	p := &Poisons{now: now, since: make(map[poison]time.Time), sizes: make(map[int64]int)}
	if dir == "" {
		return p, nil
	}
	p.file = filepath.Join(dir, poisonedFile)
	return p, p.read()
}

// read adds what is in the file. A line that is none is passed over.
func (p *Poisons) read() error {
	text, err := os.ReadFile(p.file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("messages that are not sent again: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		if key, at, ok := parsePoison(line); ok && at.After(p.since[key]) {
			p.put(key, at)
		}
	}
	p.trim()
	return nil
}

// Add remembers a message. The error says why that will not outlast this run.
func (p *Poisons) Add(size int64, sum [sha256.Size]byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.put(poison{size, sum}, p.now())
	p.trim()
	if p.file == "" {
		return nil
	}
	if err := p.read(); err != nil { // another exgate may have written there
		return err
	}
	var b bytes.Buffer
	for key, at := range p.since {
		fmt.Fprintf(&b, "%s %d %x\n", at.UTC().Format(time.RFC3339), key.size, key.sum)
	}
	if err := backend.WritePrivate(p.file, b.Bytes()); err != nil {
		return fmt.Errorf("messages that are not sent again: %w", err)
	}
	return nil
}

func (p *Poisons) put(key poison, at time.Time) {
	if _, known := p.since[key]; !known {
		p.sizes[key.size]++
	}
	p.since[key] = at
}

// trim forgets what is too old, and the oldest where there are too many.
func (p *Poisons) trim() {
	for key, at := range p.since {
		if p.now().Sub(at) > poisonsLast {
			p.forget(key)
		}
	}
	if excess := len(p.since) - maxPoisons; excess > 0 {
		byAge := slices.SortedFunc(maps.Keys(p.since), func(a, b poison) int { return p.since[a].Compare(p.since[b]) })
		for _, key := range byAge[:excess] {
			p.forget(key)
		}
	}
}

func (p *Poisons) forget(key poison) {
	delete(p.since, key)
	if p.sizes[key.size]--; p.sizes[key.size] == 0 {
		delete(p.sizes, key.size)
	}
}

func (p *Poisons) Has(size int64, sum [sha256.Size]byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	since, ok := p.since[poison{size, sum}]
	return ok && p.now().Sub(since) <= poisonsLast
}

// HasSize tells whether there is one of that size.
func (p *Poisons) HasSize(size int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sizes[size] > 0
}

// parsePoison reads a line of the file: when, the size and the SHA-256.
func parsePoison(line string) (key poison, at time.Time, ok bool) {
	words := strings.Fields(line)
	if len(words) != 3 || len(words[2]) != hex.EncodedLen(sha256.Size) {
		return key, at, false
	}
	at, errTime := time.Parse(time.RFC3339, words[0])
	size, errSize := strconv.ParseInt(words[1], 10, 64)
	_, errSum := hex.Decode(key.sum[:], []byte(words[2]))
	key.size = size
	return key, at, errTime == nil && errSize == nil && errSum == nil
}
