package main

import "os"

// notifyReopen does nothing: Windows has no such signal, and log.rotate_at serves there.
func notifyReopen(chan<- os.Signal) {}
