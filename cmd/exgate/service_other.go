//go:build !windows

package main

import (
	"context"
	"io"

	"github.com/spf13/cobra"
)

// runAsService does nothing: systemd and the like run exgate serve as it is.
func runAsService(func(context.Context, io.Writer) error) (isService bool, code int) { return false, 0 }

// serviceCommands returns nothing: a package or a unit file installs the service.
func serviceCommands() []*cobra.Command { return nil }
