package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"exgate/proxy"
	"exgate/proxy/control"
	"exgate/proxy/handover"
	"exgate/proxy/status"
)

// startTime is how long a new exgate may take until it is ready. It waits for Redis for half of it.
const startTime = time.Minute

// succession is the place of this process among those that serve one after the other.
type succession struct {
	program handover.Program      // that takes over from this process
	before  *handover.Inheritance // nil: this process has not taken over
	given   *sockets
	next    *handover.Successor // nil: none takes over
}

// end tells the exgate that has taken over that this one has nothing to do any more.
func (place *succession) end() {
	if place.next != nil {
		place.next.Close()
	}
}

// forerunner is the exgate before this one; its fields are nil if there is none.
type forerunner struct {
	*handover.Forerunner
	before *handover.Inheritance
	asked  *control.Client // set by follow
	heir   *proxy.Server   // set by follow
	log    *slog.Logger
	cancel context.CancelFunc
	ended  chan struct{} // closed when nothing follows the forerunner any more; nil: there is none
}

func (place *succession) forerunner(log *slog.Logger) *forerunner {
	f := &forerunner{before: place.before, log: log}
	if place.before != nil {
		f.Forerunner = handover.NewForerunner(f.drain, f, log)
	}
	return f
}

// drain asks the forerunner.
func (f *forerunner) drain(ctx context.Context) (status.Drain, error) {
	if f.asked == nil {
		return status.Drain{}, errors.New("the exgate before this one has no control socket")
	}
	return f.asked.Drain(ctx)
}

// Adopt implements handover.Heir.
func (f *forerunner) Adopt(upstream, account string) { f.heir.Adopt(upstream, account) }

// AdoptRest implements handover.Heir.
func (f *forerunner) AdoptRest() { f.heir.AdoptRest() }

// follow takes over. From then on the forerunner drains.
func (f *forerunner) follow(ctx context.Context, server *proxy.Server) error {
	if f.before == nil {
		return nil
	}
	path, drain, err := f.before.Ready(ctx.Done())
	if err != nil {
		return exitError{exitUnavailable, err}
	}
	f.heir = server
	server.Obey(drain.Orders) // the next orders come to this process
	f.Learn(drain)
	if path == "" {
		f.log.Warn("the exgate before this one cannot be asked: messages wait until it has ended")
	} else {
		f.asked = control.NewClient(path)
	}
	f.log.Info("exgate takes over from the one before it, which drains")
	following, cancel := context.WithCancel(context.Background())
	f.cancel, f.ended = cancel, make(chan struct{})
	go func() {
		defer close(f.ended)
		f.Follow(following, f.before.Ended())
	}()
	return nil
}

// drains reports whether the forerunner has not ended.
func (f *forerunner) drains() bool {
	if f.ended == nil {
		return false
	}
	select {
	case <-f.ended:
		return false
	default:
		return true
	}
}

// close stops following the forerunner.
func (f *forerunner) close() {
	if f.ended != nil {
		f.cancel()
		<-f.ended
	}
}

// handOver starts an exgate that takes over, and waits until it is ready. The error says why it does not.
func handOver(
	ctx context.Context, place *succession, before *forerunner, clients []listener[proxy.Listen],
	status []listener[struct{}], log *slog.Logger,
) (err error) {
	if before.drains() {
		return errors.New("the exgate before this one still drains: try again when it has ended")
	}
	log.Info("another exgate is started to take over", "program", place.program.Path)
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	place.next, err = handover.Start(ctx, place.program, append(handed(clients), handed(status)...))
	return err
}

// handed returns what a new exgate is told of listeners.
func handed[M any](open []listener[M]) (all []handover.Socket) {
	for _, l := range open {
		s := handover.Socket{Name: l.name, Address: l.address, Listener: l.Listener}
		if l.passed {
			s.Address = ""
		}
		all = append(all, s)
	}
	return all
}

// letGo tells the new exgate to serve. This one accepts no clients any more.
func letGo(next *handover.Successor, server *proxy.Server, socket *control.Listener, log *slog.Logger) error {
	path := ""
	if socket != nil {
		var err error
		if path, err = socket.Move(); err != nil {
			log.Warn("the new exgate cannot ask this one: its messages wait until this one has ended", "err", err)
		}
	}
	if err := next.Go(path, server.Drained()); err != nil {
		return fmt.Errorf("the new exgate has ended before it served: %w", err)
	}
	return nil
}
