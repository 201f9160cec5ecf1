package trace

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"exgate/proxy/logqueue"
)

// The bounds of the traces in one directory.
const (
	maxFile  = 8 << 20 // bytes of a file; the one before it is kept
	maxFiles = 100     // files of a directory; the oldest are removed
	maxQueue = 1 << 20 // bytes that wait to be written, of one session
	// flushTime is the longest wait for these bytes at the end of a trace.
	flushTime = 2 * time.Second
)

// suffix is the end of the name of each file. A file that was full has oldSuffix after it.
const (
	suffix    = ".trace"
	oldSuffix = ".old"
)

// ownFile is the trace of one session in files of its own, which cannot grow without bound. It takes one line with
// each Write, and never blocks.
type ownFile struct {
	*logqueue.Queue
	file *file
}

// create begins the trace of a session in dir, which it makes if there is none. The caller closes the ownFile.
func create(dir, session string, now time.Time) (*ownFile, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if err := removeOldest(dir); err != nil {
		return nil, err
	}
	f := &file{path: filepath.Join(dir, now.UTC().Format("20060102T150405.000Z")+"-"+session+suffix)}
	if err := f.open(); err != nil {
		return nil, err
	}
	return &ownFile{file: f, Queue: logqueue.New(f, logqueue.Options{Max: maxQueue, Missing: missing})}, nil
}

func missing(w io.Writer, lines int64) {
	fmt.Fprintf(w, "%s exgate: %d lines are missing here\n", time.Now().UTC().Format(time.RFC3339), lines)
}

// Path returns the path of the file.
func (f *ownFile) Path() string { return f.file.path }

// Close writes what waits, and closes the file. It returns the number of lines that are missing in the trace.
func (f *ownFile) Close() (lost int64, err error) {
	lost = f.Queue.Close(flushTime)
	return lost, f.file.out.Close()
}

// file is a file that begins anew when it is full. Only the goroutine of the queue writes to it.
type file struct {
	path string
	out  *os.File
	size int64
}

func (f *file) open() (err error) {
	f.size = 0
	f.out, err = os.OpenFile(f.path, os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o600)
	return err
}

// Write implements io.Writer.
func (f *file) Write(p []byte) (int, error) {
	if f.size > 0 && f.size+int64(len(p)) > maxFile {
		err := errors.Join(f.out.Close(), os.Rename(f.path, f.path+oldSuffix), f.open())
		if err != nil {
			return 0, err
		}
	}
	n, err := f.out.Write(p)
	f.size += int64(n)
	return n, err
}

// removeOldest removes the oldest traces until there is room for one more. The names begin with the time.
func removeOldest(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool {
		return !strings.HasSuffix(strings.TrimSuffix(e.Name(), oldSuffix), suffix)
	})
	for _, e := range entries[:max(0, len(entries)-maxFiles+1)] {
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
