package backend

import (
	"fmt"
	"strings"
)

// Admin is an account of the upstream's that the gateway logs in with itself,
// for callers whom it has proven: Options.Admin. The zero value is none.
type Admin struct {
	Name     string // as upstream: admin, EXAMPLE\admin or admin@example.com
	Password Secret
}

// Holds tells whether the gateway itself holds what opens mailboxes, so that
// it has to see to who opens which.
func (u *Upstream) Holds() bool { return u.opts.Holds() }

// Holds is Upstream.Holds.
func (o Options) Holds() bool { return o.Admin.Name != "" || o.OAuth2.Held() }

// Held is the login by which the gateway opens a mailbox with what it holds.
// allow is asked at each login for each form: Credential.Allow.
func (u *Upstream) Held(mailbox string, allow func(mailbox string) error) (Identity, Credential) {
	if u.opts.OAuth2.Held() {
		return Identity{User: mailbox}, Credential{Tokens: u.tokens, Allow: allow}
	}
	id := adminFor(u.opts.Admin.Name, mailbox)
	return id, Credential{Password: u.opts.Admin.Password, Allow: allow}
}

// Credential is that of a login which the client proves itself.
func (u *Upstream) Credential(c Claim) Credential {
	if c.Token.None() && u.opts.OAuth2.SecretFromLogin {
		return Credential{Tokens: u.tokens.WithSecret(c.Password)}
	}
	return c.Credential()
}

// maxTarget bounds the name of a mailbox: an address has 254 bytes at most
// (RFC 5321 section 4.5.3.1.3 less the brackets).
const maxTarget = 254

// CheckTarget holds the name of a mailbox that is opened with what the gateway
// holds to a grammar so narrow that Exchange reads nothing else into it: ASCII
// letters, digits and some of the signs of an atom (RFC 5322 section 3.2.3),
// an @ once. Other letters are out since Active Directory takes some of them for others.
func CheckTarget(name string) error {
	local, domain, isAddress := strings.Cut(name, "@")
	switch {
	case name == "" || len(name) > maxTarget:
		return fmt.Errorf("a mailbox is named by 1 to %d bytes", maxTarget)
	case isAddress && domain == "" || local == "":
		return fmt.Errorf("mailbox %q: a part of the address is empty", name)
	case strings.ContainsFunc(local, notInTarget) || strings.ContainsFunc(domain, notInTarget):
		return fmt.Errorf("mailbox %q: it has a character other than ASCII letters, digits and ._-+'&=#$!~^{}", name)
	case name[0] == '-':
		return fmt.Errorf("mailbox %q: it begins with a hyphen", name)
	}
	for _, part := range []string{local, domain} {
		if strings.HasPrefix(part, ".") || strings.HasSuffix(part, ".") || strings.Contains(part, "..") {
			return fmt.Errorf("mailbox %q: it has a dot at an end, or two together", name)
		}
	}
	return nil
}

func notInTarget(r rune) bool {
	return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("._-+'&=#$!~^{}", r))
}
