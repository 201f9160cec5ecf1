package control

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// socketName is the name of the socket in state_dir.
const socketName = "control.sock"

// Path returns the path of the socket of an exgate with this state directory.
func Path(stateDir string) string { return filepath.Join(stateDir, socketName) }

// movedName is the name of the socket of an exgate whose place another one takes. It is no longer than socketName.
const movedName = "control.prev"

// maxPath is the longest path of a socket that every system takes, in bytes: macOS has 104 with the NUL at the end.
const maxPath = 103

// ErrInUse is the error of Listen if another exgate with the same state directory runs.
var ErrInUse = errors.New("another exgate with this state_dir runs: give each its own state_dir")

// Listen makes the socket. It removes the socket of an exgate that has ended without doing so. The listener accepts
// only the user of this process, and root, where the system tells who has connected.
func Listen(path string) (*Listener, error) {
	if len(path) > maxPath {
		return nil, fmt.Errorf("the path %s is too long for a socket: choose a state_dir of at most %d bytes", path,
			maxPath-len(socketName)-1)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("state_dir: %w", err)
	}
	if err := removeStale(path); err != nil {
		return nil, err
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false) // at the path may be another one by then
	return &Listener{Listener: l, path: path}, nil
}

// removeStale removes a socket that nobody listens on.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode()&(fs.ModeSocket|fs.ModeIrregular) == 0: // some versions of Windows have sockets that are irregular
		return fmt.Errorf("%s is no socket: remove it", path)
	}
	if nc, err := net.DialTimeout("unix", path, time.Second); err == nil {
		return errors.Join(ErrInUse, nc.Close())
	}
	return os.Remove(path)
}

// Listener is the listening control socket. It closes the connections of other users.
type Listener struct {
	net.Listener

	mu   sync.Mutex
	path string // "": the socket is closed
}

// Move makes room for the socket of the exgate that takes the place of this one: it gives this one another path, which
// it returns.
func (l *Listener) Move() (path string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.path == "" {
		return "", net.ErrClosed
	}
	path = filepath.Join(filepath.Dir(l.path), movedName)
	if err := os.Rename(l.path, path); err != nil {
		return "", err
	}
	l.path = path
	return path, nil
}

// Close implements net.Listener. It removes the socket.
func (l *Listener) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.path == "" {
		return nil
	}
	err := errors.Join(l.Listener.Close(), os.Remove(l.path))
	l.path = ""
	return err
}

// Accept implements net.Listener.
func (l *Listener) Accept() (net.Conn, error) {
	for {
		nc, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if isOurs(nc) {
			return nc, nil
		}
		nc.Close()
	}
}
