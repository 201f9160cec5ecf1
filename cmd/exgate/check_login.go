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
	"exgate/backend/folders"
	"exgate/backend/knowledge"
	"exgate/config"
	"exgate/config/profile"
	"exgate/proxy/routing"
)

// loginCheck is "exgate check --login": one login, with a report of each step.
type loginCheck struct {
	name     string // as a client would send it
	upstream string // the name of a further upstream; "": where the login goes by itself
	appendTo string // the mailbox for a test message; "": no test message
}

// loginReport is the report, for people and programs.
type loginReport struct {
	Login    string `json:"login"`
	Upstream string `json:"upstream,omitempty"` // "" is the first
	Mailbox  string `json:"mailbox"`
	Admin    string `json:"admin,omitempty"`
	*backend.Probe
	Profile string            `json:"profile"`
	Why     string            `json:"why,omitempty"`
	Limits  map[string]any    `json:"limits"`
	Folders []folderReport    `json:"folders,omitempty"`
	Advice  []string          `json:"advice,omitempty"` // what to change
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

// at is the configuration of the upstream that is asked about, and where the
// login would go in it: by itself, unless an upstream is named.
func (l loginCheck) at(c *config.Config, claim backend.Claim) (*config.Config, routing.Destination, error) {
	upstreams, routes, err := upstreamsOf(c)
	if err != nil {
		return nil, routing.Destination{}, exitError{exitConfig, err}
	}
	at := c
	if l.upstream != "" {
		further := upstreams[1:]
		i := slices.IndexFunc(further, func(u routing.Upstream) bool { return u.Name == l.upstream })
		if i < 0 {
			return nil, routing.Destination{}, exitError{
				exitUsage,
				fmt.Errorf("--upstream: there is no upstream %q", l.upstream),
			}
		}
		at = c.At(c.Upstreams[i])
		only := further[i]
		only.Name = "" // as the default of this check
		upstreams, routes = []routing.Upstream{only}, nil
	}
	to, err := routing.Locate(upstreams, routes, claim)
	if err != nil {
		return nil, to, exitError{exitUsage, err}
	}
	if to.Upstream != "" {
		isDestination := func(u config.FurtherUpstream) bool { return u.Name == to.Upstream }
		at = c.At(c.Upstreams[slices.IndexFunc(c.Upstreams, isDestination)])
	} else {
		to.Upstream = l.upstream
	}
	return at, to, nil
}

func (l loginCheck) probe(cmd *cobra.Command, c *config.Config) (*loginReport, error) {
	c, to, err := l.at(c, backend.Claim{Authcid: l.name})
	if err != nil {
		return nil, err
	}
	server, detect, err := newProber(c)
	if err != nil {
		return nil, err
	}
	cred, id, err := l.credential(cmd, server, to.Identity)
	if err != nil {
		return nil, exitError{exitUsage, err}
	}
	report := &loginReport{Login: l.name, Upstream: to.Upstream, Mailbox: id.User, Admin: id.Admin}
	report.Probe = server.Probe(cmd.Context(), id, cred, testMessage(l.appendTo, time.Now()), nil)
	report.Profile, report.Why = detect(report.Evidence())
	p := c.Profile(report.Profile)
	report.Limits = map[string]any{
		"message_bytes":           p.MessageLimit,
		"line_bytes":              p.Message.LineLimit,
		"messages_per_second":     p.Pace.Each.Messages,
		"connections_per_account": c.Upstream.Pace.ConnectionsPerAccount,
		"max_backoff":             c.Upstream.Pace.MaxBackoff.String(),
	}
	if c.Mode == config.Enforce {
		report.Folders, err = folderReports(to.Names(p.Names).For(id.User), report.Probe.Folders)
	} else {
		report.Folders, err = folderReports(folders.Options{}, report.Probe.Folders)
	}
	if err != nil {
		return nil, exitError{exitConfig, err}
	}
	report.advise(c, time.Now())
	if report.Problem != nil {
		report.explain(knowledge.Names{User: id.User, Admin: id.Admin, Domain: id.Domain})
	}
	return report, nil
}

// newProber returns the upstream of c for probes, and how the profile of a probe is found.
func newProber(c *config.Config) (
	server *backend.Upstream, detect func(backend.Evidence) (name, why string), err error,
) {
	opts, err := c.Backend()
	if err != nil {
		return nil, nil, exitError{exitConfig, err}
	}
	detect = func(e backend.Evidence) (name, why string) {
		if c.Upstream.Profile != profile.Auto {
			return c.Upstream.Profile, "set in the configuration"
		}
		return backend.Detect(e)
	}
	server, err = backend.NewUpstream(opts, func(e backend.Evidence) backend.Choice {
		name, _ := detect(e)
		forms := c.Profile(name).Forms
		if c.Upstream.Profile == profile.Auto {
			forms = backend.FormsFor(e, forms, c.Profile(backend.ProfileOnline).Forms)
		}
		return backend.Choice{Forms: forms, Verify: true, Identify: true, Exchange: name != "plain"}
	})
	if err != nil {
		return nil, nil, exitError{exitConfig, err}
	}
	return server, detect, nil
}

// credential asks for the password, unless exgate itself holds a credential for the
// mailbox.
func (l loginCheck) credential(
	cmd *cobra.Command, server *backend.Upstream, id backend.Identity,
) (backend.Credential, backend.Identity, error) {
	if server.Holds() {
		held, cred := server.Held(id.User, backend.CheckTarget)
		held.Form = id.Form
		return cred, held, nil
	}
	password, err := askSecret(cmd, "Password for "+l.name)
	if err == nil && password == "" {
		err = errors.New("the password is empty")
	}
	return server.Credential(backend.Claim{Authcid: l.name, Password: backend.NewSecret(password)}), id, err
}

// explain adds the causes of the problem, and what to do about each. If the other
// way of TLS works, the advice already says so, and the causes would mislead.
func (r *loginReport) explain(names knowledge.Names) {
	entry, ok := r.entry()
	if !ok {
		return
	}
	r.Explain = entry.ID
	if r.OtherTLS != nil && r.OtherTLS.Error == "" {
		return
	}
	r.Causes = entry.With(names).CausesFor(r.Problem.Error)
	if r.Admin == "" { // causes that concern an admin are then the least likely
		concern := func(c knowledge.Cause) bool { return strings.Contains(strings.Join(c.PowerShell, "\n"), "<admin>") }
		own := slices.DeleteFunc(slices.Clone(r.Causes), concern)
		r.Causes = append(own, slices.DeleteFunc(r.Causes, func(c knowledge.Cause) bool { return !concern(c) })...)
	}
}

// entry returns the entry of package knowledge that explains the problem.
func (r *loginReport) entry() (knowledge.Entry, bool) {
	switch {
	case strings.Contains(r.Problem.Error, "Connection is closed. 13"): // the reason why the connection was lost
		return knowledge.ByID("closed-at-once")
	case r.Problem.Step == "tls" && r.TLS != nil: // only the certificate is wrong
		return knowledge.ByID("certificate")
	case r.Problem.Step == "tls" && strings.Contains(r.Problem.Error, "remote error: tls:"): // an alert
		return knowledge.ByID("tls-alert")
	case r.Problem.Step == "tls":
		return knowledge.ByID("tls-mismatch")
	case r.Problem.Step == "login" && r.Problem.Kind == backend.KindOther: // the words are not Exchange's
		return knowledge.ByID("login-failed")
	}
	entries := knowledge.Entries()
	i := slices.IndexFunc(entries, func(e knowledge.Entry) bool {
		return slices.Contains(e.Kinds, r.Problem.Kind) && e.ID != knowledge.Unknown
	})
	if i < 0 {
		return knowledge.Entry{}, false
	}
	return entries[i], true
}

// testMessage returns a message whose text says that it is a test.
func testMessage(mailbox string, now time.Time) backend.ProbeTest {
	date := now.Format(time.RFC1123Z)
	return backend.ProbeTest{Mailbox: mailbox, Message: "Date: " + date + "\r\n" +
		"From: exgate <exgate@localhost>\r\nSubject: exgate check --login\r\n" +
		fmt.Sprintf("Message-ID: <check.%d@exgate.localhost>\r\n", now.UnixNano()) +
		"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n" +
		"exgate check --login --append has stored this message. You can delete it.\r\n"}
}

// print writes the report for people, step by step.
func (r *loginReport) print(out io.Writer) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row := func(label, format string, args ...any) {
		fmt.Fprintf(table, "%s\t%s\n", label, strings.Join(strings.Fields(fmt.Sprintf(format, args...)), " "))
	}
	if r.Upstream != "" {
		row("upstream", "%s", r.Upstream)
	}
	row("server", "%s (%s)", r.Address, cmp.Or(strings.Join(r.Addresses, ", "), "the name does not resolve"))
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
		row("limits assumed", "messages of %v bytes, lines of %v bytes, %v messages/s, %v connections for a mailbox "+
			"(0: no limit); after a throttle exgate waits at most %v",
			r.Limits["message_bytes"], r.Limits["line_bytes"], r.Limits["messages_per_second"],
			r.Limits["connections_per_account"], r.Limits["max_backoff"])
	}
	if r.Opened {
		row("mailbox", "%s opens", r.Mailbox)
	}
	if r.Folders != nil {
		row("folders", "%s", countFolders(r.Folders))
	}
	if r.Appended != "" {
		row("test message", "%s", r.Appended)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if r.Folders != nil {
		if err := printFolders(out, r.Folders); err != nil {
			return err
		}
	}
	return r.printProblem(out)
}

