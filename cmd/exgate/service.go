package main

import (
	"context"
	"os"
	"sync"
	"syscall"
)

// serviceOrder is what a service manager wants of exgate that sends no signals, as that of Windows.
type serviceOrder int

const (
	orderStop   serviceOrder = iota // as SIGTERM
	orderReload                     // as SIGHUP
)

// servicePhase is what such a service manager is told.
type servicePhase int

const (
	serviceServes servicePhase = iota
	serviceStops
)

// managed is an exgate under such a service manager; nil: it runs without one.
type managed struct {
	reload  chan os.Signal
	serving chan struct{} // closed when clients are served
	once    sync.Once
}

type managedKey struct{}

// managedBy returns the managed of the context of a command; nil if there is none.
func managedBy(ctx context.Context) *managed {
	m, _ := ctx.Value(managedKey{}).(*managed)
	return m
}

// serves tells that clients are served.
func (m *managed) serves() {
	if m != nil {
		m.once.Do(func() { close(m.serving) })
	}
}

// supervise runs exgate as orders say, and tells each phase. It returns when run does.
func supervise(run func(context.Context) error, orders <-chan serviceOrder, tell func(servicePhase)) error {
	m := &managed{reload: make(chan os.Signal, 1), serving: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.WithValue(context.Background(), managedKey{}, m))
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	serving := m.serving
	for {
		select {
		case err := <-ended:
			return err
		case <-serving:
			serving = nil
			tell(serviceServes)
		case order := <-orders:
			switch order {
			case orderStop:
				if serving = nil; ctx.Err() == nil {
					tell(serviceStops)
				}
				cancel()
			case orderReload:
				select {
				case m.reload <- syscall.SIGHUP:
				default: // one waits already
				}
			}
		}
	}
}
