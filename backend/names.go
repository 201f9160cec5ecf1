package backend

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"unicode"
)

// Claim is what a client says about itself in LOGIN or AUTHENTICATE. A LOGIN
// has no Authzid.
type Claim struct {
	Authcid  string // whose password it is; the mailbox that Token opens
	Authzid  string // whose mailbox is wanted, RFC 4616; "" or the same: his own
	Password Secret
	Token    Secret // of XOAUTH2 or OAUTHBEARER, in place of Password
}

// String shows the names, and stars for the secret.
func (c Claim) String() string {
	proof := stars
	if !c.Token.None() {
		proof = "token " + stars
	}
	if c.Authzid == "" {
		return fmt.Sprintf("%q %s", c.Authcid, proof)
	}
	return fmt.Sprintf("%q for %q %s", c.Authcid, c.Authzid, proof)
}

// Credential is the client's own.
func (c Claim) Credential() Credential {
	if !c.Token.None() {
		return Credential{Tokens: OwnToken{c.Token}}
	}
	return Credential{Password: c.Password}
}

// GoString is String, so that %#v does not show the password either.
func (c Claim) GoString() string { return c.String() }

// LogValue is String for a log.
func (c Claim) LogValue() slog.Value { return slog.StringValue(c.String()) }

// Identity is what a Claim means.
type Identity struct {
	User   string // whose mailbox is opened
	Admin  string // whose password opens it; "": the user's own
	Domain string // Windows domain named by the client; "" if none
	AsSent string // the name as it came; "" where it came as two, by PLAIN authzid
	Form   Form   // how it is to be written; "": as the options say
}

// Resolve decides what a client's names mean, by the table readings. An error
// says what is wrong with them and what to do; nothing has then been asked of
// Exchange.
func (o LoginOptions) Resolve(c Claim) (Identity, error) {
	if c.Authcid == "" {
		return Identity{}, errors.New("login name: it is empty")
	}
	for _, name := range []string{c.Authcid, c.Authzid} {
		if err := checkName(name); err != nil {
			return Identity{}, fmt.Errorf("login name %q: %w", name, err)
		}
	}
	for _, read := range readings {
		id, ok := read(o, c)
		if !ok {
			continue
		}
		return id, nil
	}
	panic("backend: no reading for a login name") // the last row reads every name
}

// readings is the table of what names mean: the first that can read a claim
// decides.
var readings = []func(LoginOptions, Claim) (Identity, bool){
	readAuthzid,       // PLAIN with authzid: authcid is the admin
	readSeparator,     // user*admin, by a configured separator
	readThreeParts,    // domain\admin\user, domain/admin/user
	readAdminAddress,  // admin@upn\user, admin@upn/user
	readKnownDomain,   // domain\user, domain/user: a configured domain
	readAdminAndUser,  // admin\user: any other, if domains are configured
	readUserAsItComes, // user, user@domain, and what was not understood
}

