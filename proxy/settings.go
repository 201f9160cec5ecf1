package proxy

import (
	"crypto/tls"
	"errors"
	"log/slog"
	"slices"

	"exgate/backend"
	"exgate/config/profile"
	"exgate/proxy/amend"
	"exgate/proxy/names"
	"exgate/proxy/quarantine"
	"exgate/proxy/routing"
	"exgate/proxy/slots"
)

// settings are the options of the gateway and what is derived from them. They
// never change: Server.Reload puts new settings in their place for new clients.
// A session keeps the settings that it began with.
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
			// Messages are written in large pieces, for which small first records
			// only cost time.
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
		return nil, errors.New("set users_file: the gateway holds credentials for mailboxes " +
			"(upstream.login.admin or upstream.oauth2), and no users file says who may use them")
	case opts.Users != nil && opts.Users.HasCertificates():
		// The users file names certificates by fingerprint, and the handshake proves
		// that the client has the key. No authority need have signed a certificate.
		s.tls.ClientAuth = tls.RequestClientCert
	}
	return s, nil
}

// observedUpstreams returns the upstreams. In mode: observe without a pace they
// have no limits of connections.
func observedUpstreams(opts Options) []routing.Upstream {
	upstreams := slices.Clone(opts.Upstreams)
	if opts.Observe && !opts.ObservePace {
		for i := range upstreams {
			upstreams[i].Connections = slots.Limits{}
		}
	}
	return upstreams
}

// newLogin returns what a session knows after its login: the profile in force, the
// mapping of names, the account.
func (s *settings) newLogin(
	r routing.Decision, claim backend.Claim, cred backend.Credential, opened *backend.LoggedIn, accounts *accounts,
) *login {
	to, id := r.To, r.Identity
	name, why := to.Detect(opened.Evidence)
	wanted := to.ProfileNamed(name)
	prof, below := wanted, r.Below()
	mapped, err := names.New(r.Names(wanted.Names), id.User)
	if err != nil { // cannot happen: the configuration was validated
		s.opts.Log.Error("mailbox names are not mapped in this session: check names in the configuration", "err", err)
	}
	var observed *amend.Observed
	if s.opts.Observe {
		if mapped != nil {
			mapped, observed = nil, &amend.Observed{Mapping: mapped}
		}
		below = ""
		prof = &profile.Profile{Name: wanted.Name, Pipeline: wanted.Pipeline, LiteralPlus: wanted.LiteralPlus}
	}
	return &login{
		names: mapped, observed: observed, prefix: r.Prefix, below: below,
		edits:  mapped != nil || observed != nil || prof.Replies != (backend.Replies{}),
		target: to, identity: id, claim: claim, cred: cred, attempt: opened.Attempt,
		profile: prof, wanted: wanted, why: why, caps: opened.Capabilities,
		// Without the version by ID, exgate only supposes which one it is.
		mayDropDates: prof.MayDropDates || to.Profile == profile.Auto && opened.Evidence.ID == nil && prof.IsExchange(),
		resume:       to.Resume && (!s.opts.Observe || s.opts.ObserveResume),
		account:      accounts.get(to.Name, id.User, wanted.Pace, to.Backend.MaxBackoff),
	}
}
