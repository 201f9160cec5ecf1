// Package quarantine keeps the originals of messages that lose something on
// their way, and remembers the messages that Exchange has taken for commands.
package quarantine

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"
)

// Options say where originals are kept that lost something on their
// way, and for how long.
type Options struct {
	Dir   string        // "": none are kept
	Quota int64         // bytes of all files; 0: no bound
	Keep  time.Duration // 0: for ever
}

// Store is a folder of files, each named by its content and by what the
// message calls it. A file is whole and on the disk before keep returns.
type Store struct {
	opts Options

	mu      sync.Mutex
	used    int64 // bytes of the whole files: as of the last sweep, and kept since
	pending int64 // of those being written
	swept   time.Time
}

// sweepEvery is how often old files are looked for.
const sweepEvery = time.Hour

// incomplete begins the name of a file that is being written.
const incomplete = ".incomplete-"

// Open makes the folder, which must be closed to others.
func Open(opts Options) (*Store, error) {
	q := &Store{opts: opts}
	if opts.Dir == "" {
		return q, nil
	}
	if err := os.MkdirAll(opts.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("quarantine.dir: %w", err)
	}
	info, err := os.Stat(opts.Dir)
	if err != nil {
		return nil, fmt.Errorf("quarantine.dir: %w", err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("quarantine.dir: %s is open to others, mode %o: use chmod 700", opts.Dir, info.Mode().Perm())
	}
	return q, q.sweep(time.Now())
}

var (
	ErrNone = errors.New("there is no quarantine")
	ErrFull = errors.New("the quarantine is full (quarantine.quota)")
)

// Keep stores what write writes, size bytes, and returns the file's name. What
// is there already is not stored twice, but kept longer.
func (q *Store) Keep(name string, size int64, write func(io.Writer) (int64, error)) (file string, err error) {
	if q.opts.Dir == "" {
		return "", ErrNone
	}
	if err := q.reserve(size); err != nil {
		return "", err
	}
	stored := int64(0)
	defer func() { q.settle(size, stored) }()
	f, err := os.CreateTemp(q.opts.Dir, incomplete+"*") // mode 0600
	if err != nil {
		return "", fmt.Errorf("quarantine: %w", err)
	}
	defer os.Remove(f.Name()) // which has another name if all went well
	hash := sha256.New()
	n, err := write(io.MultiWriter(f, hash))
	if err == nil && n != size {
		err = io.ErrShortWrite
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return "", fmt.Errorf("quarantine: %w", err)
	}
	file = hex.EncodeToString(hash.Sum(nil)) + "-" + safeName(name)
	path := filepath.Join(q.opts.Dir, file)
	if _, err := os.Stat(path); err == nil {
		now := time.Now()
		return file, os.Chtimes(path, now, now)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return "", fmt.Errorf("quarantine: %w", err)
	}
	stored = size
	return file, syncDir(q.opts.Dir)
}

// reserve takes size bytes of the quota.
func (q *Store) reserve(size int64) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if now := time.Now(); now.Sub(q.swept) > sweepEvery {
		if err := q.sweep(now); err != nil {
			return err
		}
	}
	if q.opts.Quota > 0 && q.used+q.pending+size > q.opts.Quota {
		return ErrFull
	}
	q.pending += size
	return nil
}

// settle ends a reservation, of which so much has become a file.
func (q *Store) settle(reserved, stored int64) {
	q.mu.Lock()
	q.pending -= reserved
	q.used += stored
	q.mu.Unlock()
}

// sweep removes what was kept long enough, and what a crash has left
// incomplete, and adds up the rest. Whoever calls it holds mu.
func (q *Store) sweep(now time.Time) error {
	entries, err := os.ReadDir(q.opts.Dir)
	if err != nil {
		return fmt.Errorf("quarantine: %w", err)
	}
	q.used, q.swept = 0, now
	for _, e := range entries {
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
			continue
		}
		if err != nil {
			return fmt.Errorf("quarantine: %w", err)
		}
		partial, age := strings.HasPrefix(e.Name(), incomplete), now.Sub(info.ModTime())
		switch {
		case partial && age > sweepEvery, !partial && q.opts.Keep > 0 && age > q.opts.Keep:
			if err := os.Remove(filepath.Join(q.opts.Dir, e.Name())); err != nil {
				return fmt.Errorf("quarantine: %w", err)
			}
		case !partial:
			q.used += info.Size()
		}
	}
	return nil
}

// syncDir puts the folder's entries on the disk, where a system can.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("quarantine: %w", err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("quarantine: %w", err)
	}
	return nil
}

// maxSafeName leaves room for the sum before it.
const maxSafeName = 100

// safeName makes a file name that no system minds of what a message names.
func safeName(name string) string {
	safe := strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '.', r == '-', r == '_':
			return r
		}
		return '_'
	}, name)
	return strings.TrimRight(safe[max(0, len(safe)-maxSafeName):], ".")
}
