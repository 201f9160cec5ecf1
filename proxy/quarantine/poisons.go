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
	MaxPoisons     = 10_000
	PoisonLifetime = 30 * 24 * time.Hour
	poisonedFile   = "poisoned" // in state_dir
	// poisonedFormat is the number in the first line of the file. A file without this line has format 1.
	poisonedFormat = 1
	poisonedHead   = "# exgate poisoned, format "
)

// Poison identifies a message by the bytes that were sent to Exchange.
type Poison struct {
	Size int64 // bytes
	Sum  [sha256.Size]byte
}

// Known is a Poison with the time since Exchange has taken the message for commands.
type Known struct {
	Poison
	Age time.Duration
}

// Peers are other gateways that have lists of poisons. Package cluster has some.
type Peers interface {
	// Tell tells them of a message that is new on the list.
	Tell(Known)
}

// Poisons is the list of messages that Exchange has taken for commands. Such a
// message costs the connection, so exgate does not send it again. The list
// outlasts a restart, because a client without an answer uploads the same
// message again. Poisons is safe for use by several goroutines.
type Poisons struct {
	file  string // "": the list ends with this run
	now   func() time.Time
	peers Peers // nil: the gateway is alone

	mu    sync.Mutex
	since map[Poison]time.Time // when Exchange took the message for commands
	sizes map[int64]int        // poisons of each size: most messages then need no sum
}

// OpenPoisons reads the list of earlier runs from the directory dir, and returns
// a list that is saved there. Neither the directory nor the file need exist. If
// dir is "", nothing is read or saved. The list calls now for the time. An error
// means that the file exists but cannot be read; the list returned with it is
// empty.
func OpenPoisons(dir string, now func() time.Time) (*Poisons, error) {
	p := &Poisons{now: now, since: make(map[Poison]time.Time), sizes: make(map[int64]int)}
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
	if err := checkFormat(string(text)); err != nil {
		return fmt.Errorf("%s: %w", p.file, err)
	}
	for line := range strings.Lines(string(text)) {
		if key, at, ok := parsePoison(line); ok && at.After(p.since[key]) {
			p.put(key, at)
		}
	}
	p.dropOld()
	return nil
}

// checkFormat returns an error if a newer exgate has written the file.
func checkFormat(text string) error {
	line, _, _ := strings.Cut(text, "\n")
	number, isHead := strings.CutPrefix(line, poisonedHead)
	if !isHead {
		return nil
	}
	if format, err := strconv.Atoi(strings.TrimSpace(number)); err != nil || format > poisonedFormat {
		return fmt.Errorf("it has format %s, and this exgate knows %d at most: use the newer exgate, or move the file "+
			"away; then messages on which a connection was lost are tried again", strings.TrimSpace(number),
			poisonedFormat)
	}
	return nil
}

// Share has the list shared with other gateways. The caller calls it before any other method.
func (p *Poisons) Share(peers Peers) { p.peers = peers }

// Add adds a message of size bytes with its SHA-256 to the list, and tells the peers. An error
// means that the list could not be saved: the message is on the list for this run only.
func (p *Poisons) Add(size int64, sum [sha256.Size]byte) error {
	if p.peers != nil {
		p.peers.Tell(Known{Poison{size, sum}, 0})
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.put(Poison{size, sum}, p.now())
	return p.save()
}

// Learn adds what the peers have on their lists. An error is as with Add.
func (p *Poisons) Learn(all []Known) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	isNew := false
	for _, one := range all {
		if at := p.now().Add(-one.Age); at.Sub(p.since[one.Poison]) > learnSlack {
			p.put(one.Poison, at)
			isNew = true
		}
	}
	if !isNew {
		return nil
	}
	return p.save()
}

// learnSlack is by how much a poison of the peers must be newer to be written again.
const learnSlack = time.Hour

// All returns the list.
func (p *Poisons) All() (all []Known) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for key, at := range p.since {
		if age := p.now().Sub(at); age <= PoisonLifetime {
			all = append(all, Known{key, max(0, age)})
		}
	}
	return all
}

// save drops what is too old, and writes the file. p.mu is held.
func (p *Poisons) save() error {
	p.dropOld()
	if p.file == "" {
		return nil
	}
	if err := p.read(); err != nil { // another exgate may have written the file
		return err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s%d\n", poisonedHead, poisonedFormat)
	for key, at := range p.since {
		fmt.Fprintf(&b, "%s %d %x\n", at.UTC().Format(time.RFC3339), key.Size, key.Sum)
	}
	if err := backend.WritePrivate(p.file, b.Bytes()); err != nil {
		return fmt.Errorf("save the list of messages that are not sent again (state_dir): %w", err)
	}
	return nil
}

// Refresh adds what another exgate has written to the file.
func (p *Poisons) Refresh() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.file == "" {
		return nil
	}
	return p.read()
}

// put adds a poison, or renews its time.
func (p *Poisons) put(key Poison, at time.Time) {
	if _, isKnown := p.since[key]; !isKnown {
		p.sizes[key.Size]++
	}
	p.since[key] = at
}

// dropOld drops the poisons that have expired, and the oldest ones above
// MaxPoisons.
func (p *Poisons) dropOld() {
	for key, at := range p.since {
		if p.now().Sub(at) > PoisonLifetime {
			p.drop(key)
		}
	}
	if excess := len(p.since) - MaxPoisons; excess > 0 {
		byAge := slices.SortedFunc(maps.Keys(p.since), func(a, b Poison) int { return p.since[a].Compare(p.since[b]) })
		for _, key := range byAge[:excess] {
			p.drop(key)
		}
	}
}

func (p *Poisons) drop(key Poison) {
	delete(p.since, key)
	if p.sizes[key.Size]--; p.sizes[key.Size] == 0 {
		delete(p.sizes, key.Size)
	}
}

// Has reports whether the list has a message of size bytes with this SHA-256.
func (p *Poisons) Has(size int64, sum [sha256.Size]byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	since, ok := p.since[Poison{size, sum}]
	return ok && p.now().Sub(since) <= PoisonLifetime
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
func parsePoison(line string) (key Poison, at time.Time, ok bool) {
	words := strings.Fields(line)
	if len(words) != 3 || len(words[2]) != hex.EncodedLen(sha256.Size) {
		return key, at, false
	}
	at, errTime := time.Parse(time.RFC3339, words[0])
	size, errSize := strconv.ParseInt(words[1], 10, 64)
	_, errSum := hex.Decode(key.Sum[:], []byte(words[2]))
	key.Size = size
	return key, at, errTime == nil && errSize == nil && errSum == nil
}
