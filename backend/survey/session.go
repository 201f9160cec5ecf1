package survey

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"exgate/backend"
	"exgate/backend/wire"
)

// errorsSpared is how many errors a connection gets at most, except in the probe for the limit itself: Exchange
// closes the connection after ten (EX-02).
const errorsSpared = 7

// maxThrottles is how often one command is sent again after a throttle.
const maxThrottles = 5

// reply is the answer to one command.
type reply struct {
	wire.Status
	lines []string // the untagged responses
	err   error    // the connection ended in place of the tagged reply
}

func (r reply) isOK() bool { return r.err == nil && r.Word == "OK" }

// says reports whether the tagged reply contains the words, in any case.
func (r reply) says(words string) bool {
	return r.err == nil && strings.Contains(strings.ToLower(r.Text), strings.ToLower(words))
}

// isBAD reports whether the reply is a BAD, such as Exchange's error 11, which it says of content that it refuses.
func (r reply) isBAD() bool { return r.err == nil && r.Word == "BAD" }

// line is one logged-in connection.
type line struct {
	session  *backend.LoggedIn
	selected string // the mailbox to select on the next connection; "": none
	errors   int
}

// close ends the connection and waits until the server no longer counts it.
func (l *line) close() {
	if l.session != nil {
		l.session.Leave()
		l.session, l.errors = nil, 0
	}
}

// ready logs in, if there is no connection that can take another error.
func (s *surveyor) ready(ctx context.Context, l *line) error {
	if l.session != nil && l.session.Err() == nil && l.errors < errorsSpared {
		return nil
	}
	l.close()
	defer s.words.hush()() // a login says nothing about the probe
	for tries := 0; ; tries++ {
		if err := s.pace.Wait(ctx, 1); err != nil {
			return err
		}
		session, err := s.Upstream.Open(ctx, s.Identity, s.Credential, s.words.trace)
		if err == nil {
			l.session = session
			session.Relay(&overheard{conn: session.Conn, words: &s.words})
			break
		}
		f := backend.FailureOf(err)
		if !mayPass(f.Kind) || tries == maxThrottles || ctx.Err() != nil {
			return err
		}
		if err := s.pause(ctx, f); err != nil {
			return err
		}
	}
	if l.selected == "" {
		return nil
	}
	r := s.once(ctx, l, backend.NewRequest("SELECT").Mailbox(l.selected))
	if !r.isOK() {
		return fmt.Errorf("cannot select the survey's folder again: %s", r.told())
	}
	return nil
}

// mayPass reports whether a login that failed so is tried again. A password that may have been refused is never sent
// twice: that would count towards a lock-out.
func mayPass(k backend.Kind) bool {
	switch k {
	case backend.KindThrottled, backend.KindClosed, backend.KindClosedAtOnce, backend.KindLost, backend.KindUnreachable:
		return true
	}
	return false
}

func (r reply) told() string {
	if r.err != nil {
		return r.err.Error()
	}
	text := r.Text
	if r.Code != "" {
		text = "[" + r.Code + "] " + text
	}
	return strings.TrimSpace(r.Word + " " + text)
}

// pause waits after a failure that may pass.
func (s *surveyor) pause(ctx context.Context, f backend.Failure) error {
	d := min(max(f.Backoff, time.Second), s.MaxBackoff)
	s.Progress("the server asks for a pause (%s): waiting for %s", f.Kind, d.Round(time.Second))
	return s.Wait(ctx, d)
}

// ask sends a command on the survey's connection. The request is made anew for each try. An error means that the
// survey cannot go on; a connection that the server ends is in the reply.
func (s *surveyor) ask(ctx context.Context, request func() *backend.Request) (reply, error) {
	return s.askOn(ctx, &s.main, request)
}

func (s *surveyor) askOn(ctx context.Context, l *line, request func() *backend.Request) (reply, error) {
	for tries := 0; ; tries++ {
		if err := s.ready(ctx, l); err != nil {
			return reply{}, err
		}
		if err := s.pace.Wait(ctx, 1); err != nil {
			return reply{}, err
		}
		r := s.once(ctx, l, request())
		if err := context.Cause(ctx); err != nil {
			return r, err
		}
		var f backend.Failure
		if r.err != nil {
			f = throttledBefore(r.err)
		} else if r.Word != "OK" {
			f = backend.Classify(r.Status)
		}
		switch {
		case f.Kind != backend.KindThrottled:
			return r, nil
		case tries == maxThrottles:
			return r, errThrottled
		}
		if err := s.pause(ctx, f); err != nil {
			return r, err
		}
	}
}

// throttledBefore returns the throttle that ended a connection, if there was one.
func throttledBefore(err error) backend.Failure {
	var lost *backend.LostError
	if errors.As(err, &lost) {
		word, text, _ := strings.Cut(lost.Said, " ")
		return backend.Classify(wire.Status{Word: word, Text: text})
	}
	return backend.Failure{}
}

// once sends a command, and counts what it costs.
func (s *surveyor) once(ctx context.Context, l *line, req *backend.Request) reply {
	var lines []string
	if req.Untagged == nil {
		req.Untagged = func(line []byte) bool {
			lines = append(lines, string(line))
			return true
		}
	}
	status, err := l.session.Do(ctx, req)
	r := reply{Status: status, lines: lines, err: err}
	if err != nil {
		l.close()
		return r
	}
	if status.Word != "OK" {
		l.errors += max(backend.Classify(status).Errors(), boolean(status.Word == "BAD"))
	}
	return r
}

func boolean(b bool) int {
	if b {
		return 1
	}
	return 0
}

// lostError is the error of a probe whose connection ended where it should not.
type lostError struct{ err error }

func (e *lostError) Error() string { return "the connection was lost: " + e.err.Error() }
func (e *lostError) Unwrap() error { return e.err }

// answered is ask for probes that need a tagged reply.
func (s *surveyor) answered(ctx context.Context, request func() *backend.Request) (reply, error) {
	r, err := s.ask(ctx, request)
	if err == nil && r.err != nil {
		err = &lostError{r.err}
	}
	return r, err
}

// command is answered for a command without literals.
func (s *surveyor) command(ctx context.Context, name, args string) (reply, error) {
	return s.answered(ctx, func() *backend.Request { return plainRequest(name, args) })
}

func plainRequest(name, args string) *backend.Request {
	req := backend.NewRequest(name)
	if args != "" {
		req.Raw(args)
	}
	return req
}

// errThrottled ends the survey: to go on would only prolong the throttle.
var errThrottled = errors.New("the server throttles the account even after several pauses: run the survey again " +
	"later, with a slower --pace; it goes on where it ended")
