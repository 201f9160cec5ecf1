package proxy

import (
	"errors"

	"exgate/backend"
	"exgate/proxy/routing"
	"exgate/proxy/users"
)

// grant decides how a client's login goes on: to which upstream, with which identity and
// with which credential. If the gateway holds the credential, grant first checks the proof
// of the caller. The credential's Allow then checks at each login whether the caller may
// open the mailbox. It uses the mailbox name that goes upstream, and the users file of that
// moment. This check also runs when a session is resumed. The error is a *backend.Error
// with the refusal.
func (c *conn) grant(claim backend.Claim) (routing.Decision, backend.Credential, error) {
	list := c.set.opts.Users
	r, err := c.set.router.Route(claim)
	if err != nil {
		return r, backend.Credential{}, refusedHere(err)
	}
	server := r.To.Server
	if !claim.Token.IsNone() || !server.Holds() {
		if claim.Password.IsNone() && claim.Token.IsNone() {
			// Exchange would count a login without a password as a failure.
			return r, backend.Credential{}, refusedHere(errors.New("a password is needed"))
		}
		return r, server.Credential(claim), nil
	}
	caller := r.Caller()
	if err := list.Prove(c.ctx, caller, claim.Password, c.client.certificate()); errors.Is(err, users.ErrUnusable) {
		return r, backend.Credential{}, unusable(list)
	} else if err != nil {
		return r, backend.Credential{}, refusedHere(err)
	}
	if r.Below() != "" && c.set.opts.Observe {
		return r, backend.Credential{}, refusedHere(errors.New("exgate only observes, " +
			"and keeps nobody below the prefix that the map file has for this login"))
	}
	form := r.Identity.Form
	id, cred := server.Held(r.Identity.User, func(mailbox string) error { return list.May(caller, mailbox, r.Below()) })
	id.Form = form
	r.Identity = id
	return r, cred, nil
}

// unusable returns the refusal of every login while the users file cannot be used. It does
// not count as a failure of the client.
func unusable(list *users.File) error {
	text := backend.Failure{Kind: backend.KindOther, Word: "NO", Code: "UNAVAILABLE", Text: users.ErrUnusable.Error()}
	return &backend.Error{Doing: "login", Failure: text, Err: list.Problem()}
}

// refusedHere returns the refusal of a login by exgate, without a question to Exchange.
func refusedHere(err error) error {
	return &backend.Error{Doing: "login", Failure: backend.Failure{Kind: backend.KindRefusedHere, Text: err.Error()}}
}
