//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"
)

// notifyReopen sends a signal to ch when the log files are to be opened again.
func notifyReopen(ch chan<- os.Signal) { signal.Notify(ch, syscall.SIGUSR1) }
