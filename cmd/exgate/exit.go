package main

import "errors"

// Exit codes, as in BSD's sysexits.h but for the first.
const (
	exitNothing     = 1  // explain knows nothing of the text
	exitChanged     = 1  // fix: a message was changed
	exitUsage       = 64 // the command line
	exitData        = 65 // fix: a message was refused
	exitUnavailable = 69 // a server or address that could not be had
	exitInternal    = 70 // everything else
	exitConfig      = 78 // the configuration
)

// exitError is an error that decides the exit code.
type exitError struct {
	code int
	err  error
}

func (e exitError) Error() string {
	if e.err == nil {
		return "" // the status is the answer
	}
	return e.err.Error()
}

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

// isAnswer tells whether the status says it all.
func isAnswer(err error) bool {
	var exit exitError
	return errors.As(err, &exit) && exit.err == nil
}
