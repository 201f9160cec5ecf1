package wire

import (
	"cmp"
	"io"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Pipe is a pipe of the kernel with bytes on their way from one socket to another: splice(2) moves them
// there, and does not copy them.
type Pipe struct {
	ends [2]int
	n    int // the bytes in it
}

const (
	// pipeSize is the most that is in a pipe, as much as Linux allows (fs.pipe-max-size).
	pipeSize = 1 << 20
	// maxPipes is the most pipes that exist. Without root, Linux allows a user 64 of this size
	// (fs.pipe-user-pages-soft), and a client that does not read holds one as long as it may.
	maxPipes = 16
)

// The pipes belong to the process, and not to a gateway, since Linux counts them for a user. No setting concerns them,
// and a gateway that gets none, because another has them all, passes the bytes by its buffers.
var (
	idlePipes = make(chan *Pipe, maxPipes)
	madePipes atomic.Int32
)

// openPipe returns an empty pipe; nil if all are in use, or if none can be made now.
func openPipe() *Pipe {
	select {
	case p := <-idlePipes:
		return p
	default:
	}
	if madePipes.Add(1) > maxPipes {
		madePipes.Add(-1)
		return nil
	}
	p := new(Pipe)
	if unix.Pipe2(p.ends[:], unix.O_CLOEXEC|unix.O_NONBLOCK) != nil {
		madePipes.Add(-1)
		return nil
	}
	if _, err := unix.FcntlInt(uintptr(p.ends[0]), unix.F_SETPIPE_SZ, pipeSize); err != nil {
		p.destroy()
		madePipes.Add(-1)
		return nil
	}
	return p
}

// close gives the pipe back. What is left in it after an error goes with the pipe.
func (p *Pipe) close() {
	if p.n == 0 {
		idlePipes <- p
		return
	}
	p.destroy()
	madePipes.Add(-1)
}

func (p *Pipe) destroy() {
	unix.Close(p.ends[0])
	unix.Close(p.ends[1])
}

// Len returns the number of bytes in the pipe.
func (p *Pipe) Len() int64 { return int64(p.n) }

// readPipe reads at least one byte of nc, and max at most, into a pipe. It holds none while it waits. The
// pipe is nil if an error or the end has come first, or if there is no pipe.
func readPipe(nc *net.TCPConn, max int64) (p *Pipe, err error) {
	raw, err := nc.SyscallConn()
	if err != nil {
		return nil, err
	}
	var failed error
	err = raw.Read(func(fd uintptr) (done bool) {
		if p = openPipe(); p == nil {
			return true
		}
		if p.n, failed = splice(int(fd), p.ends[1], int(min(max, pipeSize))); failed == unix.EAGAIN {
			p.close()
			p = nil
		}
		return p != nil
	})
	if p == nil || p.n > 0 {
		return p, err
	}
	switch failed {
	case unix.EINVAL, unix.ENOSYS, unix.EPERM: // this system, or its sandbox, has no splice for sockets
		p.destroy() // and counts as made, so that this is not tried for ever
		return nil, nil
	}
	p.close()
	if failed == nil {
		return nil, io.EOF
	}
	return nil, os.NewSyscallError("splice", failed)
}

// Send writes all that is in the pipe to nc, which IsBare, and adds it to sent. nc must take some of it in
// each bound.
func (p *Pipe) Send(nc net.Conn, by *WriteDeadline, bound time.Duration, sent *atomic.Int64) error {
	raw, err := nc.(syscall.Conn).SyscallConn()
	for err == nil && p.n > 0 {
		if err = by.Allow(nc, bound); err != nil {
			break
		}
		var n int
		var failed error
		err = raw.Write(func(fd uintptr) (done bool) {
			n, failed = splice(p.ends[0], int(fd), p.n)
			return failed != unix.EAGAIN
		})
		p.n -= n
		sent.Add(int64(n))
		if err == nil && n == 0 {
			err = cmp.Or(os.NewSyscallError("splice", failed), io.ErrShortWrite)
		}
	}
	return err
}

// splice moves what it can without a wait.
func splice(from, to, most int) (n int, err error) {
	for {
		moved, err := unix.Splice(from, nil, to, nil, most, unix.SPLICE_F_NONBLOCK)
		if err != unix.EINTR {
			return int(max(moved, 0)), err
		}
	}
}
