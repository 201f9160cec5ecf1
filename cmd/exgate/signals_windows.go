package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// notifySignals returns the signals to exgate serve. Windows has none for the log files and the hand-over, and the
// service manager's order to read the configuration again is no signal.
func notifySignals(ctx context.Context) (s *signals, stop func()) {
	if m := managedBy(ctx); m != nil {
		return &signals{hup: m.reload}, func() {}
	}
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	return &signals{hup: hup}, func() { signal.Stop(hup) }
}