func readAuthzid(o LoginOptions, c Claim) (Identity, bool) {
	if c.Authzid == "" || strings.EqualFold(c.Authzid, c.Authcid) {
		return Identity{}, false
	}
	id := adminFor(c.Authcid, c.Authzid)
	if domain, user, ok := cutPair(id.User, `\`); ok && o.isDomain(domain) {
		id.User = user
		if id.Domain == "" {
			id.Domain = domain
		}
	}
	return id, true
}

func readSeparator(o LoginOptions, c Claim) (Identity, bool) {
	if o.Separator == "" {
		return Identity{}, false
	}
	i := strings.LastIndex(c.Authcid, o.Separator)
	if i <= 0 || i+len(o.Separator) == len(c.Authcid) {
		return Identity{}, false
	}
	id := adminFor(c.Authcid[i+len(o.Separator):], c.Authcid[:i])
	id.AsSent = c.Authcid
	return id, true
}

func readThreeParts(_ LoginOptions, c Claim) (Identity, bool) {
	for _, sep := range []string{`\`, "/"} {
		parts := strings.Split(c.Authcid, sep)
		if len(parts) == 3 && !slices.Contains(parts, "") {
			return Identity{Domain: parts[0], Admin: parts[1], User: parts[2], AsSent: c.Authcid}, true
		}
	}
	return Identity{}, false
}

// readAdminAddress reads [MS-OXIMAP4] section 2.2.2 with the delegate named by
// UPN. No address has a slash after its @, so both separators are sure signs.
func readAdminAddress(_ LoginOptions, c Claim) (Identity, bool) {
	for _, sep := range []string{`\`, "/"} {
		if admin, user, ok := cutPair(c.Authcid, sep); ok && strings.Contains(admin, "@") {
			return Identity{Admin: admin, User: user, AsSent: c.Authcid}, true
		}
	}
	return Identity{}, false
}

// readKnownDomain takes the slash, too, which Exchange 2003 was written with.
func readKnownDomain(o LoginOptions, c Claim) (Identity, bool) {
	for _, sep := range []string{`\`, "/"} {
		if domain, user, ok := cutPair(c.Authcid, sep); ok && o.isDomain(domain) {
			return Identity{Domain: domain, User: user, AsSent: c.Authcid}, true
		}
	}
	return Identity{}, false
}

// readAdminAndUser needs a configured domain: without one, the first part is
// more likely the domain that nobody has configured. A slash may be part of a
// user's name and says nothing.
func readAdminAndUser(o LoginOptions, c Claim) (Identity, bool) {
	admin, user, ok := cutPair(c.Authcid, `\`)
	if !ok || (len(o.Domains) == 0 && o.UPN == "") {
		return Identity{}, false
	}
	return Identity{Admin: admin, User: user, AsSent: c.Authcid}, true
}

func readUserAsItComes(_ LoginOptions, c Claim) (Identity, bool) {
	return Identity{User: c.Authcid, AsSent: c.Authcid}, true
}

// adminFor is the identity of admin, who may be written domain\admin, for user.
func adminFor(admin, user string) Identity {
	if domain, name, ok := cutPair(admin, `\`); ok {
		return Identity{Domain: domain, Admin: name, User: user}
	}
	return Identity{Admin: admin, User: user}
}

// cutPair splits a name at sep if it has exactly two parts, neither empty.
func cutPair(name, sep string) (first, second string, ok bool) {
	first, second, _ = strings.Cut(name, sep)
	return first, second, first != "" && second != "" && !strings.Contains(second, sep)
}

// isDomain tells whether name is one of the configured spellings.
func (o LoginOptions) isDomain(name string) bool {
	return (o.UPN != "" && strings.EqualFold(name, o.UPN)) || containsFold(o.Domains, name)
}

func containsFold(list []string, name string) bool {
	return slices.ContainsFunc(list, func(s string) bool { return strings.EqualFold(s, name) })
}

// checkName refuses what no Windows account is called and what could break the
// line that carries it upstream.
func checkName(name string) error {
	if strings.ContainsFunc(name, unicode.IsControl) {
		return errors.New("it has a control character (NUL, CR, LF, TAB or the like), which no account name has")
	}
	parts := strings.Split(name, `\`)
	switch {
	case len(parts) > 3:
		return fmt.Errorf(`it has %d backslashes: write domain\admin\user, admin@domain\user or domain\user`, len(parts)-1)
	case len(parts) > 1 && slices.Contains(parts, ""):
		return errors.New(`a part before, between or after its backslashes is empty: write domain\admin\user, admin@domain\user or domain\user`)
	}
	return nil
}

// BuiltinAdministrator tells whether the admin is the account that Exchange
// bars from IMAP under all circumstances (docs/exchange.md#login-forms;
// imapsync#136).
func (id Identity) BuiltinAdministrator() bool {
	return strings.EqualFold(localPart(id.Admin), "Administrator")
}

// barred is the refusal of the built-in Administrator before an Exchange.
func barred(id Identity) error {
	return refusedHere("login as %q: Exchange never lets the built-in Administrator in over IMAP, "+
		"and each try counts toward its lock-out: use another admin account, which has a mailbox of its own and FullAccess on this one", id.Admin)
}

// localPart is what stands before the @ of an address, or all of a name
// without one.
func localPart(name string) string {
	if i := strings.LastIndexByte(name, '@'); i > 0 {
		return name[:i]
	}
	return name
}

// Account is the name of the account whose password a login tries, in lower
// case and in one spelling of all those that reach it, so that its failures can
// be counted together. Of an admin the domain is left out, since the forms of
// an admin's login put a configured one in its place (formTable). A user's
// domain is left out where it is a configured one, or where a form for users
// puts one in its place.
func (o LoginOptions) Account(id Identity) string {
	name := cmp.Or(id.Admin, id.User)
	name = strings.ToLower(name[strings.LastIndexByte(name, '\\')+1:])
	_, domain, _ := strings.Cut(name, "@")
	if id.Admin != "" || o.isDomain(domain) || len(o.inForms(append([]Form{id.Form}, o.Forms...), Identity{User: name})) > 0 {
		return localPart(name)
	}
	return name
}
