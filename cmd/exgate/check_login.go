package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"exgate/backend"
	"exgate/backend/knowledge"
	"exgate/config"
)

// loginCheck is "exgate check --login": one login, and what it shows.
type loginCheck struct {
	name     string // as a client would say it
	upstream string // name of a further one; "": the first
	appendTo string // mailbox that gets a test message; "": none does
}

// loginReport is the result, for people and programs.
type loginReport struct {
	Login   string `json:"login"`
	Mailbox string `json:"mailbox"`
	Admin   string `json:"admin,omitempty"`
	*backend.Probe
	Profile string            `json:"profile"`
	Why     string            `json:"why,omitempty"`
	Limits  map[string]any    `json:"limits"`
	Causes  []knowledge.Cause `json:"causes,omitempty"`
	Explain string            `json:"explain,omitempty"` // the entry of exgate explain
}

func (l loginCheck) run(cmd *cobra.Command, c *config.Config, asJSON bool) error {
	report, err := l.probe(cmd, c)
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	if asJSON {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(report)
	} else {
		err = report.print(out)
	}
	if err == nil && report.Problem != nil {
		err = exitError{exitUnavailable, fmt.Errorf("check --login: %s: %s", report.Problem.Step, report.Problem.Error)}
	}
	return err
}

// at is the configuration of the upstream that is asked about.
func (l loginCheck) at(c *config.Config) (*config.Config, error) {
	if l.upstream == "" {
		return c, nil
	}
	i := slices.IndexFunc(c.Upstreams, func(u config.FurtherUpstream) bool { return u.Name == l.upstream })
	if i < 0 {
		return nil, exitError{exitUsage, fmt.Errorf("--upstream: there is no upstream %q", l.upstream)}
	}
	return c.At(c.Upstreams[i]), nil
}

func (l loginCheck) probe(cmd *cobra.Command, c *config.Config) (*loginReport, error) {
	c, err := l.at(c)
	if err != nil {
		return nil, err
	}
	opts, err := c.Backend()
	if err != nil {
		return nil, exitError{exitConfig, err}
	}
	detect := func(e backend.Evidence) (profile, why string) {
		if c.Upstream.Profile != config.Auto {
			return c.Upstream.Profile, "set in the configuration"
		}
		return backend.Detect(e)
	}
	up, err := backend.NewUpstream(opts, func(e backend.Evidence) backend.Choice {
		name, _ := detect(e)
		forms := c.Profile(name).Forms
		if c.Upstream.Profile == config.Auto {
			forms = backend.FormsFor(e, forms, c.Profile(backend.ProfileOnline).Forms)
		}
		return backend.Choice{Forms: forms, Verify: true, Identify: true, Exchange: name != "plain"}
	})
	if err != nil {
		return nil, exitError{exitConfig, err}
	}
	id, err := opts.Login.Resolve(backend.Claim{Authcid: l.name})
	if err != nil {
		return nil, exitError{exitUsage, err}
	}
	cred, id, err := l.credential(cmd, up, id)
	if err != nil {
		return nil, exitError{exitUsage, err}
	}
	report := &loginReport{Login: l.name, Mailbox: id.User, Admin: id.Admin}
	report.Probe = up.Probe(cmd.Context(), id, cred, testMessage(l.appendTo, time.Now()), nil)
	report.Profile, report.Why = detect(report.Evidence())
	p := c.Profile(report.Profile)
	report.Limits = map[string]any{
		"message_bytes": p.MessageLimit, "line_bytes": p.Message.LineLimit, "messages_per_second": p.Pace.Each.Messages,
	}
	if report.Problem != nil {
		report.explain(knowledge.Names{User: id.User, Admin: id.Admin, Domain: id.Domain})
	}
	return report, nil
}

// credential asks for the password, unless exgate holds what opens the mailbox.
func (l loginCheck) credential(cmd *cobra.Command, up *backend.Upstream, id backend.Identity) (backend.Credential, backend.Identity, error) {
	if up.Holds() {
		held, cred := up.Held(id.User, backend.CheckTarget)
		return cred, held, nil
	}
	password, err := askSecret(cmd, "Password for "+l.name)
	if err == nil && password == "" {
		err = errors.New("a password is needed")
	}
	return up.Credential(backend.Claim{Authcid: l.name, Password: backend.NewSecret(password)}), id, err
}

