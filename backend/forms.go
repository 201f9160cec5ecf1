package backend

import (
	"cmp"
	"slices"
	"strings"
)

// Attempt is one way to present a login upstream. Its password is sent as its
// bytes need: quoted, as a literal, or by PLAIN.
type Attempt struct {
	Form      Form
	Spelling  string // of the domain or UPN suffix in it; "" if it has none
	Mechanism string // one of the constants below
	Authcid   string // name of the account whose password is sent; the mailbox that a token opens
	Authzid   string // RFC 4616; only by PLAIN
	// Mailbox names the mailbox wanted in the very string that goes upstream;
	// "" in the name as a client sent it, of which that cannot be told.
	Mailbox string
}

// The mechanisms of a form. A name for LOGIN can as well be the authcid of
// PLAIN without an authzid, where the server or the password asks for that.
const (
	MechanismLogin = "LOGIN"
	MechanismPlain = "PLAIN"
	MechanismToken = "XOAUTH2" // or OAUTHBEARER, where only that is offered
)

// formRow is one way to write a login; its strings are templates.
type formRow struct {
	name      Form
	authcid   string
	authzid   string
	mailbox   string // as Exchange reads it out of the others
	mechanism string
	use       formUse
}

// formTable says how each form is written (docs/exchange.md#login-forms).
//
//	{as-sent}  the name as the client sent it
//	{user}     the user before his @
//	{mailbox}  the mailbox wanted: its alias where the map has one, else the
//	           name whole, since cut short it could name another's
//	{alias}    the same, but cut at the @: Exchange 2000 and 2003 look up
//	           nothing but aliases
//	{admin}    the admin's name, before its @
//	{login}    the admin as the client named him, with his domain if he did
//	{domain}   the domain, in each of its configured spellings
//	{upn}      the UPN suffix
//	{address}  the user with his UPN suffix: what Exchange Online takes with a
//	           token, which is the admin's or the application's
var formTable = []formRow{
	{FormAsSent, `{as-sent}`, ``, ``, MechanismLogin, anyLogin},
	{FormUser, `{user}`, ``, `{user}`, MechanismLogin, ownLogin},
	{FormUserUPN, `{user}@{upn}`, ``, `{user}@{upn}`, MechanismLogin, ownLogin},
	{FormDomainUser, `{domain}\{user}`, ``, `{user}`, MechanismLogin, ownLogin},
	{FormDomainUserAlias, `{domain}/{user}/{alias}`, ``, `{alias}`, MechanismLogin, ownLogin},
	{FormDomainAdminUser, `{domain}\{admin}\{mailbox}`, ``, `{mailbox}`, MechanismLogin, adminLogin},
	{FormAdminUPNUser, `{admin}@{upn}\{mailbox}`, ``, `{mailbox}`, MechanismLogin, adminLogin},
	{FormDomainAdminAlias, `{domain}/{admin}/{alias}`, ``, `{alias}`, MechanismLogin, adminLogin},
	{FormAdminUPNAlias, `{admin}@{upn}/{alias}`, ``, `{alias}`, MechanismLogin, adminLogin},
	{FormPlainAuthzid, `{login}`, `{mailbox}`, `{mailbox}`, MechanismPlain, adminLogin},
	{FormToken, `{address}`, ``, `{address}`, MechanismToken, tokenLogin},
}

// formUse says whose logins a form is for.
type formUse int

const (
	anyLogin   formUse = iota
	ownLogin           // a user's, to his own mailbox
	adminLogin         // an admin's, to a user's mailbox
	tokenLogin         // anybody's with a token
)

// suits tells whether a form is for logins of id with a password.
func (u formUse) suits(id Identity) bool {
	switch u {
	case ownLogin:
		return id.Admin == ""
	case adminLogin:
		return id.Admin != ""
	}
	return u == anyLogin
}

// ForAdmins tells whether any of the forms is for logins of an admin.
func ForAdmins(forms []Form) bool {
	return slices.ContainsFunc(formTable, func(row formRow) bool {
		return (row.use == adminLogin || row.use == anyLogin) && slices.Contains(forms, row.name)
	})
}

// Attempts returns the ways to present id, in the order in which they are to
// be tried; the caller stops at MaxFailures. The forms are those of o.Forms
// that suit id, else the profile's; those that need what is not known are left
// out. There is always one: where no form suits, the names go on as they came.
//
// A user's own login is presented as he sent it, unless o.Forms names one of
// the forms for it: it never walks those of an admin. An admin's name that
// came while nothing is configured is sent on as it came first, since nothing
// says that it should be written otherwise.
func (o LoginOptions) Attempts(id Identity, profile []Form) []Attempt {
	if id.Form != "" {
		o.Forms = []Form{id.Form}
	}
	attempts := o.inForms(o.Forms, id)
	if len(attempts) == 0 && id.Admin != "" {
		if len(o.Domains) == 0 && o.UPN == "" {
			profile = append([]Form{FormAsSent}, profile...)
		}
		attempts = o.inForms(profile, id)
	}
	if len(attempts) == 0 {
		attempts = o.inForms([]Form{FormAsSent, FormPlainAuthzid}, id)[:1]
	}
	return attempts
}

