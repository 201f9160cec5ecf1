// Command exgate is an IMAP gateway between any IMAP client and Microsoft
// Exchange.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"exgate/config"
)

func main() {
	isService, code := runAsService(func(ctx context.Context, log io.Writer) error {
		return run(ctx, os.Args[1:], io.Discard, log)
	})
	if isService {
		os.Exit(code)
	}
	ctx, stop := signalled()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !isAnswer(err) {
		// A configuration can have several problems: each gets its own line.
		for line := range strings.Lines(err.Error()) {
			fmt.Fprintln(os.Stderr, "exgate:", printable(strings.TrimRight(line, "\n")))
		}
	}
	os.Exit(exitCode(err))
}

// signalled returns a context that ends with the first SIGTERM or interrupt. The
// second one ends the program at once, because the handler is then removed.
func signalled() (ctx context.Context, stop context.CancelFunc) {
	ctx, stop = signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

// run executes one command line; results go to stdout, the log of a gateway to log.
func run(ctx context.Context, args []string, stdout, log io.Writer) error {
	root, started := rootCommand(stdout), false
	root.SetErr(log)
	root.PersistentPreRun = func(*cobra.Command, []string) { started = true }
	if slices.Contains(args, "explain") {
		args = pasted(args)
	}
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	if err != nil && !started {
		// cobra refused the command line before the verb ran.
		return exitError{exitUsage, fmt.Errorf("%w; see %s --help", err, cmd.CommandPath())}
	}
	return err
}

// rootCommand is all of exgate; results go to stdout.
func rootCommand(stdout io.Writer) *cobra.Command {
	root := &cobra.Command{
		Use:           "exgate",
		Short:         "exgate is an IMAP gateway between any IMAP client and Microsoft Exchange",
		SilenceErrors: true, // main prints them
		SilenceUsage:  true,
	}
	root.SetOut(printableWriter{stdout}) // much of it is what a server says
	root.PersistentFlags().
		String("config", "", "configuration `file` (default: the first that exists of ./exgate.yaml, "+
			"exgate/exgate.yaml in the user's configuration directory, /etc/exgate/exgate.yaml)")
	root.PersistentFlags().StringArray("set", nil, "set one key; overrides file and environment: `key=value`, such as "+
		"upstream.profile=exchange2016 (may be repeated)")
	root.AddCommand(
		serveCommand(),
		demoCommand(),
		simulateCommand(),
		checkCommand(),
		namesCommand(),
		surveyCommand(),
		explainCommand(),
		fixCommand(),
		auditCommand(),
		reportCommand(),
		ledgerCommand(),
		userCommand(),
		loginCommand(),
		whoCommand(),
		kickCommand(),
		pauseCommand(),
		resumeCommand(),
		paceCommand(),
		traceCommand(),
		versionCommand(),
	)
	root.AddCommand(serviceCommands()...)
	addCompletions(root)
	return root
}

// loadConfig reads and checks the configuration that the flags of cmd select. It
// also returns the name of the file; "" if there is none.
func loadConfig(cmd *cobra.Command) (c *config.Config, file string, err error) {
	c, file, err = readConfig(cmd)
	if c != nil {
		_, usersErr := loadUsers(c)
		filesErr := c.CheckFiles()
		_, exposedErr := c.Exposed(file)
		err = errors.Join(err, filesErr, usersErr, exposedErr)
		if filesErr == nil {
			_, _, routesErr := upstreamsOf(c)
			err = errors.Join(err, routesErr)
		}
	}
	if err != nil && file == "" {
		err = errors.Join(errors.New("no configuration file found: name one with --config, or put exgate.yaml in a "+
			"directory that exgate --help lists; exgate check --print-sample writes a sample"), err)
	}
	if err != nil {
		return nil, file, exitError{exitConfig, err}
	}
	return c, file, nil
}

// readConfig reads the configuration without the files that it names. It returns
// everything that could be read, together with the problems.
func readConfig(cmd *cobra.Command) (c *config.Config, file string, err error) {
	named, err := cmd.Flags().GetString("config")
	if err != nil {
		return nil, "", err
	}
	settings, err := cmd.Flags().GetStringArray("set")
	if err != nil {
		return nil, "", err
	}
	if file, err = config.Find(named); err != nil {
		return nil, file, exitError{exitConfig, err}
	}
	c, err = config.Load(file, settings)
	return c, file, err
}
