package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"exgate/backend"
	"exgate/backend/folders"
	"exgate/config"
	"exgate/config/profile"
	"exgate/rewrite"
)

func checkCommand() *cobra.Command {
	var asJSON, printSample bool
	var login loginCheck
	list := listCheck{parallel: 4, perMinute: 60}
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Check the configuration and describe what exgate will do",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			out := cmd.OutOrStdout()
			if list.from != "" && login.appendTo != "" {
				return exitError{exitUsage, errors.New("--append works only for one login, without --from")}
			}
			if login.appendTo != "" && login.name == "" {
				return exitError{exitUsage, errors.New("--append needs --login")}
			}
			if printSample {
				_, err := io.WriteString(out, config.Sample)
				return err
			}
			c, file, err := loadConfig(cmd)
			switch {
			case err == nil && list.from != "":
				return list.run(cmd, c, login, asJSON)
			case err == nil && login.name != "":
				return login.run(cmd, c, asJSON)
			case asJSON:
				return printJSON(out, c, file, err)
			case err != nil:
				return err
			}
			return printEffect(out, c, file)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "report as JSON")
	cmd.Flags().
		StringVar(&login.name, "login", "", "log in with this `name`, as a client would, and report each step; "+
			"exgate asks for the password, or reads it from standard input")
	cmd.Flags().StringVar(&login.upstream, "upstream", "", "with --login: the `name` of a further upstream to test")
	cmd.Flags().StringVar(&login.appendTo, "append", "", "with --login: store a test message in this `folder`")
	list.flags(cmd.Flags())
	cmd.Flags().BoolVar(&printSample, "print-sample", false, "print a commented sample configuration; check nothing")
	return cmd
}

// printJSON writes the report for programs: the problems of the configuration, or
// else every key with its active value.
func printJSON(out io.Writer, c *config.Config, file string, problem error) error {
	report := struct {
		File     string         `json:"file"` // "" is none
		Problems []string       `json:"problems"`
		Warnings []string       `json:"warnings,omitempty"`
		Settings map[string]any `json:"settings,omitempty"`
	}{File: file, Problems: []string{}}
	if problem != nil {
		report.Problems = strings.Split(problem.Error(), "\n")
		problem = exitError{exitConfig, fmt.Errorf("the configuration has problems: %d", len(report.Problems))}
	} else {
		report.Settings = c.Effective().Settings()
		report.Warnings, _ = c.Exposed(file) // loadConfig has looked at the error
	}
	if err := encodeJSON(out, report); err != nil {
		return err
	}
	return problem
}

// sampleHost is the host of upstream.address in the sample.
const sampleHost = "mail.example.com"

