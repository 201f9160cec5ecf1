package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"exgate/backend"
	"exgate/config"
	"exgate/proxy/routing"
)

// listCheck is "exgate check --from": a login to each mailbox of a list.
type listCheck struct {
	from, state, format string
	parallel, perMinute int
}

func (l *listCheck) flags(flags *pflag.FlagSet) {
	flags.StringVar(&l.from, "from", "", "log in to each mailbox of this CSV `file` (mailbox, password, admin), and "+
		"print a table; with --login ADMIN, as this admin")
	flags.StringVar(&l.state, "state", "", "with --from: keep the results in this `file`; a later call with it asks "+
		"only for the mailboxes that have not opened yet")
	flags.StringVar(&l.format, "format", "text", "with --from: text, csv or json")
	flags.IntVar(&l.parallel, "parallel", l.parallel, "with --from: `number` of logins at a time")
	flags.IntVar(&l.perMinute, "rate", l.perMinute, "with --from: `number` of logins in a minute")
}

// listResult is a row of the table.
type listResult struct {
	Mailbox  string `json:"mailbox"`
	Admin    string `json:"admin,omitempty"`
	Upstream string `json:"upstream,omitempty"`
	Opens    bool   `json:"opens"`
	Form     string `json:"form,omitempty"`
	Profile  string `json:"profile,omitempty"`
	Folders  int    `json:"folders,omitempty"`
	Step     string `json:"step,omitempty"` // at which the login ended
	Why      string `json:"why,omitempty"`
	Explain  string `json:"explain,omitempty"` // the entry of exgate explain
}

// key is that of listedUser.
func (r listResult) key() string { return listedUser{mailbox: r.Mailbox, admin: r.Admin}.key() }

// listRun is one call of check --from.
type listRun struct {
	listCheck
	c        *config.Config
	login    loginCheck
	password string // of the admin of --login

	mu      sync.Mutex
	probers map[string]*listProber // by upstream
	admins  map[string]*adminState
	done    map[string]listResult
	state   *os.File
}

// listProber is an upstream. Its backend.Upstream remembers which form a login has, so that
// later logins of the same admin cost no failure.
type listProber struct {
	server *backend.Upstream
	detect func(backend.Evidence) (name, why string)
}

func (l listCheck) run(cmd *cobra.Command, c *config.Config, login loginCheck, asJSON bool) (err error) {
	if asJSON {
		l.format = "json"
	}
	switch {
	case l.format != "text" && l.format != "csv" && l.format != "json":
		return exitError{exitUsage, fmt.Errorf("--format: %q is not one of text, csv, json", l.format)}
	case l.parallel < 1 || l.perMinute < 1:
		return exitError{exitUsage, errors.New("--parallel and --rate must be 1 or more")}
	}
	users, err := readUsers(l.from)
	if err != nil {
		return exitError{exitUsage, fmt.Errorf("--from: %w", err)}
	}
	r := &listRun{
		listCheck: l, c: c, login: login, probers: map[string]*listProber{}, admins: map[string]*adminState{},
		done: map[string]listResult{},
	}
	for i := range users {
		users[i].admin = cmp.Or(users[i].admin, login.name)
		if login.name != "" && users[i].password == "" && r.password == "" {
			if r.password, err = askSecret(cmd, "Password for "+login.name); err != nil {
				return exitError{exitUsage, err}
			}
		}
	}
	if err := r.openState(); err != nil {
		return exitError{exitUsage, fmt.Errorf("--state: %w", err)}
	}
	if r.state != nil {
		defer func() { err = errors.Join(err, r.state.Close()) }()
	}
	if err := r.all(cmd.Context(), users, cmd.ErrOrStderr()); err != nil {
		return err
	}
	return r.report(cmd.OutOrStdout(), users)
}

// openState reads the results of earlier calls.
func (r *listRun) openState() (err error) {
	if r.listCheck.state == "" {
		return nil
	}
	if r.state, err = os.OpenFile(r.listCheck.state, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600); err != nil {
		return err
	}
	lines := bufio.NewScanner(r.state)
	for lines.Scan() {
		var result listResult
		// A line that a killed call has not completed is asked for again.
		if json.Unmarshal(lines.Bytes(), &result) == nil && result.Opens {
			r.done[result.key()] = result
		}
	}
	if err := lines.Err(); err != nil {
		return errors.Join(err, r.state.Close())
	}
	_, err = r.state.WriteString("\n") // ends such a line
	return err
}

// all logs in to the mailboxes that have not opened yet.
func (r *listRun) all(ctx context.Context, users []listedUser, progress io.Writer) error {
	work := make(chan listedUser)
	failed := make(chan error, r.parallel)
	var workers sync.WaitGroup
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for range r.parallel {
		workers.Go(func() {
			for u := range work {
				if err := r.keep(r.try(ctx, u)); err != nil {
					failed <- err
					cancel()
					return
				}
			}
		})
	}
	pause := time.NewTicker(time.Minute / time.Duration(r.perMinute))
	defer pause.Stop()
	said := time.Now()
feed:
	for i, u := range users {
		r.mu.Lock()
		_, isDone := r.done[u.key()]
		r.mu.Unlock()
		if isDone {
			continue
		}
		select {
		case work <- u:
		case <-ctx.Done():
			break feed
		}
		if time.Since(said) > 10*time.Second {
			said = time.Now()
			fmt.Fprintf(progress, "%d of %d mailboxes tried\n", i+1, len(users))
		}
		if i == len(users)-1 {
			break
		}
		select {
		case <-pause.C:
		case <-ctx.Done():
		}
	}
	close(work)
	workers.Wait()
	select {
	case err := <-failed:
		return fmt.Errorf("--state: %w", err)
	default:
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("stopped; with --state, the same call goes on: %w", err)
	}
	return nil
}