func (r *loginReport) printTLS(row func(label, format string, args ...any)) {
	if t := r.TLS; t != nil {
		row(
			"TLS",
			"%s, %s, %s; certificate of %s, issued by %s, valid until %s; verified: %s",
			t.Mode,
			t.Version,
			t.Suite,
			t.Names,
			t.Issuer,
			t.Expires.Format(time.DateOnly),
			cmp.Or(t.Verified, "no"),
		)
		for i, subject := range t.Chain {
			row("", "%d: %s", i, subject)
		}
		row("", "SHA-256 %s", t.SHA256)
	} else if r.Greeting != "" {
		row("TLS", "none: plain text")
	}
	if o := r.OtherTLS; o != nil {
		works := "works too"
		if r.Problem != nil && r.TLS == nil {
			works = "works"
		}
		row("the other way of TLS", "%s on %s: %s", o.Mode, o.Address, cmp.Or(o.Error, works))
	}
}

// printProblem writes the step that failed, and what to do, most likely cause
// first.
func (r *loginReport) printProblem(out io.Writer) error {
	if r.Problem != nil {
		fmt.Fprintf(out, "\n%s failed: %s\n", r.Problem.Step, r.Problem.Error)
	} else {
		fmt.Fprintln(out, "\nEverything works.")
	}
	for _, advice := range r.Advice {
		fmt.Fprintf(out, "\nadvice: %s\n", advice)
	}
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
	_, err := fmt.Fprintf(out, "\nMore: exgate explain %s\n", r.Explain)
	return err
}
