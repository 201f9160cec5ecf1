package backend

import (
	"cmp"
	"slices"
	"strings"
)

// Attempt is one way to send a login upstream. The password is sent as its characters
// need: quoted, as a literal, or by PLAIN.
type Attempt struct {
	Form      Form
	Spelling  string // the spelling of the domain or UPN suffix; "" if it has none
	Mechanism string // one of the constants below
	Authcid   string // the account of the password; with a token, the mailbox
	Authzid   string // RFC 4616; only with PLAIN
	// Mailbox is the exact string upstream that names the mailbox; "" if the name goes
	// on as the client sent it, because its mailbox is then not known.
	Mailbox string
}

// These are the mechanisms of a form. A name for LOGIN can also be the authcid of
// PLAIN without an authzid, if the server or the password needs PLAIN.
const (
	MechanismLogin = "LOGIN"
	MechanismPlain = "PLAIN"
	MechanismToken = "XOAUTH2" // or OAUTHBEARER, where only that is offered
)

// formRow is one form of a login. Its strings are templates.
type formRow struct {
	name      Form
	authcid   string
	authzid   string
	mailbox   string // the mailbox that Exchange reads from the others
	mechanism string
	use       formUse
}

// formTable says how each form is written (docs/exchange.md#login-forms).
//
//	{as-sent}  the name as the client sent it
//	{user}     the user's name before the @
//	{mailbox}  the mailbox wanted: its alias where the map has one, else the
//	           name whole, since cut short it could name another's
//	{alias}    the same, but cut at the @: Exchange 2000 and 2003 look up
//	           nothing but aliases
//	{admin}    the admin's name, before its @
//	{login}    the admin's name from the client, with the domain if it has one
//	{domain}   the domain, in each of its configured spellings
//	{upn}      the UPN suffix
//	{address}  the user with the UPN suffix: what Exchange Online takes with a
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

// formUse says for which logins a form is suitable.
type formUse int

const (
	anyLogin   formUse = iota
	ownLogin           // a user's login to the user's own mailbox
	adminLogin         // an admin's, to a user's mailbox
	tokenLogin         // anybody's with a token
)

// suits reports whether a form is suitable for a login of id with a password.
func (u formUse) suits(id Identity) bool {
	switch u {
	case ownLogin:
		return id.Admin == ""
	case adminLogin:
		return id.Admin != ""
	}
	return u == anyLogin
}

// IsForAdmins reports whether any of the forms is suitable for an admin's login.
func IsForAdmins(forms []Form) bool {
	return slices.ContainsFunc(formTable, func(row formRow) bool {
		return (row.use == adminLogin || row.use == anyLogin) && slices.Contains(forms, row.name)
	})
}

// Attempts returns the ways to send a login of id, in order. The caller stops at
// MaxFailures. It uses the forms of o.Forms that suit id, or else the profile's. It
// leaves out forms that need unknown names. There is always at least one attempt: if
// no form suits, the names go on as the client sent them.
//
// A user's own login goes on as the client sent it, unless o.Forms has a form for it.
// It never uses the forms of an admin. If no domain or UPN suffix is configured, an
// admin's name is first tried as the client sent it, because nothing says how to
// rewrite it.
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

// inForms returns the attempts for id in the given forms, one for each spelling of
// the domain or UPN suffix.
func (o LoginOptions) inForms(forms []Form, id Identity) []Attempt {
	var attempts []Attempt
	for _, form := range forms {
		for _, row := range formTable {
			if row.name != form || !row.use.suits(id) {
				continue
			}
			for _, spelling := range o.spellings(row.authcid, id) {
				if a, ok := o.write(row, id, spelling); ok && !slices.ContainsFunc(attempts, a.isSame) {
					attempts = append(attempts, a)
				}
			}
		}
	}
	return attempts
}

// TokenAttempt returns the only way to send a login of id with a token.
func (o LoginOptions) TokenAttempt(id Identity) Attempt {
	for _, row := range formTable {
		if row.use == tokenLogin {
			a, _ := o.write(row, id, "")
			return a
		}
	}
	panic("backend: no form for tokens")
}

// write fills in the templates of a row. It returns false if a name is not known.
func (o LoginOptions) write(row formRow, id Identity, spelling string) (Attempt, bool) {
	authcid, ok := o.expand(row.authcid, id, spelling)
	authzid, ok2 := o.expand(row.authzid, id, spelling)
	mailbox, ok3 := o.expand(row.mailbox, id, spelling)
	a := Attempt{
		Form:      row.name,
		Spelling:  spelling,
		Mechanism: row.mechanism,
		Authcid:   authcid,
		Authzid:   authzid,
		Mailbox:   mailbox,
	}
	return a, ok && ok2 && ok3
}

// spellings returns the values for a template's {domain} or {upn}.
func (o LoginOptions) spellings(template string, id Identity) []string {
	switch {
	case strings.Contains(template, "{domain}"):
		return o.domains(id)
	case strings.Contains(template, "{upn}"):
		return o.upns(id)
	}
	return []string{""}
}

// isSame reports whether b sends the same names to Exchange.
func (a Attempt) isSame(b Attempt) bool {
	return a.Mechanism == b.Mechanism && a.Authcid == b.Authcid && a.Authzid == b.Authzid
}

// expand fills in a template. It returns false if a part is not known, or if a value
// contains the template's own separator, such as domain\user in place of a user.
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

// address returns a user's name with the UPN suffix, if the suffix is known.
func (o LoginOptions) address(user string) string {
	if o.UPN == "" || strings.Contains(user, "@") {
		return user
	}
	return user + "@" + o.UPN
}

// mailbox returns the name of id's mailbox in an admin's login.
func (o LoginOptions) mailbox(id Identity) string {
	for _, a := range o.Aliases {
		if strings.EqualFold(a.User, id.User) {
			return a.Alias
		}
	}
	return id.User
}

// domains returns the spellings of id's domain. The client's own spelling comes first.
// The configured spellings follow only if the client's is one of them, because the
// same name in another domain is another account. An admin who is named by an address
// is unambiguous only with that address's UPN suffix.
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

// upns returns the UPN suffix of the account that logs in: the suffix in its name, else
// the configured suffix, else the DNS name of the domain.
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
