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

// Limits of the list of poisons. A poison expires, since its server may be
// repaired some day.
const (
	maxPoisons     = 10_000
	poisonLifetime = 30 * 24 * time.Hour
	poisonedFile   = "poisoned" // in state_dir
)

// poison identifies a message by the bytes that were sent to Exchange.
type poison struct {
	size int64 // bytes
	sum  [sha256.Size]byte
}

// Poisons is the list of messages that Exchange has taken for commands. Such a
// message costs the connection, so exgate does not send it again. The list
// outlasts a restart, because a client without an answer uploads the same
// message again. Poisons is safe for use by several goroutines.
type Poisons struct {
	file string // "": the list ends with this run
	now  func() time.Time

	mu    sync.Mutex
	since map[poison]time.Time // when Exchange took the message for commands
	sizes map[int64]int        // poisons of each size: most messages then need no sum
}

// OpenPoisons reads the list of earlier runs from the directory dir, and returns
// a list that is saved there. Neither the directory nor the file need exist. If
// dir is "", nothing is read or saved. The list calls now for the time. An error
// means that the file exists but cannot be read; the list returned with it is
// empty.
func OpenPoisons(dir string, now func() time.Time) (*Poisons, error) {
	p := &Poisons{now: now, since: make(map[poison]time.Time), sizes: make(map[int64]int)}
	if dir == "" {
		return p, nil
	}
	p.file = filepath.Join(dir, poisonedFile)
	return p, p.read()
}

// read adds the poisons in the file. It ignores invalid lines.
func (p *Poisons) read() error {
	text, err := os.ReadFile(p.file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the list of messages that are not sent again (state_dir): %w", err)
	}
	for line := range strings.Lines(string(text)) {
		if key, at, ok := parsePoison(line); ok && at.After(p.since[key]) {
			p.put(key, at)
		}
	}
	p.dropOld()
	return nil
}

// Add adds a message of size bytes with its SHA-256 to the list. An error means
// that the list could not be saved: the message is on the list for this run only.
func (p *Poisons) Add(size int64, sum [sha256.Size]byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.put(poison{size, sum}, p.now())
	p.dropOld()
	if p.file == "" {
		return nil
	}
	if err := p.read(); err != nil { // another exgate may have written the file
		return err
	}
	var b bytes.Buffer
	for key, at := range p.since {
		fmt.Fprintf(&b, "%s %d %x\n", at.UTC().Format(time.RFC3339), key.size, key.sum)
	}
	if err := backend.WritePrivate(p.file, b.Bytes()); err != nil {
		return fmt.Errorf("save the list of messages that are not sent again (state_dir): %w", err)
	}
	return nil
}

// put adds a poison, or renews its time.
func (p *Poisons) put(key poison, at time.Time) {
	if _, isKnown := p.since[key]; !isKnown {
		p.sizes[key.size]++
	}
	p.since[key] = at
}

// dropOld drops the poisons that have expired, and the oldest ones above
// maxPoisons.
func (p *Poisons) dropOld() {
	for key, at := range p.since {
		if p.now().Sub(at) > poisonLifetime {
			p.drop(key)
		}
	}
	if excess := len(p.since) - maxPoisons; excess > 0 {
		byAge := slices.SortedFunc(maps.Keys(p.since), func(a, b poison) int { return p.since[a].Compare(p.since[b]) })
		for _, key := range byAge[:excess] {
			p.drop(key)
		}
	}
}

func (p *Poisons) drop(key poison) {
	delete(p.since, key)
	if p.sizes[key.size]--; p.sizes[key.size] == 0 {
		delete(p.sizes, key.size)
	}
}

// Has reports whether the list has a message of size bytes with this SHA-256.
func (p *Poisons) Has(size int64, sum [sha256.Size]byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	since, ok := p.since[poison{size, sum}]
	return ok && p.now().Sub(since) <= poisonLifetime
}

// HasSize reports whether the list has a message of size bytes. A message of
// another size needs no SHA-256.
func (p *Poisons) HasSize(size int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sizes[size] > 0
}

// parsePoison reads a line of the file: the time, the size in bytes and the
// SHA-256 in hexadecimal.
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
