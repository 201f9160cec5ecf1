package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"exgate/backend/knowledge"
)

// explanation holds the flags of "exgate explain".
type explanation struct {
	names  knowledge.Names
	asJSON bool
	list   bool
}

func explainCommand() *cobra.Command {
	var e explanation
	cmd := &cobra.Command{
		Use:   "explain [TEXT ... | FILE | ID ...]",
		Short: "Explain an error of Exchange and how to fix it",
		Long: `Finds the errors of Exchange in a text. For each error, exgate prints its
meaning, the likely causes and the remedies with their PowerShell commands. The
text can be a reply, a question, any output of a client, or a FILE with a whole
log. Without arguments, exgate reads the text from standard input. An ID of
--list selects an entry.

exgate fills names into the PowerShell commands. It takes them from the options,
or from imapsync's output in the text.

The exit code is 0 if exgate found an entry, else 1.`,
		Example: `  exgate explain "BAD User is authenticated but not connected." --user bob --admin admin
  exgate explain LOG_imapsync/2026_11_24_bob.txt
  exgate explain read receipts
  exgate explain throttled too-big`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := e.check(args); err != nil {
				return exitError{exitUsage, err}
			}
			if e.list {
				return e.printList(cmd.OutOrStdout())
			}
			answer, err := e.answer(args, cmd.InOrStdin(), printableWriter{cmd.ErrOrStderr()})
			if err != nil {
				return err
			}
			return e.print(cmd.OutOrStdout(), answer)
		},
	}
	f := cmd.Flags()
	f.StringVar(&e.names.User, "user", "", "the `name` of the mailbox that is opened")
	f.StringVar(&e.names.Admin, "admin", "", "the `name` of the account that opens it")
	f.StringVar(&e.names.Server, "server", "", "the `name` of the Exchange server")
	f.StringVar(&e.names.Domain, "domain", "", "the Windows `domain`")
	f.BoolVar(&e.asJSON, "json", false, "report as JSON")
	f.BoolVar(&e.list, "list", false, "list the entries; explain nothing")
	return cmd
}

func (e *explanation) check(args []string) error {
	for _, name := range []struct{ flag, value string }{
		{"user", e.names.User}, {"admin", e.names.Admin}, {"server", e.names.Server}, {"domain", e.names.Domain},
	} {
		if name.value != "" && !knowledge.IsValidName(name.value) {
			return fmt.Errorf("--%s %q: the name is too long, or contains invisible characters", name.flag, name.value)
		}
	}
	if e.list && len(args) > 0 {
		return errors.New("--list allows no text")
	}
	return nil
}

// answer has the entries that explain the text, and the lines where they were
// found.
type answer struct {
	Found []found         `json:"found"`
	Lines int             `json:"lines,omitempty"` // the number of lines of the text
	Names knowledge.Names `json:"names"`
}

type found struct {
	First int `json:"first_line,omitempty"` // 0: the entry does not come from a text
	Lines int `json:"lines,omitempty"`
	knowledge.Entry
}

// answer looks for entries in three ways: by their IDs; by the errors in the text;
// and, if the text is short enough for a question, by its words.
func (e *explanation) answer(args []string, stdin io.Reader, stderr io.Writer) (answer, error) {
	a := answer{Names: e.names, Found: entriesByID(args)}
	if len(a.Found) > 0 {
		return a, nil
	}
	// From here on, an interrupt ends the program at once, even while it waits for input.
	// There is nothing to clean up.
	signal.Reset(os.Interrupt, syscall.SIGTERM)
	text, err := open(args, stdin, stderr)
	if err != nil {
		return a, exitError{exitUnavailable, err}
	}
	defer text.Close()
	report, err := knowledge.Scan(text)
	if err != nil {
		return a, exitError{exitUnavailable, err}
	}
	a.Lines = report.Lines
	a.Names = a.Names.Or(report.Names)
	for _, f := range report.Found {
		f.Entry.Causes = f.Entry.CausesFor(report.Head)
		a.Found = append(a.Found, found{First: f.First, Lines: f.Lines, Entry: f.Entry})
	}
	if len(a.Found) == 0 && !report.Long {
		for _, entry := range knowledge.Ask(report.Head) {
			a.Found = append(a.Found, found{Entry: entry})
		}
	}
	return a, nil
}

// open returns the text: the file that a single argument names, else the arguments
// themselves, else standard input.
func open(args []string, stdin io.Reader, stderr io.Writer) (io.ReadCloser, error) {
	if len(args) == 1 {
		if info, err := os.Stat(args[0]); err == nil && !info.IsDir() {
			return os.Open(args[0])
		}
	}
	if len(args) > 0 {
		return io.NopCloser(strings.NewReader(strings.Join(args, " "))), nil
	}
	if file, ok := stdin.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		fmt.Fprintln(stderr, "exgate: paste the text, then press Ctrl-D (on Windows: Ctrl-Z and Enter)")
	}
	return io.NopCloser(stdin), nil
}

// pasted protects a text that begins with a hyphen, such as imapsync's "- could
// not append (...)", from being read as options. It relies on the fact that the
// name of an option contains no blank.
func pasted(args []string) []string {
	args = slices.Clone(args)
	for i, arg := range args {
		if name, _, _ := strings.Cut(arg, "="); strings.HasPrefix(arg, "-") && strings.ContainsAny(name, " \t\r\n") {
			args[i] = " " + arg
		}
	}
	return args
}

// entriesByID returns the entries that args name, or none if one of args is not an
// ID.
func entriesByID(args []string) []found {
	var named []found
	for _, arg := range args {
		entry, ok := knowledge.ByID(arg)
		if !ok {
			return nil
		}
		named = append(named, found{Entry: entry})
	}
	return named
}

// print writes the answer as JSON or for people. If nothing was found, it says how
// to learn more about the error.
func (e *explanation) print(out io.Writer, a answer) error {
	var nothing error
	if len(a.Found) == 0 {
		nothing = exitError{exitNothing, errors.New("exgate does not know this text; exgate explain --list shows " +
			"the entries")}
	}
	for i := range a.Found {
		a.Found[i].Entry = a.Found[i].With(a.Names)
	}
	if e.asJSON {
		if a.Found == nil {
			a.Found = []found{}
		}
		return errors.Join(encodeJSON(out, a), nothing)
	}
	p := page{out: out, lines: a.Lines}
	if nothing != nil {
		entry, _ := knowledge.ByID(knowledge.Unknown)
		p.entry(found{Entry: entry.With(a.Names)})
	}
	if len(a.Found) > 1 && a.Lines > 1 {
		p.overview(a)
	}
	for _, f := range a.Found {
		p.entry(f)
	}
	return errors.Join(p.err, nothing)
}

func (e *explanation) printList(out io.Writer) error {
	type row struct {
		ID    string `json:"id"`
		Title string `json:"title"`
	}
	rows := []row{}
	for _, entry := range knowledge.Entries() {
		rows = append(rows, row{entry.ID, entry.Title})
	}
	if e.asJSON {
		return encodeJSON(out, rows)
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, r := range rows {
		fmt.Fprintf(table, "%s\t%s\n", r.ID, r.Title)
	}
	return table.Flush()
}
