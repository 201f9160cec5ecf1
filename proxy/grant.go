package proxy

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"

	"exgate/backend"
	"exgate/proxy/routing"
	"exgate/proxy/users"
)

// grant settles what a client's claim asks for: which identity is presented to
// which upstream, and with which credential. Where the gateway holds the
// credential, the caller is proven first. Allow then sees at each login whether
// the caller may open the mailbox, by its name as it goes upstream and by the
// users file as it is then: also when the session is resumed.
func (c *conn) grant(claim backend.Claim) (routing.Decision, backend.Credential, error) {
	list := c.set.opts.Users
	r, err := c.set.router.Route(claim)
	if err != nil {
		return r, backend.Credential{}, refusedHere(err)
	}
	up := r.To.Server
	if !claim.Token.None() || !up.Holds() {
		if claim.Password.None() && claim.Token.None() {
			// Exchange would have to count it as a failure.
			return r, backend.Credential{}, refusedHere(errors.New("a password is needed"))
		}
		return r, up.Credential(claim), nil
	}
	caller := r.Caller()
	if err := list.Prove(c.ctx, caller, claim.Password, c.clientCertificate()); errors.Is(err, users.ErrUnusable) {
		return r, backend.Credential{}, unusable(list)
	} else if err != nil {
		return r, backend.Credential{}, refusedHere(err)
	}
	if r.Below() != "" && c.set.opts.Observe {
		return r, backend.Credential{}, refusedHere(errors.New("exgate only observes, " +
			"and keeps nobody below the prefix that the map file has for this login"))
	}
	form := r.Identity.Form
	id, cred := up.Held(r.Identity.User, func(mailbox string) error { return list.May(caller, mailbox, r.Below()) })
	id.Form = form
	r.Identity = id
	return r, cred, nil
}

// unusable is the refusal of every login while the users file lets nobody in. It is
// no failure of the client's.
func unusable(list *users.File) error {
	text := backend.Failure{Kind: backend.KindOther, Word: "NO", Code: "UNAVAILABLE", Text: users.ErrUnusable.Error()}
	return &backend.Error{Doing: "login", Failure: text, Err: list.Fault()}
}

// refusedHere is the refusal of a login of which Exchange has not been asked.
func refusedHere(err error) error {
	return &backend.Error{Doing: "login", Failure: backend.Failure{Kind: backend.KindRefusedHere, Text: err.Error()}}
}

// clientCertificate is the SHA-256 of the certificate with which the client has
// proven itself in the TLS handshake; "" without one.
func (c *conn) clientCertificate() string {
	secured, ok := c.client.nc.(*tls.Conn)
	if !ok {
		return ""
	}
	certs := secured.ConnectionState().PeerCertificates
	if len(certs) == 0 {
		return ""
	}
	sum := sha256.Sum256(certs[0].Raw)
	return hex.EncodeToString(sum[:])
}
