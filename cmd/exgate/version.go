package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the versions of exgate, Go and go-imap",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "exgate %s\n%s %s/%s\ngo-imap %s\n",
				moduleVersion("exgate"), runtime.Version(), runtime.GOOS, runtime.GOARCH,
				moduleVersion("github.com/emersion/go-imap/v2"))
			return err
		},
	}
}

// moduleVersion is a module's version as the linker recorded it.
func moduleVersion(path string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, module := range append(info.Deps, &info.Main) {
		if module.Path == path {
			return module.Version
		}
	}
	return "not linked"
}
