package survey

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"exgate/backend"
	"exgate/config/profile"
)

func connectionProbes() []probe {
	return []probe{
		{
			id: "EX-01", name: "secure-login",
			asks: "whether a command before the login gets Command received in Invalid state.",
			cost: "one error before a login; no password is sent", run: tooEarly,
		},
		{
			id: "EX-17", name: "ntlm-announced", asks: "whether NTLM or GSSAPI is announced",
			run: func(_ context.Context, s *surveyor) (Finding, error) {
				all := slices.Concat(s.before, s.state.Server.After)
				return answer(slices.Contains(all, "AUTH=NTLM") || slices.Contains(all, "AUTH=GSSAPI")), nil
			},
		},
		{
			id: "EX-23", name: "error-in-ok", asks: "whether the OK of a login carries an illegal code",
			cost: "one login", run: loginCode,
			prepared: func(p profile.Profile) bool { return p.Replies.StatusCodes },
		},
		{
			id: "EX-03", name: "not-connected", asks: "whether a login is accepted whose mailbox cannot be opened",
			cost: "up to two logins, only with --other-mailbox", run: notConnected,
			prepared: func(p profile.Profile) bool { return p.Verify },
		},
		{
			id: "EX-27", name: "idle-exists-first", asks: "whether news comes before the + of IDLE",
			cost: "a second connection", run: idleOrder,
			prepared: func(p profile.Profile) bool { return p.Replies.IdleOrder },
		},
		{
			id: "EX-28", name: "idle-silent", asks: "whether a long IDLE tells no more news",
			cost: "a second connection and the time of --idle", run: idleSilent,
			prepared: func(p profile.Profile) bool { return p.Replies.IdleRenew },
		},
		{
			id: "M-01", asks: "whether the connections of a mailbox are limited",
			cost: "as many logins as --connections says", run: connections,
			set: func(f Finding, _ profile.Profile) []Setting {
				return one(f.Answer == Yes && f.Number < 12, "upstream.pace.connections_per_account", f.Number)
			},
		},
		{
			id: "M-02", asks: "whether a wrong password is refused as one",
			cost: "one failed login, which counts towards a lock-out; only with --wrong-password", run: wrongPassword,
		},
	}
}

// tooEarly sends a command that needs a login before one. The reply is that to a LOGIN without TLS, too.
func tooEarly(ctx context.Context, s *surveyor) (Finding, error) {
	if err := s.pace.Wait(ctx, 1); err != nil {
		return Finding{}, err
	}
	conn, err := s.Upstream.Connect(ctx, s.words.trace)
	if err != nil {
		return Finding{}, &lostError{err}
	}
	defer conn.Leave()
	status, err := conn.Do(ctx, backend.NewRequest("LIST").Raw(`"" ""`))
	if err != nil {
		return Finding{}, &lostError{err}
	}
	return answer(reply{Status: status}.says("received in invalid state")), nil
}

var illegalCode = regexp.MustCompile(`^xg\d+ OK \[[^]" ]*"`)

func loginCode(ctx context.Context, s *surveyor) (Finding, error) {
	if err := s.pace.Wait(ctx, 1); err != nil {
		return Finding{}, err
	}
	session, err := s.Upstream.Open(ctx, s.Identity, s.Credential, s.words.trace)
	if err != nil {
		return Finding{}, &lostError{err}
	}
	defer session.Leave()
	return answer(slices.ContainsFunc(s.words.received(), illegalCode.MatchString)), nil
}

func notConnected(ctx context.Context, s *surveyor) (Finding, error) {
	if s.Other == nil {
		return unknown("name a mailbox that the login may not open with --other-mailbox"), nil
	}
	if err := s.pace.Wait(ctx, 1); err != nil {
		return Finding{}, err
	}
	session, err := s.Upstream.Open(ctx, *s.Other, s.Credential, s.words.trace)
	if err == nil {
		session.Leave()
		return unknown("the login may open that mailbox"), nil
	}
	switch f := backend.FailureOf(err); f.Kind {
	case backend.KindNotConnected, backend.KindAdminNotAllowed:
		return answer(true), nil
	case backend.KindCredentials, backend.KindOther:
		return answer(false).noted("the login is refused"), nil
	default:
		return unknown(fmt.Sprintf("the login failed for another reason (%s)", f.Kind)), nil
	}
}

