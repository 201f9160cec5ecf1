package backend

import (
	"fmt"
	"strings"
)

// Admin is an upstream account with which the gateway itself logs in, for the callers
// that it has verified. The zero value is none.
type Admin struct {
	Name     string // as sent upstream: admin, EXAMPLE\admin or admin@example.com
	Password Secret
}

// Holds reports whether the gateway itself holds a credential that opens mailboxes.
// It must then decide who may open which.
func (u *Upstream) Holds() bool { return u.opts.Holds() }

// Holds is Upstream.Holds.
func (o Options) Holds() bool { return o.Admin.Name != "" || o.OAuth2.IsHeld() }

// Held returns the login with which the gateway opens a mailbox by its own
// credential. allow is called for each form of each login; see Credential.Allow.
func (u *Upstream) Held(mailbox string, allow func(mailbox string) error) (Identity, Credential) {
	if u.opts.OAuth2.IsHeld() {
		return Identity{User: mailbox}, Credential{Tokens: u.tokens, Allow: allow}
	}
	id := adminFor(u.opts.Admin.Name, mailbox)
	return id, Credential{Password: u.opts.Admin.Password, Allow: allow}
}

// Credential returns the credential of a login that the client itself proves.
func (u *Upstream) Credential(c Claim) Credential {
	if c.Token.IsNone() && u.opts.OAuth2.SecretFromLogin {
		return Credential{Tokens: u.tokens.WithSecret(c.Password)}
	}
	return c.Credential()
}

// maxTarget is the maximum length of a mailbox's name. An address has at most 254
// bytes (RFC 5321 section 4.5.3.1.3 without the brackets).
const maxTarget = 254

// CheckTarget checks the name of a mailbox that the gateway opens with its own
// credential. The grammar is so narrow that Exchange cannot read the name in another
// way: ASCII letters, digits, some of the signs of an atom (RFC 5322 section 3.2.3), and one @. Other
// letters are not allowed, because Active Directory treats some of them as equal to
// others.
func CheckTarget(name string) error {
	local, domain, isAddress := strings.Cut(name, "@")
	switch {
	case name == "" || len(name) > maxTarget:
		return fmt.Errorf("the name of a mailbox must have 1 to %d bytes", maxTarget)
	case isAddress && domain == "" || local == "":
		return fmt.Errorf("mailbox %q: a part of the address is empty", name)
	case strings.ContainsFunc(local, isNotInTarget) || strings.ContainsFunc(domain, isNotInTarget):
		return fmt.Errorf("mailbox %q: only ASCII letters, digits and ._-+'&=#$!~^{} are allowed", name)
	case name[0] == '-':
		return fmt.Errorf("mailbox %q: it must not begin with a hyphen", name)
	}
	for _, part := range []string{local, domain} {
		if strings.HasPrefix(part, ".") || strings.HasSuffix(part, ".") || strings.Contains(part, "..") {
			return fmt.Errorf("mailbox %q: it must not begin or end with a dot, or have two dots in a row", name)
		}
	}
	return nil
}

func isNotInTarget(r rune) bool {
	return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' ||
		strings.ContainsRune("._-+'&=#$!~^{}", r))
}
