//go:build unix

package handover

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"exgate/proxy/status"
)

// variable tells a new process the file descriptor of its end of the socket pair. The listening sockets follow it.
const variable = "HANDOVER_SOCKET"

// channelFD is the file descriptor of the new process's end, after standard input, output and error.
const channelFD = 3

// endTime is how long a process that is not wanted any more has to end before it is killed.
const endTime = 5 * time.Second

// ThisProgram returns the program of this process. It is called before the process changes its directory.
func ThisProgram() (Program, error) {
	dir, err := os.Getwd()
	if err != nil {
		return Program{}, err
	}
	path, err := exec.LookPath(os.Args[0])
	if err == nil {
		path, err = filepath.Abs(path)
	}
	return Program{Path: path, Args: os.Args[1:], Dir: dir}, err
}

// Successor is a new process that is ready, and waits.
type Successor struct {
	PID     int
	channel *channel
}

// Start starts the program with the sockets, and waits until it is ready. If it is not ready when ctx ends, Start ends
// it. The error says why the new process does not start.
func Start(ctx context.Context, p Program, sockets []Socket) (*Successor, error) {
	if os.Getpid() == 1 {
		return nil, ErrContainer
	}
	ours, theirs, err := socketPair()
	if err != nil {
		return nil, fmt.Errorf("make a socket pair: %w", err)
	}
	channel := newChannel(ours)
	files := []uintptr{0, 1, 2, theirs.Fd()}
	defer theirs.Close()
	for _, s := range sockets {
		fd, err := duplicate(s.Listener)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("listener %s: %w", s.Name, err), channel.Close())
		}
		defer unix.Close(int(fd))
		files = append(files, fd)
	}
	// exec.Cmd takes the number of each descriptor by os.File.Fd, which may make the socket block, also in this one.
	pid, err := syscall.ForkExec(p.Path, append([]string{p.Path}, p.Args...),
		&syscall.ProcAttr{Dir: p.Dir, Env: environment(os.Environ()), Files: files})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", p.Path, err), channel.Close())
	}
	theirs.Close() // of two ends here, the new process's end would not show
	ended := make(chan string, 1)
	go func() { ended <- await(pid) }() // ends with that process
	err = greet(ctx, channel, sockets, ended)
	if err != nil {
		end(pid, ended)
		return nil, errors.Join(err, channel.Close())
	}
	return &Successor{PID: pid, channel: channel}, nil
}

// greet offers the sockets to the new process, and waits until it is ready.
func greet(ctx context.Context, c *channel, sockets []Socket, ended chan string) error {
	stop := context.AfterFunc(ctx, func() { c.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	err := c.send(offer{Sockets: sockets})
	var r reply
	if err == nil {
		err = c.receive(&r)
	}
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("it was not ready in time: %w", context.Cause(ctx))
	case errors.Is(err, io.EOF) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET):
		how := <-ended
		ended <- how
		return fmt.Errorf("it ended before it was ready (%s)", how)
	case err != nil:
		return err
	case !r.Ready:
		return errors.New(r.Error)
	}
	return nil
}

// Go tells the new process to serve. control is the path of the control socket of this one; "" if there is none. drain
// is what this process knows.
func (s *Successor) Go(control string, drain status.Drain) error {
	return s.channel.send(command{Control: control, Drain: drain})
}

// Close ends the connection to the new process, which takes that for the end of this one.
func (s *Successor) Close() error { return s.channel.Close() }

// await waits for the end of a process, and says how it ended.
func await(pid int) string {
	process, err := os.FindProcess(pid)
	if err != nil {
		return err.Error()
	}
	state, err := process.Wait()
	if err != nil {
		return err.Error()
	}
	return state.String()
}

// end ends a process.
func end(pid int, ended <-chan string) {
	syscall.Kill(pid, syscall.SIGTERM) // it may have ended
	select {
	case <-ended:
	case <-time.After(endTime):
		syscall.Kill(pid, syscall.SIGKILL)
		<-ended
	}
}

// environment returns the environment of the new process. What systemd has told this process alone is left out.
func environment(ours []string) []string {
	var theirs []string
	for _, v := range ours {
		switch name, _, _ := strings.Cut(v, "="); name {
		case variable, "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "WATCHDOG_PID":
		default:
			theirs = append(theirs, v)
		}
	}
	return append(theirs, variable+"="+strconv.Itoa(channelFD))
}

// socketPair returns both ends of a socket pair.
func socketPair() (ours net.Conn, theirs *os.File, err error) {
	syscall.ForkLock.RLock() // no other process that is started meanwhile gets them
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err == nil {
		unix.CloseOnExec(fds[0])
		unix.CloseOnExec(fds[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, nil, err
	}
	file := os.NewFile(uintptr(fds[0]), "handover")
	defer file.Close()
	theirs = os.NewFile(uintptr(fds[1]), "handover")
	if ours, err = net.FileConn(file); err != nil {
		return nil, nil, errors.Join(err, theirs.Close())
	}
	return ours, theirs, nil
}

// duplicate returns another descriptor of a listening socket.
func duplicate(l net.Listener) (fd uintptr, err error) {
	socket, ok := l.(syscall.Conn)
	if !ok {
		return 0, fmt.Errorf("a %T cannot be handed over", l)
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return 0, err
	}
	var n int
	var dupErr error
	err = raw.Control(func(old uintptr) { n, dupErr = unix.FcntlInt(old, unix.F_DUPFD_CLOEXEC, 0) })
	return uintptr(n), errors.Join(err, dupErr)
}

// Take returns what this process has from an old one; nil if it was started otherwise.
func Take() (*Inheritance, error) {
	text := os.Getenv(variable)
	if text == "" {
		return nil, nil
	}
	os.Unsetenv(variable) // nobody that this process starts takes over
	if text != strconv.Itoa(channelFD) {
		return nil, fmt.Errorf("the variable %s is set, to %q: only an exgate that hands over sets it", variable, text)
	}
	nc, err := inherited(channelFD, net.FileConn)
	if err != nil {
		return nil, err
	}
	i := &Inheritance{channel: newChannel(nc), ended: make(chan struct{})}
	var o offer
	if err := i.channel.receive(&o); err != nil {
		return nil, errors.Join(fmt.Errorf("take over: %w", err), nc.Close())
	}
	for n, s := range o.Sockets {
		if s.Listener, err = inherited(channelFD+1+n, net.FileListener); err != nil {
			err = fmt.Errorf("take over listener %s: %w", s.Name, err)
			i.Fail(err)
			return nil, err
		}
		i.Sockets = append(i.Sockets, s)
	}
	return i, nil
}

// inherited makes a connection or a listener of an inherited descriptor.
func inherited[T any](fd int, of func(*os.File) (T, error)) (T, error) {
	unix.CloseOnExec(fd)
	f := os.NewFile(uintptr(fd), "handover")
	defer f.Close()
	return of(f)
}