// explain adds the causes of the problem, and what to do about each.
func (r *loginReport) explain(names knowledge.Names) {
	for _, entry := range knowledge.Entries() {
		if slices.Contains(entry.Kinds, r.Problem.Kind) && entry.ID != knowledge.Unknown {
			r.Explain, r.Causes = entry.ID, entry.With(names).Causes
			return
		}
	}
}

// testMessage is a message that says what it is.
func testMessage(mailbox string, now time.Time) backend.ProbeTest {
	date := now.Format(time.RFC1123Z)
	return backend.ProbeTest{Mailbox: mailbox, Message: "Date: " + date + "\r\n" +
		"From: exgate <exgate@localhost>\r\nSubject: exgate check --login\r\n" +
		fmt.Sprintf("Message-ID: <check.%d@exgate.localhost>\r\n", now.UnixNano()) +
		"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n" +
		"This message was stored by exgate check --login --append. It can be deleted.\r\n"}
}

// print writes the report for people, step by step.
func (r *loginReport) print(out io.Writer) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row := func(label, format string, args ...any) {
		fmt.Fprintf(table, "%s\t%s\n", label, strings.Join(strings.Fields(fmt.Sprintf(format, args...)), " "))
	}
	row("server", "%s (%s)", r.Address, cmp.Or(strings.Join(r.Addresses, ", "), "does not resolve"))
	r.printTLS(row)
	if r.Greeting != "" {
		row("greeting", "%s", r.Greeting)
		row("capabilities", "before login: %s", strings.Join(r.Before, " "))
	}
	for _, form := range r.Forms {
		result := "refused"
		if form.OK {
			result = "accepted"
		}
		row("login", "%s, %s: %s: %s", form.Form, form.Sent, result, form.Reply)
	}
	if r.After != nil {
		row("capabilities", "after login: %s", strings.Join(r.After, " "))
	}
	if len(r.ID) > 0 {
		row("ID", "%s %s", r.ID["name"], r.ID["version"])
	}
	if r.Greeting != "" {
		row("profile", "%s: %s", r.Profile, r.Why)
		row("limits assumed", "messages of %v bytes, lines of %v, %v messages/s (0: none)", r.Limits["message_bytes"], r.Limits["line_bytes"], r.Limits["messages_per_second"])
	}
	if r.Opened {
		row("mailbox", "%s opens; %d folders", r.Mailbox, len(r.Folders))
		for _, folder := range r.Folders {
			row("", "%s", folder)
		}
	}
	if r.Appended != "" {
		row("test message", "%s", r.Appended)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	return r.printProblem(out)
}

func (r *loginReport) printTLS(row func(label, format string, args ...any)) {
	if t := r.TLS; t != nil {
		row("TLS", "%s, %s, %s; certificate of %s, by %s, until %s; verified: %s", t.Mode, t.Version, t.Suite, t.Names, t.Issuer,
			t.Expires.Format(time.DateOnly), t.Verified)
		for i, subject := range t.Chain {
			row("", "%d: %s", i, subject)
		}
		row("", "SHA-256 %s", t.SHA256)
	} else if r.Greeting != "" {
		row("TLS", "none: plain text")
	}
	if o := r.OtherTLS; o != nil {
		row("the other way", "%s on %s: %s", o.Mode, o.Address, cmp.Or(o.Error, "works too"))
	}
}

// printProblem says where it ended, and what to do, most likely cause first.
func (r *loginReport) printProblem(out io.Writer) error {
	if r.Problem == nil {
		_, err := fmt.Fprintln(out, "\nall of it works")
		return err
	}
	fmt.Fprintf(out, "\n%s failed: %s\n", r.Problem.Step, r.Problem.Error)
	for i, cause := range r.Causes {
		fmt.Fprintf(out, "\n%d. %s\n", i+1, cause.Title)
		for _, line := range slices.Concat([]string{cause.Tell, cause.Do, cause.Click}, cause.PowerShell, cause.Lines) {
			if line != "" {
				fmt.Fprintf(out, "   %s\n", line)
			}
		}
	}
	if r.Explain == "" {
		return nil
	}
	_, err := fmt.Fprintf(out, "\nmore: exgate explain %s\n", r.Explain)
	return err
}
