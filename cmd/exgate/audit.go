package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"exgate/config"
	"exgate/config/profile"
	"exgate/proxy/audit"
	"exgate/proxy/report"
)

// auditFlags are the flags of "exgate audit".
type auditFlags struct {
	profile, format string
	state           string
	again           bool
	parallel        int
	sessions        int
	source          auditSource
}

// auditCommand is "exgate audit": it reads messages before they are moved, and stores nothing.
func auditCommand() *cobra.Command {
	f := auditFlags{parallel: 2, sessions: 4, source: newAuditSource()}
	cmd := &cobra.Command{
		Use:   "audit [file | mbox | Maildir]...",
		Short: "Tell what will happen to messages before they are moved",
		Long: `Reads messages before they are moved, stores nothing, and says what the gateway
would do with them: what it would repair, what would be refused and with which
setting it would arrive, which names of mailboxes change, and how long they take
at the pace of the profile.

The messages are in files, mbox files, Maildirs or folders, each argument being
one account, or in the accounts of an IMAP server (--source). There exgate opens
mailboxes with EXAMINE and fetches with BODY.PEEK: nothing is stored or marked.
exgate asks for the password of --login, or reads it from standard input.

A message that cannot be read is named and passed over. With --state, a call
that was stopped goes on with the accounts that are not done. csv has a row for
each account. html is one file, which needs nothing from outside.

Exit codes: 0: all messages would arrive; 65: some would be refused, or could not
be read; 69: an account could not be read, or not all of it.`,
		Example: `  exgate audit --profile exchange2016 Maildir archive.mbox
  exgate audit --source imap.example.org:993 --login bob@example.org
  exgate audit --source imap.example.org:993 --from users.csv --state audit.state --format html > audit.html`,
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.profile, "profile", profile.Auto,
		"the profile that the messages would meet; with --config, the default is the configured profile")
	flags.StringVar(&f.format, "format", "text", strings.Join(report.Formats, ", "))
	flags.StringVar(&f.state, "state", "", "keep the results in this `file`; a later call with it reads only the "+
		"accounts that are not done")
	flags.BoolVar(&f.again, "again", false, "with --state: read all accounts again")
	flags.IntVar(&f.parallel, "parallel", f.parallel, "`number` of accounts that are read at a time, each over one "+
		"connection")
	flags.IntVar(&f.sessions, "sessions", f.sessions, "`number` of accounts that the migration will move at a time, for "+
		"the time that it takes")
	f.source.flags(flags)
	return cmd
}

// maxParallel limits the accounts that are read at a time, each of which needs memory for a
// message and for its Message-IDs.
const maxParallel = 64

func (f *auditFlags) run(cmd *cobra.Command, args []string) error {
	usage := func(format string, args ...any) error { return exitError{exitUsage, fmt.Errorf(format, args...)} }
	switch {
	case !slices.Contains(report.Formats, f.format):
		return usage("--format: %q is not one of %s", f.format, strings.Join(report.Formats, ", "))
	case f.parallel < 1 || f.parallel > maxParallel || f.sessions < 1:
		return usage("--parallel must be 1 to %d, and --sessions 1 or more", maxParallel)
	case len(args) > 0 && f.source.server.Address != "":
		return usage("name files, or an IMAP server with --source, not both")
	case len(args) == 0 && f.source.server.Address == "":
		return usage("name files, mbox files, Maildirs or folders, or an IMAP server with --source")
	}
	o, err := f.options(cmd)
	if err != nil {
		return err
	}
	r := &auditRun{auditFlags: f, options: o, progress: newAuditProgress(cmd.ErrOrStderr())}
	if len(args) > 0 {
		r.jobs, err = fileJobs(args)
	} else {
		r.jobs, err = f.source.jobs(cmd)
	}
	if err != nil {
		return exitError{exitUsage, err}
	}
	return r.run(cmd.Context(), cmd.OutOrStdout())
}

// options returns what the messages would meet.
func (f *auditFlags) options(cmd *cobra.Command) (o audit.Options, err error) {
	c := config.Default()
	if named, err := cmd.Flags().GetString("config"); err == nil && named != "" {
		if c, _, err = loadConfig(cmd); err != nil {
			return o, err
		}
		if !cmd.Flags().Changed("profile") {
			f.profile = c.Upstream.Profile
		}
	}
	o.Profile, o.Quarantine, o.Budget = c.Profile(f.profile), c.Quarantine.Dir != "", budgetOf(c)
	if o.Profile.Name != f.profile {
		return o, exitError{exitUsage, fmt.Errorf("--profile: %q is not one of %s", f.profile,
			strings.Join(profile.Names(), ", "))}
	}
	if len(c.Fixes.Filter.Command) > 0 {
		return o, exitError{exitUsage, errors.New("fixes.filter: an audit does not run the filter, so that it cannot " +
			"say what becomes of the messages: give it a configuration without the filter")}
	}
	return o, nil
}
