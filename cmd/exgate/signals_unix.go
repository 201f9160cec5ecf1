//go:build unix

package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// notifySignals returns the signals to exgate serve. stop gives them back.
func notifySignals(context.Context) (s *signals, stop func()) {
	hup, reopen, handOver := make(chan os.Signal, 1), make(chan os.Signal, 1), make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	signal.Notify(reopen, syscall.SIGUSR1)
	signal.Notify(handOver, syscall.SIGUSR2)
	return &signals{hup, reopen, handOver}, func() {
		for _, ch := range []chan os.Signal{hup, reopen, handOver} {
			signal.Stop(ch)
		}
	}
}
