package proxy

import (
	"crypto/tls"
	"errors"
	"log/slog"
	"slices"

	"exgate/backend"
	"exgate/backend/folders"
	"exgate/config/profile"
	"exgate/proxy/names"
	"exgate/proxy/quarantine"
	"exgate/proxy/routing"
	"exgate/proxy/slots"
)

// settings are what a configuration decides, and what was made of it. They are
// not changed: Server.Reload puts others in their place, for the clients that
// come then, and a session keeps those that it began with.
type settings struct {
	opts   Options
	router *routing.Router
	tls    *tls.Config

	quarantine *quarantine.Store
}

func newSettings(opts Options) (*settings, error) {
	if opts.Log == nil {
		opts.Log = slog.Default()
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
	if s.quarantine, err = quarantine.Open(opts.Quarantine); err != nil {
		return nil, err
	}
	if s.router, err = routing.NewRouter(observedUpstreams(opts), opts.Routes); err != nil {
		return nil, err
	}
	switch {
	case s.router.HoldsAny() && opts.Users == nil:
		return nil, errors.New("the gateway holds what opens mailboxes, and no users file says who may open which")
	case opts.Users != nil && opts.Users.HasCertificates():
		// Which certificate it is decides, and the handshake proves that the
		// client has its key; no authority need have signed it.
		s.tls.ClientAuth = tls.RequestClientCert
	}
	return s, nil
}

// observedUpstreams returns the upstreams, without limits of connections where
// the gateway only observes and is not to keep the pace.
func observedUpstreams(opts Options) []routing.Upstream {
	upstreams := slices.Clone(opts.Upstreams)
	if opts.Observe && !opts.ObservePace {
		for i := range upstreams {
			upstreams[i].Connections = slots.Limits{}
		}
	}
	return upstreams
}

// newLogin settles what holds for a session that is logged in.
func (s *settings) newLogin(r routing.Decision, claim backend.Claim, cred backend.Credential, up *backend.Session, accounts *accounts) *login {
	to, id := r.To, r.Identity
	name, why := to.Detect(up.Evidence)
	wanted := to.ProfileNamed(name)
	prof, options := wanted, r.Names(wanted.Names)
	below := r.Below()
	if s.opts.Observe {
		options, below = folders.Options{}, ""
		prof = &profile.Profile{Name: wanted.Name, Pipeline: wanted.Pipeline, LiteralPlus: wanted.LiteralPlus}
	}
	mapped, err := names.New(options, id.User)
	if err != nil { // the configuration has been validated
		s.opts.Log.Error("names of mailboxes are not mapped", "err", err)
	}
	return &login{
		names: mapped, prefix: r.Prefix, below: below, edits: mapped != nil || prof.Replies != (backend.Replies{}), target: to, identity: id, claim: claim, cred: cred, attempt: up.Attempt,
		profile: prof, wanted: wanted, why: why, caps: up.Capabilities,
		resume:  to.Resume && (!s.opts.Observe || s.opts.ObserveResume),
		account: accounts.get(to.Name, id.User, wanted.Pace, to.Backend.MaxBackoff),
	}
}
