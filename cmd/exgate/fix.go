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
	"exgate/config/profile"
	"exgate/rewrite"
)

// fixFlags are the flags of "exgate fix".
type fixFlags struct {
	profile, stage, report, output string
	exitCode                       bool
}

// fixCommand is "exgate fix": it repairs messages without a server.
func fixCommand() *cobra.Command {
	var f fixFlags
	cmd := &cobra.Command{
		Use:   "fix [file | mbox | Maildir]...",
		Short: "Repair messages without a server",
		Long: "Repairs messages as the gateway does. Without arguments, exgate reads one message from standard " +
			"input and writes\n" +
			"it to standard output, as imapsync's --pipemess needs. Arguments are files, mbox files, Maildirs or " +
			"folders of\n" +
			"messages; exgate writes the repaired ones to the folder of --output, under the same names. If the " +
			"lines of a\n" +
			"message end in LF only, as Unix stores them, they do so in the result too; if both ends occur, the more\n" +
			"frequent one counts. exgate copies the files of a folder that are not messages, and names them.\n\n" +
			"Exit codes:\n" +
			"  0   no message was changed; with standard input: also if the message was changed\n" +
			"  1   a message was changed\n" +
			"  64  the command line is wrong\n" +
			"  65  a message was refused: standard output is empty; an output folder has the unchanged message\n" +
			"  70  any other error\n" +
			"  78  the configuration is wrong\n" +
			"With standard input, a changed message gives 0, because imapsync takes 1 for a failure. With\n" +
			"--exit-code it gives 1 there too. With --exit-code=false nothing gives 1.",
		RunE: func(cmd *cobra.Command, args []string) error {
			if !cmd.Flags().Changed("exit-code") {
				f.exitCode = len(args) > 0
			}
			run, err := f.begin(cmd)
			if err != nil {
				return err
			}
			return run.all(cmd.Context(), args, cmd.InOrStdin(), bytesOut(cmd), printableWriter{cmd.ErrOrStderr()})
		},
	}
	cmd.Flags().StringVar(&f.profile, "profile", profile.Auto,
		"the profile whose fixes are used, such as exchange2016; with --config, the default is the configured profile")
	cmd.Flags().StringVar(&f.stage, "stage", "profile", "the last stage of repair: profile, refused, shed, "+
		"envelope (docs/fixes.md)")
	cmd.Flags().StringVar(&f.report, "report", "text",
		"the report on standard error; text: a summary; json: one line for each message")
	cmd.Flags().
		StringVar(&f.output, "output", "", "the `folder` to write to, which must not exist; only with arguments")
	cmd.Flags().BoolVar(&f.exitCode, "exit-code", false,
		"exit with code 1 if a message was changed (default: only with arguments)")
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
		return nil, usage("--profile: %q is not one of %s", f.profile, strings.Join(profile.Names(), ", "))
	}
	run := &fixRun{fixFlags: f, options: p.Message, limit: p.MessageLimit, counts: map[string]int{}}
	stages := []string{"profile", "refused", "shed", "envelope"}
	stage := slices.Index(stages, f.stage)
	if stage < 0 {
		return nil, usage("--stage: %q is not one of %s", f.stage, strings.Join(stages, ", "))
	}
	run.options.Stage = rewrite.Stage(stage)
	run.options.Oversize = rewrite.OversizeRefuse // there is no quarantine for removed attachments
	if f.report != "text" && f.report != "json" {
		return nil, usage("--report: %q is not one of text, json", f.report)
	}
	return run, nil
}

// fixRun repairs the messages of one call.
type fixRun struct {
	fixFlags
	options rewrite.Options
	limit   int64 // the largest message; 0: no limit
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
		return exitError{exitUsage, errors.New("--output needs files or folders as arguments")}
	case len(args) == 0:
		err = r.pipe(ctx, in, out)
	case r.output == "":
		return exitError{exitUsage, errors.New("--output is missing: name the folder for the repaired messages")}
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

// pipe repairs the message on standard input.
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

// fix repairs the message in the loader and writes it. If the message is refused,
// it writes nothing and returns a nil plan.
func (r *fixRun) fix(ctx context.Context, name string, index int, w io.Writer) (*rewrite.Plan, error) {
	m := &r.loader
	r.messages++
	line := fixLine{File: name, Message: index, Size: m.size}
	plan, err := line.plan(ctx, m, r.options, r.limit)
	if err != nil {
		return nil, err
	}
	if line.Refused != "" {
		r.refused++
		return nil, r.write(line)
	}
	if plan.HasChanged() {
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
