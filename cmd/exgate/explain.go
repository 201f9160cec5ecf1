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
		Short: "Tell what an error means and what to do about it",
		Long: `Finds the errors of Exchange in a text and tells for each what it means, the
likely causes, and the remedies with their lines for PowerShell. The text is a
reply, a question, or whatever a client printed, a whole log in a FILE if you
like; without arguments it is read from standard input. An ID of --list names
an entry.

Names from the options are filled into the lines; names that imapsync printed
are found in the text.

The exit code is 0 if something is known, else 1.`,
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
	f.StringVar(&e.names.User, "user", "", "the `name` whose mailbox is opened")
	f.StringVar(&e.names.Admin, "admin", "", "the `name` whose password opens it")
	f.StringVar(&e.names.Server, "server", "", "the `name` of the Exchange server")
	f.StringVar(&e.names.Domain, "domain", "", "the Windows `domain`")
	f.BoolVar(&e.asJSON, "json", false, "report as JSON")
	f.BoolVar(&e.list, "list", false, "list the entries, and explain nothing")
	return cmd
}

func (e *explanation) check(args []string) error {
	for _, name := range []struct{ flag, value string }{
		{"user", e.names.User}, {"admin", e.names.Admin}, {"server", e.names.Server}, {"domain", e.names.Domain},
	} {
		if name.value != "" && !knowledge.ValidName(name.value) {
			return fmt.Errorf("--%s %q: no such name can be: it is too long or has characters that do not show", name.flag, name.value)
		}
	}
	if e.list && len(args) > 0 {
		return errors.New("--list takes no text")
	}
	return nil
}

// answer is what there is to say: entries, with what was found where they were
// looked for in a text.
type answer struct {
	Found []found         `json:"found"`
	Lines int             `json:"lines,omitempty"` // of the text
	Names knowledge.Names `json:"names"`
}

type found struct {
	First int `json:"first_line,omitempty"` // 0: not looked for in a text
	Lines int `json:"lines,omitempty"`
	knowledge.Entry
}

// answer looks for entries: by their IDs, then in the text, then, if that is
// short enough to be one, by the words of a question.
func (e *explanation) answer(args []string, stdin io.Reader, stderr io.Writer) (answer, error) {
	a := answer{Names: e.names, Found: entriesByID(args)}
	if len(a.Found) > 0 {
		return a, nil
	}
	// Nothing here needs an orderly end, and an interrupt has to end a read that
	// waits.
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
		a.Found = append(a.Found, found{First: f.First, Lines: f.Lines, Entry: f.Entry})
	}
	if len(a.Found) == 0 && !report.Long {
		for _, entry := range knowledge.Ask(report.Head) {
			a.Found = append(a.Found, found{Entry: entry})
		}
	}
	return a, nil
}

// open returns the text: a file's if that is what is named, else the arguments
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
		fmt.Fprintln(stderr, "exgate: paste the text, then end it with Ctrl-D (on Windows Ctrl-Z and Enter)")
	}
	return io.NopCloser(stdin), nil
}

// pasted keeps a text that begins with a hyphen, as imapsync's "- could not
// append (...)" does, from being taken for options: no option has a blank in
// its name.
func pasted(args []string) []string {
	args = slices.Clone(args)
	for i, arg := range args {
		if name, _, _ := strings.Cut(arg, "="); strings.HasPrefix(arg, "-") && strings.ContainsAny(name, " \t\r\n") {
			args[i] = " " + arg
		}
	}
	return args
}

// entriesByID returns the entries that all args name, or none.
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

// print tells a program or a person; where nothing is known, how to find out
// more.
func (e *explanation) print(out io.Writer, a answer) error {
	var nothing error
	if len(a.Found) == 0 {
		nothing = exitError{exitNothing, errors.New("nothing is known of this text; exgate explain --list shows what is")}
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
