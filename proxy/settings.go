package proxy

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"

	"exgate/backend"
)

// settings are what a configuration decides, and what was made of it. They are
// not changed: Server.Reload puts others in their place, for the clients that
// come then, and a session keeps those that it began with.
type settings struct {
	opts     Options
	upstream *backend.Upstream
	tls      *tls.Config

	quarantine *quarantine
}

func newSettings(opts Options) (*settings, error) {
	if opts.Log == nil {
		opts.Log = slog.Default()
	}
	if opts.Observe && !opts.ObservePace {
		opts.Connections = ConnectionLimits{}
	}
	s := &settings{
		opts: opts,
		tls: &tls.Config{
			Certificates: []tls.Certificate{opts.Certificate},
			MinVersion:   tls.VersionTLS12,
			// Messages go in large writes: small first records only cost.
			DynamicRecordSizingDisabled: true,
		},
	}
	var err error
	if s.quarantine, err = openQuarantine(opts.Quarantine); err != nil {
		return nil, err
	}
	if s.upstream, err = backend.NewUpstream(opts.Upstream, s.choose); err != nil {
		return nil, fmt.Errorf("upstream: %w", err)
	}
	switch {
	case s.upstream.Holds() && opts.Users == nil:
		return nil, errors.New("the gateway holds what opens mailboxes, and no users file says who may open which")
	case opts.Users != nil && opts.Users.Certificates():
		// Which certificate it is decides, and the handshake proves that the
		// client has its key; no authority need have signed it.
		s.tls.ClientAuth = tls.RequestClientCert
	}
	return s, nil
}

// choose says how to log in to an upstream of which so much is known.
func (s *settings) choose(e backend.Evidence) backend.Choice {
	name, _ := s.profile(e)
	p := s.opts.Policy(name)
	return backend.Choice{Forms: p.Forms, Verify: p.Verify, Identify: s.opts.Profile == Auto, Exchange: p.exchange()}
}

// profile returns the profile of an upstream, and the reason where it was
// found out.
func (s *settings) profile(e backend.Evidence) (name, why string) {
	if s.opts.Profile == Auto {
		return backend.Detect(e)
	}
	return s.opts.Profile, ""
}

// newLogin settles what holds for a session that is logged in.
func (s *settings) newLogin(id backend.Identity, claim backend.Claim, cred backend.Credential, up *backend.Session, accounts *accounts) *login {
	name, why := s.profile(up.Evidence)
	wanted := s.opts.Policy(name)
	policy := wanted
	if s.opts.Observe {
		policy = Policy{Name: wanted.Name, Pipeline: wanted.Pipeline, LiteralPlus: wanted.LiteralPlus}
	}
	names, err := newNames(policy.Names, id.User)
	if err != nil { // the configuration has been validated
		s.opts.Log.Error("names of mailboxes are not mapped", "err", err)
	}
	return &login{
		names: names, edits: names != nil || policy.Replies != (backend.Replies{}), identity: id, claim: claim, cred: cred, attempt: up.Attempt,
		policy: policy, wanted: wanted, why: why, caps: up.Capabilities,
		resume:  s.opts.Resume && (!s.opts.Observe || s.opts.ObserveResume),
		account: accounts.get(id.User, wanted.MessagesPerSecond),
	}
}
