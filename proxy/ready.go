package proxy

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"exgate/proxy/routing"
)

// readiness remembers whether an upstream could be reached, so that questions from outside cost few connections. The
// zero value remembers nothing.
type readiness struct {
	mu    sync.Mutex // held during a try
	asked time.Time  // the end of the last try; zero: none
	err   error      // of the last try
}

// Ready returns nil if new clients can be served: a session is connected to an upstream, or one can be reached.
// Otherwise the error says why. All callers share one try to reach the upstreams, which logs in nowhere. A success
// counts for limits.Reachable, a failure for limits.Unreachable.
func (s *Server) Ready() error {
	if s.draining.Err() != nil {
		return errors.New("exgate is stopping and accepts no new clients")
	}
	for c := range s.logins.all() {
		if c.link.isUp() {
			return nil
		}
	}
	r := &s.readiness
	r.mu.Lock()
	defer r.mu.Unlock()
	counts := s.limits.Reachable
	if r.err != nil {
		counts = s.limits.Unreachable
	}
	if r.asked.IsZero() || time.Since(r.asked) >= counts {
		r.err = s.reachAny()
		r.asked = time.Now()
	}
	return r.err
}

// reachAny connects to all upstreams at the same time. It returns nil if one of them greets, or an error with the
// reason of each.
func (s *Server) reachAny() error {
	ctx, cancel := context.WithTimeout(s.draining, s.limits.Reach)
	defer cancel()
	targets := s.settings.Load().router.Targets
	errs := make([]error, len(targets))
	var tries sync.WaitGroup
	for i, to := range targets {
		tries.Go(func() {
			if errs[i] = reach(ctx, to); errs[i] == nil {
				cancel() // the others need not be waited for
			}
		})
	}
	tries.Wait()
	for _, err := range errs {
		if err == nil {
			return nil
		}
	}
	return fmt.Errorf("no upstream can be reached: %w", errors.Join(errs...))
}

func reach(ctx context.Context, to *routing.Target) error {
	err := to.Server.Reach(ctx)
	if err != nil && to.Name != "" {
		return fmt.Errorf("%s: %w", to.Name, err)
	}
	return err
}

// isUp reports whether the connection is up.
func (l *link) isUp() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.upstream != nil && !l.state.isGone()
}
