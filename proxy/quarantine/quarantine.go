// Package quarantine keeps messages that exgate must not lose or must not send
// again. A Store keeps the originals of messages that a repair shortens, and the
// attachments that it takes out. Poisons lists the messages that Exchange has
// taken for commands. Package delivery uses both before it stores a message.
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

// Options set where a Store keeps its files, and for how long.
type Options struct {
	Dir   string        // directory of the files; "": the store keeps nothing
	Quota int64         // bytes of all files together; 0: no limit
	Keep  time.Duration // how long a file is kept; 0: for ever
}

// Store is a directory of files. The name of a file has the SHA-256 of its
// content and the name that the message gives it. A Store is safe for use by
// several goroutines.
type Store struct {
	opts Options

	mu      sync.Mutex
	used    int64 // bytes of the complete files
	pending int64 // bytes reserved for files that are being written
	swept   time.Time
}

// sweepEvery is how often expired files are removed.
const sweepEvery = time.Hour

// incomplete begins the name of a file that is being written.
const incomplete = ".incomplete-"

// Open returns the store in opts.Dir. It creates the directory if necessary, and
// removes expired files. It returns an error if the directory cannot be used, or
// is open to other users of the system.
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
		return nil, fmt.Errorf("quarantine.dir: other users can access %s (mode %o): run chmod 700 on it",
			opts.Dir, info.Mode().Perm())
	}
	return q, q.sweep(time.Now())
}

// The errors of Keep about the configuration.
var (
	ErrNone = errors.New("exgate has no quarantine: set quarantine.dir")
	ErrFull = errors.New("the quarantine is full: raise quarantine.quota, or remove files from quarantine.dir")
)

// Keep stores a file and returns its name in the directory. write writes the
// content of size bytes; name is the name that the message gives it. If the same
// content with the same name is stored already, Keep renews the time of that
// file. When Keep returns without an error, the file is complete and on the disk.
// The error is ErrNone without a directory, ErrFull if the file would exceed the
// quota, and otherwise that of write or of the file system.
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
		return "", fmt.Errorf("create a file in quarantine.dir: %w", err)
	}
	defer os.Remove(f.Name()) // a complete file has another name by then
	hash := sha256.New()
	n, err := write(io.MultiWriter(f, hash))
	if err == nil && n != size {
		err = io.ErrShortWrite
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return "", fmt.Errorf("write a file in quarantine.dir: %w", err)
	}
	file = hex.EncodeToString(hash.Sum(nil)) + "-" + safeName(name)
	path := filepath.Join(q.opts.Dir, file)
	if _, err := os.Stat(path); err == nil {
		now := time.Now()
		return file, os.Chtimes(path, now, now)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return "", fmt.Errorf("rename a file in quarantine.dir: %w", err)
	}
	stored = size
	return file, syncDir(q.opts.Dir)
}

// reserve takes size bytes of the quota. It sweeps the directory when a sweep is
// due.
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

// settle ends a reservation of reserved bytes, after stored bytes have become a
// file.
func (q *Store) settle(reserved, stored int64) {
	q.mu.Lock()
	q.pending -= reserved
	q.used += stored
	q.mu.Unlock()
}

// sweep removes expired files and the incomplete files of a crash, and adds up
// the bytes of the others. q.mu is held, or q is not shared yet.
func (q *Store) sweep(now time.Time) error {
	entries, err := os.ReadDir(q.opts.Dir)
	if err != nil {
		return fmt.Errorf("list quarantine.dir: %w", err)
	}
	q.used, q.swept = 0, now
	for _, e := range entries {
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
			continue
		}
		if err != nil {
			return fmt.Errorf("list quarantine.dir: %w", err)
		}
		isPartial, age := strings.HasPrefix(e.Name(), incomplete), now.Sub(info.ModTime())
		switch {
		case isPartial && age > sweepEvery, !isPartial && q.opts.Keep > 0 && age > q.opts.Keep:
			if err := os.Remove(filepath.Join(q.opts.Dir, e.Name())); err != nil {
				return fmt.Errorf("remove an expired file from quarantine.dir: %w", err)
			}
		case !isPartial:
			q.used += info.Size()
		}
	}
	return nil
}

// syncDir writes the entries of the directory to the disk. Windows cannot do
// this.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync quarantine.dir: %w", err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("sync quarantine.dir: %w", err)
	}
	return nil
}

// maxSafeName limits the result of safeName in bytes. It leaves room for the
// SHA-256 in front.
const maxSafeName = 100

// safeName replaces the characters of name that a file system may refuse, and
// returns the end of the result.
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
