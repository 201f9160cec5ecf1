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

// Claim has the names and the secret that a client sends in LOGIN or AUTHENTICATE. A
// LOGIN has no Authzid.
type Claim struct {
	Authcid  string // the account of the password; with a token, the mailbox
	Authzid  string // the user whose mailbox is opened (RFC 4616); "" or Authcid: the account's own
	Password Secret
	Token    Secret // of XOAUTH2 or OAUTHBEARER, instead of Password
}

// String returns the names, and stars for the secret.
func (c Claim) String() string {
	proof := stars
	if !c.Token.IsNone() {
		proof = "token " + stars
	}
	if c.Authzid == "" {
		return fmt.Sprintf("%q %s", c.Authcid, proof)
	}
	return fmt.Sprintf("%q for %q %s", c.Authcid, c.Authzid, proof)
}

// Credential returns the client's own credential.
func (c Claim) Credential() Credential {
	if !c.Token.IsNone() {
		return Credential{Tokens: OwnToken{c.Token}}
	}
	return Credential{Password: c.Password}
}

// GoString returns String, so that %#v does not show the password either.
func (c Claim) GoString() string { return c.String() }

// LogValue returns String for a log.
func (c Claim) LogValue() slog.Value { return slog.StringValue(c.String()) }

// Identity is the meaning of a Claim.
type Identity struct {
	User   string // the user whose mailbox is opened
	Admin  string // the account whose password opens it; "": the user's own
	Domain string // the Windows domain in the client's name; "" if none
	AsSent string // the name as the client sent it; "" if it sent two, by PLAIN with authzid
	Form   Form   // the form to write the login in; "": as the options say
}

// Resolve decides what a client's names mean, by the table readings. An error says
// what is wrong with the names, and the remedy. Resolve does not ask Exchange.
func (o LoginOptions) Resolve(c Claim) (Identity, error) {
	if c.Authcid == "" {
		return Identity{}, errors.New("the login name is empty")
	}
	for _, name := range []string{c.Authcid, c.Authzid} {
		if err := checkName(name); err != nil {
			return Identity{}, fmt.Errorf("the login name %.100q is not valid: %w", name, err)
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

// readings are the meanings of names, in order. The first that matches a claim
// decides.
var readings = []func(LoginOptions, Claim) (Identity, bool){
	readAuthzid,       // PLAIN with authzid: authcid is the admin
	readSeparator,     // user*admin, with a configured separator
	readThreeParts,    // domain\admin\user, domain/admin/user
	readAdminAddress,  // admin@upn\user, admin@upn/user
	readKnownDomain,   // domain\user, domain/user, with a configured domain
	readAdminAndUser,  // any other admin\user, if domains are configured
	readUserAsItComes, // user, user@domain, and every other name
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

// readAdminAddress reads the form of [MS-OXIMAP4] section 2.2.2 in which the
// delegate is named by UPN. No address has a slash or backslash after its @, so both
// separators are unambiguous.
func readAdminAddress(_ LoginOptions, c Claim) (Identity, bool) {
	for _, sep := range []string{`\`, "/"} {
		if admin, user, ok := cutPair(c.Authcid, sep); ok && strings.Contains(admin, "@") {
			return Identity{Admin: admin, User: user, AsSent: c.Authcid}, true
		}
	}
	return Identity{}, false
}

// readKnownDomain also accepts the slash, which clients of Exchange 2003 use.
func readKnownDomain(o LoginOptions, c Claim) (Identity, bool) {
	for _, sep := range []string{`\`, "/"} {
		if domain, user, ok := cutPair(c.Authcid, sep); ok && o.isDomain(domain) {
			return Identity{Domain: domain, User: user, AsSent: c.Authcid}, true
		}
	}
	return Identity{}, false
}

// readAdminAndUser needs a configured domain. Without one, the first part is more
// likely a domain that nobody has configured. It does not accept a slash, which may
// be part of a user's name.
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

// adminFor returns the identity of an admin, written admin or domain\admin, for a
// user's mailbox.
func adminFor(admin, user string) Identity {
	if domain, name, ok := cutPair(admin, `\`); ok {
		return Identity{Domain: domain, Admin: name, User: user}
	}
	return Identity{Admin: admin, User: user}
}

// cutPair splits a name at sep. ok reports whether it has exactly two parts, neither
// of them empty.
func cutPair(name, sep string) (first, second string, ok bool) {
	first, second, _ = strings.Cut(name, sep)
	return first, second, first != "" && second != "" && !strings.Contains(second, sep)
}

// isDomain reports whether name is one of the configured spellings of the domain.
func (o LoginOptions) isDomain(name string) bool {
	return (o.UPN != "" && strings.EqualFold(name, o.UPN)) || containsFold(o.Domains, name)
}

func containsFold(list []string, name string) bool {
	return slices.ContainsFunc(list, func(s string) bool { return strings.EqualFold(s, name) })
}

// maxName is the maximum length of a login name in bytes. Domain, admin and user of
// 254 bytes each are below it. It also bounds what exgate remembers by name.
const maxName = 1024

// checkName returns an error for a name that no Windows account can have, or that
// could break the line in which it is sent upstream.
func checkName(name string) error {
	if strings.ContainsFunc(name, unicode.IsControl) {
		return errors.New("it contains a control character, such as NUL, CR, LF or TAB")
	}
	parts := strings.Split(name, `\`)
	switch {
	case len(name) > maxName:
		return fmt.Errorf("it has more than %d bytes", maxName)
	case len(parts) > 3:
		return fmt.Errorf(
			`it has %d backslashes: write domain\admin\user, admin@domain\user or domain\user`,
			len(parts)-1,
		)
	case len(parts) > 1 && slices.Contains(parts, ""):
		return errors.New(`a part before, between or after its backslashes is empty: ` +
			`write domain\admin\user, admin@domain\user or domain\user`)
	}
	return nil
}

// IsBuiltinAdministrator reports whether the admin is the account that Exchange
// never accepts over IMAP (docs/exchange.md#login-forms;
// imapsync#136).
func (id Identity) IsBuiltinAdministrator() bool {
	return strings.EqualFold(localPart(id.Admin), "Administrator")
}

// barred returns the refusal of the built-in Administrator.
func barred(id Identity) error {
	return refusedHere("login as %q: Exchange never accepts the built-in Administrator over IMAP, and each attempt "+
		"counts towards its lock-out: use another admin account that has its own mailbox, and FullAccess on this one",
		id.Admin)
}

// localPart returns the part of an address before the @, or the whole name if it has
// none.
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
	if id.Admin != "" || o.isDomain(domain) ||
		len(o.inForms(append([]Form{id.Form}, o.Forms...), Identity{User: name})) > 0 {
		return localPart(name)
	}
	return name
}
