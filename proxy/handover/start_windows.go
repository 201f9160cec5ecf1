package handover

import (
	"context"
	"errors"

	"exgate/proxy/status"
)

var errWindows = errors.New("a running exgate cannot be replaced on Windows: stop it, and start the new one")

// ThisProgram returns nothing on Windows.
func ThisProgram() (Program, error) { return Program{}, nil }

// Successor is a new process; there is none on Windows.
type Successor struct{ PID int }

// Start fails on Windows.
func Start(context.Context, Program, []Socket) (*Successor, error) { return nil, errWindows }

// Go is not called on Windows.
func (*Successor) Go(string, status.Drain) error { return errWindows }

// Close is not called on Windows.
func (*Successor) Close() error { return nil }

// Take returns nil on Windows: no process takes over.
func Take() (*Inheritance, error) { return nil, nil }
