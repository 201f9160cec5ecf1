package proxy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime/debug"
	"time"

	"exgate/backend"
)

// await holds the session's own goroutine until done reports true, while another
// goroutine is at work. After a moment it begins to watch the client: when the
// client leaves then, the wait ends at once. While reason returns a text, the client
// gets it as an untagged OK, first after limits.FirstKeepAlive and then every
// limits.KeepAlive, since imapsync gives up after 120 s of silence
// (docs/clients.md#imapsync). Without a reason it is told of the commands in
// flight. done is called with link.mu held.
func (c *conn) await(done func() bool, reason func() string) error {
	if c.awaitQuickly(done) {
		return nil
	}
	next := time.Now().Add(c.srv.limits.FirstKeepAlive)
	for {
		over, watching := c.link.beginWatching(c.srv.ctx, done, c.client.r.Buffered() == 0, next)
		switch {
		case over:
			return nil
		case c.srv.ctx.Err() != nil:
			return c.stopping()
		case watching:
			if err := c.client.r.Wait(); err != nil && !isTimeout(err) {
				if c.link.check(done) { // a client may leave as soon as it has its reply
					return nil
				}
				return c.clientLeft(err)
			}
		default:
			// A pipelined command is there already: its client has not left,
			// or at least that cannot be seen before the command is read.
			timer := time.NewTimer(time.Until(next))
			select {
			case <-c.link.bell.ring:
			case <-timer.C:
			}
			timer.Stop()
		}
		if time.Now().Before(next) {
			continue
		}
		next = time.Now().Add(c.srv.limits.KeepAlive)
		if reason == nil {
			if err := c.keepPatient(); err != nil {
				return err
			}
			continue
		}
		if err := c.client.w.keepAlive(reason); err != nil {
			return c.clientLeft(err)
		}
	}
}

// awaitQuickly waits for a moment without watching the client, and returns what done reports: to
// begin with that and to end it costs more than most commands that Exchange answers at once.
func (c *conn) awaitQuickly(done func() bool) bool {
	if c.link.check(done) {
		return true
	}
	if c.quickly == nil {
		c.quickly = time.NewTimer(c.srv.limits.Unwatched)
	} else {
		c.quickly.Reset(c.srv.limits.Unwatched)
	}
	defer c.quickly.Stop()
	for {
		select {
		case <-c.link.bell.ring:
			if c.link.check(done) {
				return true
			}
		case <-c.quickly.C:
			return false
		}
	}
}

// clientLeft ends what is being done for a client that has gone.
func (c *conn) clientLeft(err error) error {
	c.cancel()
	if errors.Is(err, io.EOF) {
		return io.EOF
	}
	return err
}

// patiently runs a wait, which ends when the client leaves or the gateway drains.
func (c *conn) patiently(wait func(context.Context) error) error {
	return c.patientlyWithin(c.ctx, wait)
}

// patientlyWithin is patiently with a ctx that ends with the client or before.
func (c *conn) patientlyWithin(ctx context.Context, wait func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(c.srv.draining, cancel)
	defer stop()
	return wait(ctx)
}

// sleep waits patiently.
func (c *conn) sleep(d time.Duration) error {
	return c.sleepWithin(c.ctx, d)
}

// sleepWithin is sleep with a ctx that ends with the client or before.
func (c *conn) sleepWithin(ctx context.Context, d time.Duration) error {
	return c.patientlyWithin(ctx, func(ctx context.Context) error { return backend.Sleep(ctx, d) })
}

// aside runs do in a goroutine of its own, and returns its error. The client
// is watched meanwhile: when it leaves, do's context ends.
func (c *conn) aside(reason func() string, do func(context.Context) error) error {
	var err error
	done := false // guarded by link.mu
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		err = guarded(c.ctx, do)
		c.link.set(func() { done = true })
	}()
	watchErr := c.await(func() bool { return done }, reason)
	<-ended
	c.waiting.clear()
	return cmp.Or(watchErr, err)
}

// guarded runs do and makes an error of a panic, which would end the gateway
// and not only this session.
func guarded(ctx context.Context, do func(context.Context) error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %s\n%s", panicked(v), debug.Stack())
		}
	}()
	return do(ctx)
}

func isTimeout(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}
