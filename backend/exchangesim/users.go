package exchangesim

import "strings"

// The organization of every simulated server: the NetBIOS and DNS names of
// its domain and its UPN suffix.
const (
	Domain    = "EXAMPLE"
	DNSDomain = "example.local"
	UPNSuffix = "example.com"
)

// User is one account with its mailbox.
type User struct {
	Name     string // also its alias and the local part of its UPN
	Password string
	// FullAccess lets the user open every mailbox, as
	// Add-MailboxPermission -AccessRights FullAccess on each would.
	FullAccess bool
}

// DefaultUsers are alice (password alicepass), bob (bobpass), and admin
// (adminpass), who has FullAccess to all.
func DefaultUsers() []User {
	return []User{
		{Name: "alice", Password: "alicepass"},
		{Name: "bob", Password: "bobpass"},
		{Name: "admin", Password: "adminpass", FullAccess: true},
	}
}

// parseLogin takes apart a login name written in one of the allowed forms:
// who logs in, and whose mailbox is opened. ok is false for other spellings.
func parseLogin(name string, forms loginForms) (who, mailbox string, ok bool) {
	domain := func(s string) bool { return strings.EqualFold(s, Domain) || strings.EqualFold(s, DNSDomain) }
	parts := strings.Split(name, `\`)
	last, isUPN := strings.CutSuffix(strings.ToLower(parts[len(parts)-1]), "@"+UPNSuffix)
	allowed := func(f loginForms) bool { return forms&f != 0 }
	if last == "" || strings.Contains(last, "@") {
		return "", "", false
	}
	switch len(parts) {
	case 1:
		return last, last, isUPN && allowed(formUPN) || !isUPN && allowed(formUser)
	case 2:
		if admin, ok := strings.CutSuffix(strings.ToLower(parts[0]), "@"+UPNSuffix); ok {
			return admin, last, allowed(formAdminUPNUser)
		}
		return last, last, domain(parts[0]) && allowed(formDomainUser)
	case 3:
		return strings.ToLower(parts[1]), last, domain(parts[0]) && allowed(formDomainAdminUser)
	}
	return "", "", false
}

// parsePlain is parseLogin for SASL PLAIN (RFC 4616), whose authzid names the
// mailbox where it is there and another.
func parsePlain(authzid, authcid string, forms loginForms) (who, mailbox string, ok bool) {
	who, mailbox, ok = parseLogin(authcid, forms)
	if !ok || authzid == "" || strings.EqualFold(authzid, authcid) {
		return who, mailbox, ok
	}
	target, same, ok := parseLogin(authzid, forms)
	return who, target, ok && target == same && who == mailbox && forms&formPlainAuthzid != 0
}
