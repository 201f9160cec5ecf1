package delivery

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"

	"exgate/backend/wire"
	"exgate/proxy/replies"
	"exgate/proxy/spool"
	"exgate/proxy/status"
)

// Filter is an external command that messages pass through before they are
// repaired. The zero value is none.
type Filter struct {
	Command []string // a path and its arguments, for no shell
	When    string   // FilterAlways, FilterLongLines or FilterRefused
	Timeout time.Duration
}

// Values of Filter.When.
const (
	FilterAlways    = "always"
	FilterLongLines = "long-lines"
	FilterRefused   = "refused"
)

// maxFilterGrowth bounds what a filter may make of a message: so many times
// its size, and a little for small ones.
const (
	maxFilterGrowth = 3
	minFilterOutput = 1 << 20
)

var errFilterOutput = errors.New("it writes too much")

// filter passes the message through the command if now is when that is wanted.
// A filter that fails is reported, and the message goes on without it.
func (d *delivery) filter(now string) error {
	f := &d.s.Filter
	if len(f.Command) == 0 || f.When != now || d.up.filtered {
		return nil
	}
	d.up.filtered = true
	d.s.Waits(status.StateSending, "a filter works on the message", time.Time{})
	began := time.Now()
	out := d.s.NewSpool(d.up.Spool.Size())
	err := f.run(d.s.Context(), d.up.Spool, out)
	if err != nil {
		d.s.Log.Warn("the filter failed, the message goes on without it", append(d.s.about(d.up),
			"command", f.Command[0], "took", time.Since(began).Round(time.Millisecond), "err", err)...)
		if ctxErr := d.s.Context().Err(); ctxErr != nil {
			return errors.Join(out.Close(), replies.NotYet("the session ends; nothing was stored"))
		}
		return out.Close()
	}
	d.s.fixed("filter")
	d.up.Body = out
	return nil
}

// run runs the command: no environment, its own group of processes, which is
// killed at the deadline, and a bound on its output.
func (f *Filter) run(ctx context.Context, message *spool.Spool, out *spool.Spool) error {
	ctx, cancel := context.WithTimeout(ctx, f.Timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, f.Command[0], f.Command[1:]...)
	cmd.Env = []string{} // nil would be ours
	cmd.Stdin = io.NewSectionReader(message, 0, message.Size())
	limited := &limitedWriter{w: out, left: maxFilterGrowth*message.Size() + minFilterOutput}
	complaint := new(strings.Builder) // a part of it, which may quote the message
	cmd.Stdout, cmd.Stderr = limited, &limitedWriter{w: complaint, left: 1000, cut: true}
	cmd.WaitDelay = time.Second
	ownGroup(cmd)
	err := cmd.Run()
	switch {
	case limited.left < 0:
		return errFilterOutput
	case ctx.Err() != nil && err != nil:
		return fmt.Errorf("it took more than %s, and was killed", f.Timeout)
	case err != nil:
		return fmt.Errorf("%w: %q", err, wire.Words(complaint.String()))
	case out.Size() == 0 && message.Size() > 0:
		return errors.New("it wrote nothing")
	}
	return nil
}

// limitedWriter takes so many bytes; then it fails, or passes over the rest.
type limitedWriter struct {
	w    io.Writer
	left int64
	cut  bool
}

func (l *limitedWriter) Write(b []byte) (int, error) {
	n := len(b)
	if l.cut {
		b = b[:min(int64(n), l.left)]
	}
	if l.left -= int64(len(b)); l.left < 0 {
		return 0, errFilterOutput
	}
	_, err := l.w.Write(b)
	return n, err
}
