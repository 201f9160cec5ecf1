package survey

import (
	"context"
	"errors"
	"fmt"
	"time"

	"exgate/backend"
	"exgate/config/profile"
)

// Options are what a survey needs, and what it is allowed.
type Options struct {
	Upstream   *backend.Upstream
	Identity   backend.Identity
	Credential backend.Credential
	// Profile returns what exgate assumes of a server.
	Profile func(backend.Evidence) profile.Profile

	WithMail    bool              // the mailbox may have mail
	Pace        float64           // commands per second; 0: no limit
	Connections int               // try so many connections at a time; 0: do not try
	Idle        time.Duration     // wait so long in IDLE; 0: do not
	News        time.Duration     // how long the news of another connection may take in IDLE
	Other       *backend.Identity // a mailbox that the login may not open; nil: do not try
	// WrongPassword allows one login with a wrong password, which counts towards a lock-out.
	WrongPassword bool
	MaxBackoff    time.Duration // the longest pause after a throttle

	// Ask asks a person what only Outlook shows; nil: nobody is there.
	Ask func(ctx context.Context, question string) (Answer, error)
	// Progress tells a person what happens.
	Progress func(format string, args ...any)
	// Save keeps the state for the next run, after each finding.
	Save func(*State) error
	// Wait waits for a time, or until the context ends.
	Wait func(context.Context, time.Duration) error
	Now  func() time.Time
}

// surveyor is one run.
type surveyor struct {
	Options
	state     *State
	pace      *backend.Pace
	words     words
	main      line
	folder    string
	separator string
	profile   profile.Profile
	before    []string      // the capabilities before the login
	form      backend.Form  // of the login that worked
	silent    bool          // what idleSilent has found
	lagged    time.Duration // how long it has waited for FETCH, in all
	item      int64         // the number of the item that a person has put into the folder; 0: none
}

// Run measures what state does not have yet, and adds it there. An error means that the survey has ended early: state
// has what was found until then. The survey's folders are removed in any case, if the server lets them be.
func Run(ctx context.Context, o Options, state *State) error {
	s := &surveyor{Options: o, state: state, pace: backend.NewPace(o.Pace, nil)}
	defer s.main.close()
	err := s.run(ctx)
	if s.folder == "" && len(state.Made) == 0 {
		return err
	}
	s.Progress("removing the folder %s", s.folder)
	clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), removeTime)
	defer cancel()
	if removeErr := s.twice(clean, func() error { return s.remove(clean) }); removeErr != nil {
		removeErr = fmt.Errorf("the folder %s is left, and the next run removes it: %w", s.folder, removeErr)
		err = errors.Join(err, removeErr)
	}
	return errors.Join(err, s.Save(state))
}

func (s *surveyor) run(ctx context.Context) error {
	if err := s.introduce(ctx); err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{s.refuseMail, s.prepare} {
		if err := s.twice(ctx, func() error { return step(ctx) }); err != nil {
			return err
		}
	}
	s.words.take()
	list := table()
	for i := range list {
		p := &list[i]
		if _, done := s.state.Find(p.id); done {
			continue
		}
		s.Progress("%d of %d: %s %s", i+1, len(list), p.id, p.asks)
		f, err := s.probe(ctx, p)
		if err != nil {
			return err
		}
		s.Progress("  %s", f.short())
		s.state.add(f)
		if err := s.Save(s.state); err != nil {
			return err
		}
	}
	return nil
}

// introduce logs in for the first time, and notes what the server says of itself.
func (s *surveyor) introduce(ctx context.Context) error {
	conn, err := s.Upstream.Connect(ctx, s.words.trace)
	if err != nil {
		return err
	}
	s.before = conn.Capabilities
	conn.Leave()
	if err := s.ready(ctx, &s.main); err != nil {
		return err
	}
	s.form = s.main.session.Attempt.Form
	e := s.main.session.Evidence
	s.profile = s.Profile(e)
	s.state.Server = Server{
		Profile: s.profile.Name, Greeting: e.Greeting, Before: s.before, After: s.main.session.Capabilities, ID: e.ID,
	}
	return nil
}

// probe runs one probe, once more if the connection is lost meanwhile. An error ends the survey.
func (s *surveyor) probe(ctx context.Context, p *probe) (Finding, error) {
	var f Finding
	var err error
	err = s.twice(ctx, func() error {
		s.words.take()
		f, err = p.run(ctx, s)
		return err
	})
	var lost *lostError
	var why *notPossible
	switch {
	case ctx.Err() != nil:
		return f, context.Cause(ctx)
	case errors.As(err, &lost), errors.As(err, &why):
		f = unknown(err.Error())
	case err != nil:
		return f, err
	}
	f.ID, f.Name = p.id, p.name
	s.state.noteUnavailable(s.words.unavailable())
	if said := s.words.take(); f.Words == nil {
		f.Words = said
	}
	return f, nil
}

// twice calls a function once more if the connection is lost meanwhile.
func (s *surveyor) twice(ctx context.Context, f func() error) error {
	err := f()
	var lost *lostError
	if !errors.As(err, &lost) || ctx.Err() != nil {
		return err
	}
	s.Progress("  %v; once more", err)
	return f()
}

// short is a finding in a few words.
func (f Finding) short() string {
	text := string(f.Answer)
	switch {
	case f.Open:
		text += fmt.Sprintf(", %d is taken", f.Number)
	case f.Number != 0:
		text += fmt.Sprintf(", %d at most", f.Number)
	}
	for _, more := range []string{f.Said, f.Note} {
		if more != "" {
			text += ": " + more
		}
	}
	return text
}
