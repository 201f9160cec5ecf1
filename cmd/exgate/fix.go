package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"exgate/config"
	"exgate/rewrite"
)

// fixFlags are the flags of "exgate fix".
type fixFlags struct {
	profile, stage, report, output string
	exitCode                       bool
}

// fixCommand is "exgate fix": the message engine alone.
func fixCommand() *cobra.Command {
	var f fixFlags
	cmd := &cobra.Command{
		Use:   "fix [file | mbox | Maildir]...",
		Short: "Repair messages, without any server",
		Long: "Repairs messages as the gateway does. Without arguments one message is read from standard input and written to\n" +
			"standard output, so that imapsync's --pipemess can use it. Files, mbox files, Maildirs and folders of messages are\n" +
			"written to the folder of --output under their own names. Line ends that are LF only, as Unix stores messages, stay so;\n" +
			"where both are found, the more frequent counts. Files of a folder that are no messages are copied and named.\n\n" +
			"The status tells whether a message was changed: 1 if one was, 0 if none. From standard input it is 0 in both cases,\n" +
			"since to imapsync another status is an error of the filter; --exit-code makes it tell there, too, and\n" +
			"--exit-code=false nowhere. It is 65 where a message was refused: standard output then has nothing, an output\n" +
			"folder has that message unchanged. 64 is a fault of the command line, 78 of the configuration, 70 any other.",
		RunE: func(cmd *cobra.Command, args []string) error {
			if !cmd.Flags().Changed("exit-code") {
				f.exitCode = len(args) > 0
			}
			run, err := f.begin(cmd)
			if err != nil {
				return err
			}
			return run.all(cmd.Context(), args, cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	cmd.Flags().StringVar(&f.profile, "profile", config.Auto, "the kind of Exchange to repair for, such as exchange2016; the fixes of --config, if that is given")
	cmd.Flags().StringVar(&f.stage, "stage", "profile", "how far to go: profile, refused, shed, envelope (docs/fixes.md)")
	cmd.Flags().StringVar(&f.report, "report", "text", "text: a summary; json: a line for each message. Both go to standard error")
	cmd.Flags().StringVar(&f.output, "output", "", "the folder to write to, which must not exist; with arguments only")
	cmd.Flags().BoolVar(&f.exitCode, "exit-code", false, "end with status 1 if a message was changed (default: with arguments only)")
	return cmd
}

// begin turns the flags into a run.
func (f fixFlags) begin(cmd *cobra.Command) (*fixRun, error) {
	usage := func(format string, args ...any) error { return exitError{exitUsage, fmt.Errorf(format, args...)} }
	c := config.Default()
	if named, err := cmd.Flags().GetString("config"); err == nil && named != "" {
		if c, _, err = loadConfig(cmd); err != nil {
			return nil, err
		}
		if !cmd.Flags().Changed("profile") {
			f.profile = c.Upstream.Profile
		}
	}
	p := c.Profile(f.profile)
	if p.Name != f.profile {
		return nil, usage("--profile: %q is none of %s", f.profile, strings.Join(config.ProfileNames(), ", "))
	}
	run := &fixRun{fixFlags: f, options: p.Message, limit: p.MessageLimit, counts: map[string]int{}}
	stages := []string{"profile", "refused", "shed", "envelope"}
	stage := slices.Index(stages, f.stage)
	if stage < 0 {
		return nil, usage("--stage: %q is none of %s", f.stage, strings.Join(stages, ", "))
	}
	run.options.Stage = rewrite.Stage(stage)
	run.options.Oversize = rewrite.OversizeRefuse // there is no place to keep what is taken out
	if f.report != "text" && f.report != "json" {
		return nil, usage("--report: %q is none of text, json", f.report)
	}
	return run, nil
}

// fixRun repairs the messages of one call.
type fixRun struct {
	fixFlags
	options rewrite.Options
	limit   int64 // of a message's size; 0: none
	log     io.Writer
	loader  loader
	box     mbox
	writer  *bufio.Writer // of the file at hand

	messages, changed, refused int
	others                     int            // files of folders that are no messages
	counts                     map[string]int // by fix
}

func (r *fixRun) all(ctx context.Context, args []string, in io.Reader, out, log io.Writer) (err error) {
	buffered := bufio.NewWriter(log)
	defer func() { err = errors.Join(err, buffered.Flush()) }()
	r.log = buffered
	defer func() { err = errors.Join(err, r.loader.close()) }()
	switch {
	case len(args) == 0 && r.output != "":
		return exitError{exitUsage, errors.New("--output is for files, which are arguments")}
	case len(args) == 0:
		err = r.pipe(ctx, in, out)
	case r.output == "":
		return exitError{exitUsage, errors.New("--output is missing: the folder to write the repaired messages to")}
	default:
		err = r.folders(ctx, args, log)
	}
	if err != nil {
		return err
	}
	if r.report == "text" && (len(args) > 0 || r.refused > 0) {
		r.summary(buffered)
	}
	switch {
	case r.refused > 0:
		return exitError{exitData, fmt.Errorf("messages refused: %d", r.refused)}
	case r.exitCode && r.changed > 0:
		return exitError{exitChanged, nil}
	}
	return nil
}

// pipe repairs the message of standard input.
func (r *fixRun) pipe(ctx context.Context, in io.Reader, out io.Writer) error {
	if err := r.loader.read(in); err != nil {
		return fmt.Errorf("standard input: %w", err)
	}
	w := bufio.NewWriterSize(out, 64<<10)
	fixed, err := r.fix(ctx, "standard input", 0, w)
	if err == nil && fixed != nil {
		err = w.Flush()
	}
	if err != nil {
		return fmt.Errorf("standard output: %w", err)
	}
	return nil
}

// fix repairs the message in the loader and writes it. The result is nil, and
// nothing written, if the message is refused.
func (r *fixRun) fix(ctx context.Context, name string, index int, w io.Writer) (*rewrite.Plan, error) {
	m := &r.loader
	r.messages++
	plan, err := rewrite.NewPlan(ctx, m, m.size, r.options)
	line := fixLine{File: name, Message: index, Size: m.size}
	var refused *rewrite.RefusedError
	switch {
	case errors.As(err, &refused):
		line.Refused, line.Reason = refused.Rule, refused.Reason
	case err != nil:
		return nil, err
	default:
		line.describe(plan, r.limit)
	}
	if line.Refused != "" {
		r.refused++
		return nil, r.write(line)
	}
	if plan.Changed() {
		r.changed++
		for _, f := range plan.Report().Fixes {
			r.counts[f.Name]++
		}
	}
	if err := r.write(line); err != nil {
		return nil, err
	}
	return plan, m.write(w, plan)
}

// openNew creates a file that must not exist yet.
func openNew(path string, mode os.FileMode) (*os.File, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
}
