package main

import "errors"

// Exit codes, as in BSD's sysexits.h but for the first.
const (
	exitNothing     = 1  // explain knows nothing of the text
	exitUsage       = 64 // the command line
	exitUnavailable = 69 // a server or address that could not be had
	exitInternal    = 70 // everything else
	exitConfig      = 78 // the configuration
)

// exitError is an error that decides the exit code.
type exitError struct {
	code int
	err  error
}

func (e exitError) Error() string { return e.err.Error() }
func (e exitError) Unwrap() error { return e.err }

func exitCode(err error) int {
	var exit exitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.code
	}
	return exitInternal
}
