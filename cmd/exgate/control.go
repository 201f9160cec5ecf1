package main

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"exgate/config"
	"exgate/proxy/control"
)

// maxControlConnections limits the connections to the control socket.
const maxControlConnections = 16

// startControl opens the control socket until stop is called. A gateway without it works all the same, so a failure
// goes to the log only. Then the listener is nil.
func startControl(c *config.Config, gateway control.Gateway, log *slog.Logger) (l *control.Listener, stop func()) {
	dir, err := c.StateDirectory()
	if err != nil {
		return nil, func() {} // the log has the reason
	}
	l, err = control.Listen(control.Path(dir))
	if err != nil {
		log.Warn("no control socket: exgate who and the like do not reach this exgate", "err", err)
		return nil, func() {}
	}
	log.Info("control socket", "path", l.Addr().String())
	return l, control.Serve(newBoundedListener(l, maxControlConnections), gateway, log)
}

// controlClient returns a client of the exgate that runs with the configuration of cmd. The configuration may have
// problems: only state_dir matters.
func controlClient(cmd *cobra.Command) (*control.Client, error) {
	c, _, err := readConfig(cmd)
	if c == nil {
		return nil, err
	}
	dir, err := c.StateDirectory()
	if err != nil {
		return nil, exitError{exitConfig, err}
	}
	return control.NewClient(control.Path(dir)), nil
}

// unreached gives an error of the control socket its exit code, and adds how to reach the right exgate.
func unreached(err error) error {
	var refused control.RefusedError
	var usage exitError
	switch {
	case err == nil || errors.As(err, &usage):
		return err
	case errors.As(err, &refused):
		return exitError{exitNothing, err}
	case errors.Is(err, control.ErrNotRunning):
		return exitError{exitUnavailable, fmt.Errorf("%w. Start exgate serve; or, if it runs, name its configuration "+
			"with --config, or its state directory with --set state_dir=DIR", err)}
	}
	return exitError{exitUnavailable, err}
}

func kickCommand() *cobra.Command {
	var now bool
	cmd := &cobra.Command{
		Use:   "kick USER|SESSION",
		Short: "End the sessions of a user, or one session, of the running exgate",
		Long: "Ends all sessions of a user, or the session with this ID (exgate who shows both). Each client gets " +
			"BYE after its\n" +
			"commands in flight are finished, and may log in again.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := controlClient(cmd)
			if err != nil {
				return err
			}
			sessions, err := client.Kick(cmd.Context(), args[0], now)
			if err != nil {
				return unreached(err)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", args[0],
				count(sessions, "session ends", "sessions end"))
			return err
		},
	}
	cmd.Flags().BoolVar(&now, "now", false, "do not wait for the commands in flight; of a message that is being sent, "+
		"nobody then knows whether Exchange has stored it")
	return cmd
}

// count is a number with its noun.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
