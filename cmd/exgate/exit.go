package main

import "errors"

// Exit codes, as in BSD's sysexits.h, except 1.
const (
	exitNothing     = 1  // explain found nothing in the text; the running exgate has no such session or order
	exitChanged     = 1  // fix changed a message
	exitUsage       = 64 // the command line is wrong
	exitData        = 65 // fix refused a message
	exitUnavailable = 69 // a server cannot be reached, or an address cannot be used
	exitInternal    = 70 // any other error
	exitConfig      = 78 // the configuration is wrong
)

// exitError is an error that decides the exit code.
type exitError struct {
	code int
	err  error
}

func (e exitError) Error() string {
	if e.err == nil {
		return "" // the exit code is the answer
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

// isAnswer reports whether the exit code is the whole answer, without a message.
func isAnswer(err error) bool {
	var exit exitError
	return errors.As(err, &exit) && exit.err == nil
}
