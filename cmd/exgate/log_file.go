package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"sync"

	"exgate/config"
)

// keptLogs is the number of full files that exgate keeps beside log.file and log.trace.
const keptLogs = 5

// logFile is the file of the log or the trace. Write appends to it. A file that has
// reached rotateAt is renamed, and a new one takes its place.
type logFile struct {
	key      string // log.file or log.trace
	path     string
	rotateAt int64 // bytes; 0: never

	mu   sync.Mutex
	f    *os.File
	size int64
}

// Write implements io.Writer. It takes whole lines, and never divides them between files.
func (l *logFile) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.rotateAt > 0 && l.size > 0 && l.size+int64(len(p)) > l.rotateAt {
		if err := l.rotate(); err != nil {
			return 0, err
		}
	}
	n, err := l.f.Write(p)
	l.size += int64(n)
	return n, err
}

// rotate renames the file to path.1, and the earlier ones to path.2 and so on. l.mu is held.
// If the renaming fails, the log goes on in the file that is there, and standard error says why.
func (l *logFile) rotate() error {
	l.f.Close() // Windows does not rename an open file
	var failed error
	for i := keptLogs; i > 0 && failed == nil; i-- {
		from := l.path
		if i > 1 {
			from = fmt.Sprintf("%s.%d", l.path, i-1)
		}
		if err := os.Rename(from, fmt.Sprintf("%s.%d", l.path, i)); !errors.Is(err, fs.ErrNotExist) {
			failed = err
		}
	}
	if failed != nil {
		fmt.Fprintf(os.Stderr, "exgate: %s cannot be rotated: %v\n", l.key, failed)
	}
	err := l.open()
	l.size = 0 // after a failure, the next try comes after another rotateAt bytes
	return err
}

// open opens the file to append to it. l.mu is held, or nobody else has l yet.
func (l *logFile) open() error {
	f, err := os.OpenFile(l.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("%s: %w", l.key, err)
	}
	l.f, l.size = f, 0
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
		l.size = info.Size()
	}
	return nil
}

// reopen opens the file that has the path now. If that fails, the old one is used further.
func (l *logFile) reopen() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	old := l.f
	if err := l.open(); err != nil {
		return err
	}
	return old.Close()
}

// logFiles are the files of the log and the trace. The zero value has none.
type logFiles struct{ all []*logFile }

// open opens a file and remembers it.
func (files *logFiles) open(key, path string, rotateAt int64) (*logFile, error) {
	l := &logFile{key: key, path: path, rotateAt: rotateAt}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		l.rotateAt = 0 // a device or a pipe
	}
	if err := l.open(); err != nil {
		return nil, exitError{exitConfig, err}
	}
	files.all = append(files.all, l)
	return l, nil
}

// logWriter returns where the log goes: log.file, or else standard error.
func (files *logFiles) logWriter(c config.Log, stderr io.Writer) (io.Writer, error) {
	if c.File == "" {
		return stderr, nil
	}
	return files.open("log.file", c.File, c.RotateAt)
}

// reopen opens all files again, after logrotate or an administrator has renamed them.
func (files *logFiles) reopen(log *slog.Logger) {
	for _, l := range files.all {
		if err := l.reopen(); err != nil {
			log.Error("a log file cannot be opened again", "err", err)
		} else {
			log.Info("a log file is opened again", "key", l.key, "file", l.path)
		}
	}
}

// keep rotates no file any more: another exgate writes to the same files, and does that.
func (files *logFiles) keep() {
	for _, l := range files.all {
		l.mu.Lock()
		l.rotateAt = 0
		l.mu.Unlock()
	}
}

// close closes all files. The queues that write to them have ended.
func (files *logFiles) close() {
	for _, l := range files.all {
		l.mu.Lock()
		l.f.Close()
		l.mu.Unlock()
	}
}
