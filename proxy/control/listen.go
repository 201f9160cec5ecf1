package control

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"time"
)

// socketName is the name of the socket in state_dir.
const socketName = "control.sock"

// Path returns the path of the socket of an exgate with this state directory.
func Path(stateDir string) string { return filepath.Join(stateDir, socketName) }

// maxPath is the longest path of a socket that every system takes, in bytes: macOS has 104 with the NUL at the end.
const maxPath = 103

// ErrInUse is the error of Listen if another exgate with the same state directory runs.
var ErrInUse = errors.New("another exgate with this state_dir runs: give each its own state_dir")

// Listen makes the socket. It removes the socket of an exgate that has ended without doing so. The listener accepts
// only the user of this process, and root, where the system tells who has connected.
func Listen(path string) (net.Listener, error) {
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
	return checkedListener{l}, nil
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

// checkedListener closes the connections of other users.
type checkedListener struct{ net.Listener }

// Accept implements net.Listener.
func (l checkedListener) Accept() (net.Conn, error) {
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
