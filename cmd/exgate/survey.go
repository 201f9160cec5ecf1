package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"exgate/backend"
	"exgate/backend/survey"
	"exgate/config"
	"exgate/config/profile"
)

// surveying holds the flags of "exgate survey".
type surveying struct {
	login         loginCheck
	other         string // a mailbox that the login may not open
	out           string // the directory of the outputs
	format        string
	pace          float64
	connections   int
	idle          time.Duration
	withMail      bool
	wrongPassword bool
	ask           bool
	again         bool
}

func surveyCommand() *cobra.Command {
	var s surveying
	cmd := &cobra.Command{
		Use:   "survey",
		Short: "Measure an Exchange: which quirks it has, and with which limits",
		Long: "Logs in to an empty test mailbox and finds out, quirk by quirk, what this Exchange does. It works in " +
			"a folder of its\nown, which it removes at the end. It writes a report, the settings of exgate that follow, and " +
			"an evidence file without\nnames and addresses, from which exgate simulate --like makes a simulation. A run " +
			"that was interrupted goes on where it\nended.\n\nWhat the questions cost:\n  " +
			strings.Join(survey.Costs(), "\n  ") + "\n",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, _, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			return s.run(cmd, c)
		},
	}
	f := cmd.Flags()
	f.StringVar(&s.login.name, "login", "", "log in with this `name`, as a client would; exgate asks for the password, "+
		"or reads it from standard input")
	f.StringVar(&s.login.upstream, "upstream", "", "the `name` of a further upstream to measure")
	f.StringVar(&s.out, "out", "exgate-survey", "the `directory` for the report, the settings, the evidence and the state")
	f.StringVar(&s.format, "format", "text", "the report on standard output: text or json")
	f.BoolVar(&s.withMail, "with-mail", false, "allow a mailbox that has mail")
	f.Float64Var(&s.pace, "pace", 4, "commands per second; 0: no limit")
	f.IntVar(&s.connections, "connections", 17, "open at most this many connections; 0: do not try")
	f.DurationVar(&s.idle, "idle", 0, "time to wait in IDLE, such as 11m; 0: do not")
	f.StringVar(&s.other, "other-mailbox", "", "a `mailbox` that the login may not open, to see what it gets")
	f.BoolVar(&s.wrongPassword, "wrong-password", false,
		"try one wrong password; it counts towards a lock-out in Active Directory")
	f.BoolVar(&s.ask, "ask", false, "ask what only Outlook shows; the answers come from the terminal")
	f.BoolVar(&s.again, "again", false, "ask again what was unknown in an earlier run")
	return cmd
}

func (s *surveying) check() error {
	switch {
	case s.login.name == "":
		return errors.New("--login: name the test mailbox")
	case s.format != "text" && s.format != "json":
		return fmt.Errorf("--format: %q is not one of text, json", s.format)
	case s.pace < 0 || s.connections < 0 || s.connections > 100 || s.idle < 0 || s.idle > 29*time.Minute:
		return errors.New("--pace, --connections (100 at most) and --idle (29m at most) cannot be less than 0")
	}
	return nil
}

func (s *surveying) run(cmd *cobra.Command, c *config.Config) error {
	if err := s.check(); err != nil {
		return exitError{exitUsage, err}
	}
	c, to, err := s.login.at(c, backend.Claim{Authcid: s.login.name})
	if err != nil {
		return err
	}
	opts, err := c.Backend()
	if err != nil {
		return exitError{exitConfig, err}
	}
	opts.LiteralPlus = false // a message that is only announced must not be sent
	server, err := s.upstream(c, opts)
	if err != nil {
		return exitError{exitConfig, err}
	}
	answers := bufio.NewReader(cmd.InOrStdin())
	if file, ok := cmd.InOrStdin().(*os.File); !ok || !term.IsTerminal(int(file.Fd())) {
		cmd.SetIn(answers) // the password and the answers come from one pipe
	}
	cred, id, err := s.login.credential(cmd, server, to.Identity)
	if err != nil {
		return exitError{exitUsage, err}
	}
	if err := os.MkdirAll(s.out, 0o700); err != nil {
		return err
	}
	release, err := takeSurveyDir(s.out)
	if err != nil {
		return exitError{exitUnavailable, err}
	}
	defer release()
	host, _, _ := net.SplitHostPort(opts.Address) // Backend has checked it
	file := filepath.Join(s.out, surveyState)
	state, err := survey.Load(file, hashed(opts.Address, id.User, id.Admin))
	if err != nil {
		return exitError{exitUsage, err}
	}
	if s.again {
		state.Forget()
	}
	o := s.options(cmd, c, answers)
	o.Upstream, o.Identity, o.Credential = server, id, cred
	o.Save = func(state *survey.State) error { return state.Store(file) }
	if s.other != "" {
		o.Other = &backend.Identity{User: s.other, Admin: id.User, Domain: id.Domain}
	}
	runErr := survey.Run(cmd.Context(), o, state)
	if runErr != nil {
		runErr = exitError{exitUnavailable, fmt.Errorf("survey: %w", runErr)}
	}
	if len(state.Findings) == 0 {
		return runErr
	}
	secrets := []string{s.login.name, id.User, id.Admin, id.Domain, s.other, host, cred.Password.Reveal()}
	report := survey.NewReport(state, c.Profile(state.Server.Profile))
	results := surveyResults{dir: s.out, report: report, evidence: survey.NewEvidence(state, secrets)}
	return errors.Join(runErr, results.store(connectionSettings(c)), results.print(cmd.OutOrStdout(), s.format))
}

// options are those that do not depend on the login. answers is where a person answers.
func (s *surveying) options(cmd *cobra.Command, c *config.Config, answers *bufio.Reader) survey.Options {
	o := survey.Options{
		Profile:  profileOf(c),
		WithMail: s.withMail, Pace: s.pace, Connections: s.connections, Idle: s.idle, News: 30 * time.Second,
		WrongPassword: s.wrongPassword, MaxBackoff: c.Upstream.Pace.MaxBackoff,
		Progress: func(format string, args ...any) {
			fmt.Fprintln(cmd.ErrOrStderr(), printable(fmt.Sprintf(format, args...)))
		},
		Wait: backend.Sleep, Now: time.Now,
	}
	if s.ask {
		o.Ask = func(ctx context.Context, question string) (survey.Answer, error) {
			return askPerson(ctx, cmd.ErrOrStderr(), answers, question)
		}
	}
	return o
}

// upstream logs in like a session of the gateway.
func (s *surveying) upstream(c *config.Config, opts backend.Options) (*backend.Upstream, error) {
	of := profileOf(c)
	return backend.NewUpstream(opts, func(e backend.Evidence) backend.Choice {
		p := of(e)
		forms := p.Forms
		if c.Upstream.Profile == profile.Auto {
			forms = backend.FormsFor(e, forms, c.Profile(backend.ProfileOnline).Forms)
		}
		return backend.Choice{Forms: forms, Verify: true, Identify: true, Exchange: p.IsExchange()}
	})
}

// profileOf returns the profile of a server, as the configuration has it.
func profileOf(c *config.Config) func(backend.Evidence) profile.Profile {
	return func(e backend.Evidence) profile.Profile {
		name := c.Upstream.Profile
		if name == profile.Auto {
			name, _ = backend.Detect(e)
		}
		return c.Profile(name)
	}
}

// hashed identifies a server and a login without telling them.
func hashed(names ...string) string {
	sum := sha256.Sum256([]byte(strings.ToLower(strings.Join(names, "\x00"))))
	return hex.EncodeToString(sum[:16])
}