// inForms returns the attempts that the forms give for id, one for each
// spelling of what they name.
func (o LoginOptions) inForms(forms []Form, id Identity) []Attempt {
	var attempts []Attempt
	for _, form := range forms {
		for _, row := range formTable {
			if row.name != form || !row.use.suits(id) {
				continue
			}
			for _, spelling := range o.spellings(row.authcid, id) {
				if a, ok := o.write(row, id, spelling); ok && !slices.ContainsFunc(attempts, a.same) {
					attempts = append(attempts, a)
				}
			}
		}
	}
	return attempts
}

// TokenAttempt returns the way to present id with a token. There is one.
func (o LoginOptions) TokenAttempt(id Identity) Attempt {
	for _, row := range formTable {
		if row.use == tokenLogin {
			a, _ := o.write(row, id, "")
			return a
		}
	}
	panic("backend: no form for tokens")
}

// write fills in a row of the table; false if that cannot be.
func (o LoginOptions) write(row formRow, id Identity, spelling string) (Attempt, bool) {
	authcid, ok := o.expand(row.authcid, id, spelling)
	authzid, ok2 := o.expand(row.authzid, id, spelling)
	mailbox, ok3 := o.expand(row.mailbox, id, spelling)
	a := Attempt{Form: row.name, Spelling: spelling, Mechanism: row.mechanism, Authcid: authcid, Authzid: authzid, Mailbox: mailbox}
	return a, ok && ok2 && ok3
}

// spellings returns the values that a template's {domain} or {upn} takes.
func (o LoginOptions) spellings(template string, id Identity) []string {
	switch {
	case strings.Contains(template, "{domain}"):
		return o.domains(id)
	case strings.Contains(template, "{upn}"):
		return o.upns(id)
	}
	return []string{""}
}

// same tells whether b would say the same to Exchange.
func (a Attempt) same(b Attempt) bool {
	return a.Mechanism == b.Mechanism && a.Authcid == b.Authcid && a.Authzid == b.Authzid
}

// expand fills in a template; false if a part of it is not known. A value that
// has the template's own separator in it fits nowhere: domain\user is no user.
func (o LoginOptions) expand(template string, id Identity, spelling string) (string, bool) {
	login := id.Admin
	if id.Domain != "" {
		login = id.Domain + `\` + id.Admin
	}
	type part struct{ name, value string }
	values := []part{
		{"{as-sent}", id.AsSent},
		{"{user}", localPart(id.User)},
		{"{mailbox}", o.mailbox(id)},
		{"{alias}", localPart(o.mailbox(id))},
		{"{admin}", localPart(id.Admin)},
		{"{login}", login},
		{"{domain}", spelling},
		{"{upn}", spelling},
		{"{address}", o.address(id.User)},
	}
	var out strings.Builder
	for rest := template; ; {
		start := strings.IndexByte(rest, '{')
		if start < 0 {
			out.WriteString(rest)
			return out.String(), true
		}
		out.WriteString(rest[:start])
		rest = rest[start:]
		i := slices.IndexFunc(values, func(v part) bool { return strings.HasPrefix(rest, v.name) })
		if i < 0 { // a brace that stands for itself
			out.WriteByte('{')
			rest = rest[1:]
			continue
		}
		if value := values[i].value; value == "" || bothHave(template, value, `\`) || bothHave(template, value, "/") {
			return "", false
		}
		out.WriteString(values[i].value)
		rest = rest[len(values[i].name):]
	}
}

func bothHave(a, b, separator string) bool {
	return strings.Contains(a, separator) && strings.Contains(b, separator)
}

// address is a user with a UPN suffix, if it is known.
func (o LoginOptions) address(user string) string {
	if o.UPN == "" || strings.Contains(user, "@") {
		return user
	}
	return user + "@" + o.UPN
}

// mailbox is how the mailbox of id is called in an admin's login.
func (o LoginOptions) mailbox(id Identity) string {
	for _, a := range o.Aliases {
		if strings.EqualFold(a.User, id.User) {
			return a.Alias
		}
	}
	return id.User
}

// domains returns the spellings of the domain that id is in: the client's own
// first, and no other unless it is one of those configured, since the same
// name in another domain is another account. An admin named by his address is
// sure only with his own UPN suffix.
func (o LoginOptions) domains(id Identity) []string {
	switch {
	case id.Domain == "" && strings.Contains(id.Admin, "@"):
		return nil
	case id.Domain == "":
		return o.Domains
	case !o.isDomain(id.Domain):
		return []string{id.Domain}
	}
	spellings := []string{id.Domain}
	for _, d := range o.Domains {
		if !containsFold(spellings, d) {
			spellings = append(spellings, d)
		}
	}
	return spellings
}

// upns returns the UPN suffix of who logs in: his own if his name has one, else
// the configured one, else the DNS spelling of the domain.
func (o LoginOptions) upns(id Identity) []string {
	who := cmp.Or(id.Admin, id.User)
	if local := localPart(who); local != who {
		return []string{who[len(local)+1:]}
	}
	if o.UPN != "" && (id.Domain == "" || o.isDomain(id.Domain)) {
		return []string{o.UPN}
	}
	for _, d := range o.domains(id) {
		if strings.Contains(d, ".") {
			return []string{d}
		}
	}
	return nil
}