func (r *listRun) keep(result listResult) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done[result.key()] = result
	if r.state == nil {
		return nil
	}
	return json.NewEncoder(r.state).Encode(result)
}

// try logs in to one mailbox.
func (r *listRun) try(ctx context.Context, u listedUser) listResult {
	result := listResult{Mailbox: u.mailbox, Admin: u.admin}
	fail := func(err error) listResult {
		result.Step, result.Why = "configuration", err.Error()
		return result
	}
	l, err := r.prepare(u)
	result.Upstream = l.to.Upstream
	if err != nil {
		return fail(err)
	}
	p, admin, id, cred := l.listProber, l.admin, l.id, l.cred
	defer admin.enter(u.line)()
	if !admin.mayTry() {
		result.Step = "not tried"
		result.Why = fmt.Sprintf("too many logins of %s have failed in a row", cmp.Or(id.Admin, id.User))
		return result
	}
	report := &loginReport{Login: u.mailbox, Admin: id.Admin, Probe: p.server.ProbeMailbox(ctx, id, cred)}
	result.Profile, _ = p.detect(report.Evidence())
	for _, form := range report.Forms {
		if form.OK {
			result.Form = string(form.Form)
		}
	}
	result.Opens, result.Folders = report.Problem == nil, len(report.Probe.Folders)
	if problem := report.Problem; problem != nil {
		result.Step, result.Why = problem.Step, strings.Join(strings.Fields(problem.Error), " ")
		if entry, ok := report.entry(); ok {
			result.Explain = entry.ID
		}
	}
	admin.note(result.Opens, result.Step == "login" || result.Step == "mailbox")
	return result
}

// listedLogin is a login to one mailbox of a list.
type listedLogin struct {
	*listProber
	admin *adminState
	c     *config.Config // of the upstream
	to    routing.Destination
	id    backend.Identity
	cred  backend.Credential
}

// prepare returns the login to a mailbox, which it does not try.
func (r *listRun) prepare(u listedUser) (l listedLogin, err error) {
	claim := backend.Claim{Authcid: u.mailbox, Password: backend.NewSecret(cmp.Or(u.password, r.password))}
	if u.admin != "" {
		claim.Authcid, claim.Authzid = u.admin, u.mailbox
	}
	if l.c, l.to, err = r.login.at(r.c, claim); err != nil {
		return l, err
	}
	if l.listProber, l.admin, err = r.at(l.c, l.to, u); err != nil {
		return l, err
	}
	l.id, l.cred = l.to.Identity, l.server.Credential(claim)
	if l.server.Holds() {
		held, heldCred := l.server.Held(l.id.User, backend.CheckTarget)
		held.Form = l.id.Form
		l.id, l.cred = held, heldCred
	} else if claim.Password.IsNone() {
		return l, errors.New("the list has no password for this mailbox")
	}
	return l, nil
}

// at returns the upstream of a login, and what is known of the password.
func (r *listRun) at(c *config.Config, to routing.Destination, u listedUser) (*listProber, *adminState, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.probers[to.Upstream]
	if p == nil {
		server, detect, err := newProber(c)
		if err != nil {
			return nil, nil, err
		}
		p = &listProber{server, detect}
		r.probers[to.Upstream] = p
	}
	account := to.Upstream + "\x00" + strings.ToLower(cmp.Or(u.admin, u.mailbox)) + "\x00" + u.password
	if r.admins[account] == nil {
		r.admins[account] = new(adminState)
	}
	return p, r.admins[account], nil
}

// report writes the table in the order of the list.
func (r *listRun) report(out io.Writer, users []listedUser) error {
	results, closed := make([]listResult, len(users)), 0
	for i, u := range users {
		if results[i] = r.done[u.key()]; !results[i].Opens {
			closed++
		}
	}
	var err error
	switch r.format {
	case "json":
		err = encodeJSON(out, results)
	case "csv":
		table := csv.NewWriter(out)
		table.Write(listHeader) // Flush keeps the error
		for _, result := range results {
			table.Write(result.cells())
		}
		table.Flush()
		err = table.Error()
	default:
		table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, strings.Join(listHeader, "\t"))
		for _, result := range results {
			fmt.Fprintln(table, strings.Join(result.cells(), "\t"))
		}
		fmt.Fprintf(table, "\n%d mailboxes: %d open, %d do not\n", len(results), len(results)-closed, closed)
		err = table.Flush()
	}
	if err == nil && closed > 0 {
		err = exitError{exitUnavailable, fmt.Errorf("check --from: mailboxes that do not open: %d", closed)}
	}
	return err
}

var listHeader = []string{
	"mailbox", "admin", "upstream", "opens", "form", "profile", "folders", "step", "why", "explain",
}

func (r listResult) cells() []string {
	opens := "no"
	if r.Opens {
		opens = "yes"
	}
	return []string{
		r.Mailbox, r.Admin, r.Upstream, opens, r.Form, r.Profile, strconv.Itoa(r.Folders), r.Step, r.Why, r.Explain,
	}
}