// idleOrder stores a message by a second connection, and then begins IDLE on the first.
func idleOrder(ctx context.Context, s *surveyor) (Finding, error) {
	var second line
	defer second.close()
	if _, err := s.exists(ctx); err != nil {
		return Finding{}, err
	}
	if err := s.bySecond(ctx, &second); err != nil {
		return Finding{}, err
	}
	s.words.take()
	r, err := s.answered(ctx, func() *backend.Request {
		req := backend.NewRequest("IDLE")
		req.Continue = func(string) (string, error) { return "DONE", nil }
		return req
	})
	if err != nil || !r.isOK() {
		return unknown("IDLE was refused: " + r.told()), err
	}
	for _, line := range s.words.since() {
		switch {
		case strings.HasPrefix(line, "S: +"):
			return answer(false), nil
		case strings.HasSuffix(line, " EXISTS"):
			return answer(true), nil
		}
	}
	return unknown("IDLE told nothing"), nil
}

func (s *surveyor) bySecond(ctx context.Context, second *line) error {
	r, err := s.askOn(ctx, second, func() *backend.Request { return appendRequest(s.folder, "", plain().text()) })
	switch {
	case err != nil:
		return err
	case r.err != nil:
		return &lostError{r.err}
	case !r.isOK():
		return &notPossible{"the message of the second connection was refused: " + r.told()}
	}
	return nil
}

// idleSilent stores a message by a second connection after IDLE has waited.
func idleSilent(ctx context.Context, s *surveyor) (Finding, error) {
	if s.Idle == 0 {
		return unknown("only a long wait shows it: --idle 11m"), nil
	}
	var second line
	defer second.close()
	if _, err := s.exists(ctx); err != nil {
		return Finding{}, err
	}
	var failed error
	news := make(chan struct{}, 1)
	r, err := s.answered(ctx, func() *backend.Request {
		req, waited := backend.NewRequest("IDLE"), make(chan struct{})
		req.Untagged = func(line []byte) bool {
			select {
			case <-waited:
				if strings.HasSuffix(strings.TrimSpace(string(line)), " EXISTS") {
					select {
					case news <- struct{}{}:
					default:
					}
				}
			default:
			}
			return true
		}
		req.Continue = func(string) (string, error) {
			if failed = s.Wait(ctx, s.Idle); failed != nil {
				return "DONE", nil
			}
			close(waited)
			failed = s.bySecond(ctx, &second)
			return "DONE", s.news(ctx, news)
		}
		return req
	})
	if err = errors.Join(failed, err); err != nil || !r.isOK() {
		return unknown("IDLE ended: " + r.told()), err
	}
	return answer(s.silent).noted(fmt.Sprintf("after %s", s.Idle)), nil
}

// news waits for an EXISTS, and notes whether it came.
func (s *surveyor) news(ctx context.Context, came <-chan struct{}) error {
	timer := time.NewTimer(s.News)
	defer timer.Stop()
	s.silent = true
	select {
	case <-came:
		s.silent = false
	case <-timer.C:
	case <-ctx.Done():
	}
	return nil
}

// connections logs in until the server refuses it. The right password is no failure for a lock-out.
func connections(ctx context.Context, s *surveyor) (Finding, error) {
	if s.Connections == 0 {
		return unknown("not tried: --connections 0"), nil
	}
	s.main.close()
	var open []*backend.LoggedIn
	defer func() {
		for _, session := range open {
			session.Leave()
		}
	}()
	for len(open) < s.Connections {
		if err := s.pace.Wait(ctx, 1); err != nil {
			return Finding{}, err
		}
		session, err := s.Upstream.Open(ctx, s.Identity, s.Credential, s.words.trace)
		if err != nil {
			if ctx.Err() != nil || len(open) == 0 {
				return Finding{}, err
			}
			f := answer(true).noted("then: " + string(backend.FailureOf(err).Kind))
			f.Number = int64(len(open))
			return f, nil
		}
		open = append(open, session)
	}
	f := answer(false)
	f.Number, f.Open = int64(len(open)), true
	return f, nil
}

func wrongPassword(ctx context.Context, s *surveyor) (Finding, error) {
	if !s.WrongPassword {
		return unknown("not tried: it would count towards a lock-out (--wrong-password)"), nil
	}
	if s.Credential.Tokens != nil {
		return unknown("the login has a token and no password"), nil
	}
	if err := s.pace.Wait(ctx, 1); err != nil {
		return Finding{}, err
	}
	id, wrong := s.Identity, s.Credential
	id.Form = s.form // one attempt, in the form that worked
	wrong.Password = backend.NewSecret("not the password")
	session, err := s.Upstream.Open(ctx, id, wrong, s.words.trace)
	if err == nil {
		session.Leave()
		return answer(false).noted("the server accepts a wrong password"), nil
	}
	f := backend.FailureOf(err)
	return answer(f.Kind == backend.KindCredentials).noted(cmp.Or(string(f.Kind), "refused")), nil
}