// printEffect describes for people what exgate does with a good configuration.
func printEffect(out io.Writer, c *config.Config, file string) error {
	fmt.Fprintf(out, "The configuration is valid: %s\n\n", cmp.Or(file, "no file, only environment and flags"))
	warnings, _ := c.Exposed(file) // loadConfig has looked at the error
	for _, warning := range warnings {
		fmt.Fprintf(out, "warning: %s\n\n", warning)
	}
	if host, _, _ := net.SplitHostPort(c.Upstream.Address); host == sampleHost {
		fmt.Fprintf(out, "warning: upstream.address is still that of the sample, %s: set it to your server\n\n", host)
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row := func(label string, format string, args ...any) {
		fmt.Fprintf(table, "%s\t%s\n", label, fmt.Sprintf(format, args...))
	}
	c = c.Effective()
	row("mode", "%s", modeText(c))
	for _, listener := range []struct{ name, address string }{
		{"starttls", c.Listen.StartTLS},
		{"implicit", c.Listen.Implicit},
		{"insecure-plaintext", c.Listen.InsecurePlaintext},
	} {
		if listener.address != "" {
			row("listen", "%s on %s", listener.name, listener.address)
		}
	}
	row("certificate", "%s", cmp.Or(c.TLS.CertificateFile, "self-signed, stored in the state directory"))
	row("upstream", "%s, %s", addressesOf(c.Upstream), upstreamTLS(c.Upstream))
	row("profile", "%s", profileText(c.Upstream.Profile))
	for _, u := range c.Upstreams {
		row("upstream "+u.Name, "%s, %s; profile %s; for %s",
			addressesOf(u.Upstream), upstreamTLS(u.Upstream), u.Profile,
			cmp.Or(strings.Join(u.Match, ", "), "the mailboxes that routes_file sends there"))
	}
	row("admin logins", "%s; at most %d failures", formsText(c.Upstream.Login.Forms), c.Upstream.Login.MaxFailures)
	row("long-lines", "%s", longLinesText(c.Fixes))
	row("read-receipt", "%s", c.Fixes.ReadReceipt)
	row("flagged", "%s", c.Fixes.Flagged)
	row("keywords", "%s", c.Fixes.Keywords)
	row("internal-date", "%s", c.Fixes.InternalDate)
	row("oversize", "%s", oversizeText(c))
	row("other fixes", "%s", otherFixesText(c))
	row("escalate", "%s; signed parts: %s; quarantine: %s",
		c.Fixes.Escalate, c.Fixes.Signed, cmp.Or(c.Quarantine.Dir, "none"))
	if len(c.Fixes.Filter.Command) > 0 {
		row("filter", "%s; when: %s; time limit %s",
			strings.Join(c.Fixes.Filter.Command, " "), c.Fixes.Filter.When, c.Fixes.Filter.Timeout)
	}
	row("replies", "%s; substitute messages of Exchange: %s", repliesText(c.Fixes.RepliesOff), c.Fixes.Substitute)
	for _, line := range namesText(c.Names) {
		row("names", "%s", line)
	}
	row("pace", "%s; after a throttle exgate waits at most %s", paceText(c.Upstream.Pace), c.Upstream.Pace.MaxBackoff)
	row("pipeline", "%d; literal_plus: %t", c.Upstream.Pipeline, c.Upstream.LiteralPlus)
	row("log", "%s, %s, to %s; wire trace: %s", strings.ToLower(c.Log.Level.String()), c.Log.Format,
		cmp.Or(c.Log.File, "standard error"), c.Log.Trace)
	if err := table.Flush(); err != nil {
		return err
	}
	if advice := adviseEscalation(c); advice != "" {
		fmt.Fprintf(out, "\nrecommendation: %s\n", advice)
	}
	return nil
}

func modeText(c *config.Config) string {
	if c.Mode != config.Observe {
		return "enforce"
	}
	text := "observe: exgate does not repair or refuse, and logs what it would have done"
	if c.Observe.Pace {
		text += "; it keeps to the pace"
	}
	if c.Observe.Throttle {
		text += "; it waits out throttles"
	}
	return text
}

// addressesOf returns the addresses of an upstream, for a text.
func addressesOf(u config.Upstream) string {
	return strings.Join(append([]string{u.Address}, u.MoreAddresses...), " or ")
}

func upstreamTLS(u config.Upstream) string {
	switch {
	case u.TLS == backend.TLSInsecureNone:
		return "plain text: others on the network can read the passwords"
	case u.Pin != "":
		return string(u.TLS) + " TLS, certificate pinned"
	}
	host, _, _ := net.SplitHostPort(u.Address) // config.Validate has seen it
	return fmt.Sprintf("%s TLS, certificate for %s from %s", u.TLS, cmp.Or(u.ServerName, host),
		cmp.Or(u.CAFile, "an authority that the system trusts"))
}

func profileText(name string) string {
	if name == profile.Auto {
		return "auto: the strictest values, as below, until a login shows the version of the server"
	}
	return name
}

func formsText(forms []backend.Form) string {
	words := make([]string, len(forms))
	for i, form := range forms {
		words[i] = string(form)
	}
	return strings.Join(words, ", ")
}

func longLinesText(f config.Fixes) string {
	if f.LongLines == rewrite.LongLinesOff {
		return "off"
	}
	return fmt.Sprintf("%s over %d bytes", f.LongLines, f.LineLimit)
}

// repliesText lists the repairs of replies that are switched on.
func repliesText(off []string) string {
	var on []string
	for _, name := range backend.ReplyFixes() {
		if !slices.Contains(off, name) {
			on = append(on, name)
		}
	}
	return cmp.Or(strings.Join(on, ", "), "off")
}

// namesText describes the rules that map names of mailboxes, one on each line.
func namesText(n config.Names) (lines []string) {
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	switch n.Case {
	case string(folders.Apart):
		add("apart: trash beside Trash is another mailbox; in Exchange it is called trash_exgate_ and seven letters")
	case string(folders.Merge):
		add("merge: trash and Trash are one mailbox, in which exgate deletes nothing")
	}
	if n.Characters == config.CharactersReplace {
		add("in Exchange, blanks at the ends become ␣, and control characters become ␀ to ␡")
	}
	if n.Longest > 0 {
		add("in Exchange, a level over %d characters continues in a level below it", n.Longest)
	}
	for _, name := range n.Reserved {
		add("%s is called %s_renamed_by_imapsync in Exchange", name, name)
	}
	if n.Prefix != "" {
		add("all mailboxes are below %s in Exchange", n.Prefix)
	}
	for _, u := range n.Users {
		add("the mailboxes of %s are below %s in Exchange", u.User, u.Prefix)
	}
	if n.Separator != "" {
		add("clients see %s between levels", n.Separator)
	}
	for _, p := range n.List {
		add("%s is called %s in Exchange", p.From, p.To)
	}
	for _, p := range n.Patterns {
		back := "clients see the new name, and two names may become one mailbox"
		if p.BackFrom != "" {
			back = fmt.Sprintf("for clients, %s becomes %s", p.BackFrom, p.BackTo)
		}
		add("in Exchange, %s becomes %s; %s", p.From, p.To, back)
	}
	if len(n.Hide) > 0 {
		add("exgate hides Exchange's folders for %s", strings.Join(n.Hide, ", "))
	}
	if n.SpecialUse == config.SpecialUseAdd {
		add("exgate marks the folders for sent mail, drafts, trash, junk and archive (RFC 6154)")
	}
	return lines
}

func oversizeText(c *config.Config) string {
	if c.Fixes.Oversize == config.OversizeOff {
		return "off"
	}
	if c.Fixes.Oversize == config.OversizeDetach {
		return fmt.Sprintf("remove attachments from messages over %d bytes", c.Limits.MessageSize)
	}
	return fmt.Sprintf("refuse messages over %d bytes", c.Limits.MessageSize)
}

// otherFixesText lists the fixes by the stage at which they are used.
func otherFixesText(c *config.Config) string {
	var texts []string
	for _, when := range []rewrite.When{rewrite.Always, rewrite.Refused, rewrite.Shed, rewrite.Off} {
		if names := c.Fixes.UsedAt(when); len(names) > 0 {
			texts = append(texts, string(when)+": "+strings.Join(names, ", "))
		}
	}
	return strings.Join(texts, "; ")
}

func paceText(p config.Pace) string {
	var limits []string
	limit := func(rate float64, what string) {
		if rate > 0 {
			limits = append(limits, strconv.FormatFloat(rate, 'f', -1, 64)+" "+what)
		}
	}
	limit(*p.MessagesPerSecond, "messages/s per account")
	limit(p.CommandsPerSecond, "commands/s per account")
	limit(float64(p.BytesPerSecond), "bytes/s per account")
	limit(p.All.MessagesPerSecond, "messages/s in all")
	limit(p.All.CommandsPerSecond, "commands/s in all")
	limit(float64(p.All.BytesPerSecond), "bytes/s in all")
	return cmp.Or(strings.Join(limits, ", "), "no limit")
}
