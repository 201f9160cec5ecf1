package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"exgate/proxy/control"
)

// orderCommand fills in a command that gives the running exgate an order. obey returns the number of the sessions that
// the order concerns now, and what has happened.
func orderCommand(
	cmd *cobra.Command, args int,
	obey func(ctx context.Context, client *control.Client, args []string) (sessions int, what string, err error),
) *cobra.Command {
	cmd.Args = cobra.ExactArgs(args)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		client, err := controlClient(cmd)
		if err != nil {
			return err
		}
		sessions, what, err := obey(cmd.Context(), client, args)
		if err != nil {
			return unreached(err)
		}
		_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: %s; %s now\n", args[0], what,
			count(sessions, "session", "sessions"))
		return err
	}
	return cmd
}

func pauseCommand() *cobra.Command {
	return orderCommand(&cobra.Command{
		Use:   "pause USER|all",
		Short: "Make the commands of a user wait, or of everybody, until exgate resume",
		Long: "Makes the commands and the logins of a user wait, or of everybody, until exgate resume. Commands in " +
			"flight go on.\n" +
			"The clients are told why they wait, and are kept patient. A pause ends with exgate.",
	}, 1, func(ctx context.Context, client *control.Client, args []string) (int, string, error) {
		sessions, err := client.Pause(ctx, args[0])
		return sessions, "paused", err
	})
}

func resumeCommand() *cobra.Command {
	return orderCommand(&cobra.Command{
		Use:   "resume USER|all",
		Short: "End the pause of a user, or every pause",
	}, 1, func(ctx context.Context, client *control.Client, args []string) (int, string, error) {
		sessions, err := client.Resume(ctx, args[0])
		return sessions, "resumed", err
	})
}

func paceCommand() *cobra.Command {
	return orderCommand(&cobra.Command{
		Use:   "pace USER N|configured",
		Short: "Set the messages per second of a user in the running exgate",
		Long: "Sets the messages per second of a user, in each direction, in place of upstream.pace." +
			"messages_per_second. N may be a\n" +
			"fraction; 0 is no limit. The pace of all users together stays in force. The order ends with exgate, or " +
			"with the word\n" +
			"configured in place of N.",
	}, 2, func(ctx context.Context, client *control.Client, args []string) (int, string, error) {
		if args[1] == "configured" {
			sessions, err := client.Pace(ctx, args[0], nil)
			return sessions, "the configured pace", err
		}
		perSecond, err := strconv.ParseFloat(args[1], 64)
		if err != nil || perSecond != perSecond || perSecond > 1e300 || perSecond < -1e300 {
			err := fmt.Errorf("%q is not a number of messages per second, such as 4 or 0.5", args[1])
			return 0, "", exitError{exitUsage, err}
		}
		what := "no pace"
		if perSecond != 0 {
			what = args[1] + " messages per second"
		}
		sessions, err := client.Pace(ctx, args[0], &perSecond)
		return sessions, what, err
	})
}

func traceCommand() *cobra.Command {
	return orderCommand(&cobra.Command{
		Use:   "trace USER on|off",
		Short: "Begin or end the wire trace of a user in the running exgate",
		Long: "Begins or ends the wire trace of a user's sessions, the later ones included. Each session has files " +
			"of its own in the\n" +
			"directory trace in state_dir: every line between client, exgate and Exchange, with passwords masked. A " +
			"file has at most\n" +
			"8 MiB; the one before it is kept as .old. The directory has at most 100 files; the oldest are removed.",
	}, 2, func(ctx context.Context, client *control.Client, args []string) (int, string, error) {
		if args[1] != "on" && args[1] != "off" {
			return 0, "", exitError{exitUsage, fmt.Errorf("%q is neither on nor off", args[1])}
		}
		sessions, err := client.Trace(ctx, args[0], args[1] == "on")
		return sessions, "trace " + args[1], err
	})
}
