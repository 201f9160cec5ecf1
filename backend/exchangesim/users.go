package exchangesim

import (
	"fmt"
	"strings"
)

// The organization of every simulated server: the NetBIOS and DNS names of
// its domain and its UPN suffix.
const (
	Domain    = "EXAMPLE"
	DNSDomain = "example.local"
	UPNSuffix = "example.com"
)

// User is one account with its mailbox.
type User struct {
	Name     string // the local part of its UPN
	Alias    string // mailNickname of its mailbox; "" is Name
	Password string
	// FullAccess lets the user open every mailbox, as
	// Add-MailboxPermission -AccessRights FullAccess on each would.
	FullAccess bool
	// NoMailbox is an account that has none, as admins' often are: its logins
	// fail (docs/exchange.md#login-failures).
	NoMailbox bool
}

// builtinAdministrator is the account that Exchange never lets in over IMAP
// (docs/exchange.md#login-forms).
const builtinAdministrator = "administrator"

// DefaultUsers are alice (password alicepass), bob (bobpass), and admin
// (adminpass), who has FullAccess to all.
func DefaultUsers() []User {
	return []User{
		{Name: "alice", Password: "alicepass"},
		{Name: "bob", Password: "bobpass"},
		{Name: "admin", Password: "adminpass", FullAccess: true},
	}
}

// MoreUsers returns n further users, user1 (password user1pass) and so on.
func MoreUsers(n int) []User {
	users := make([]User, 0, n)
	for i := range n {
		name := fmt.Sprintf("user%d", i+1)
		users = append(users, User{Name: name, Password: name + "pass"})
	}
	return users
}

// named is what a login names: whose password it brings, and whose mailbox is
// opened.
type named struct {
	who     string
	mailbox string // "": who's own
	alias   bool   // mailbox is an alias, not the local part of a UPN
}

// parseLogin takes apart a login name written in one of the allowed forms. ok
// is false for other spellings.
func parseLogin(name string, forms loginForms) (n named, ok bool) {
	name = strings.ToLower(name)
	if strings.Contains(name, `\`) {
		return parseParts(strings.Split(name, `\`), forms, formDomainUser, formDomainAdminUser, formAdminUPNUser)
	}
	if strings.Contains(name, "/") {
		return parseParts(strings.Split(name, "/"), forms, formSlashUser, formSlashAlias, formSlashUPN)
	}
	who, isUPN, ok := cutUPN(name)
	needed := formUser
	if isUPN {
		needed = formUPN
	}
	return named{who: who}, ok && forms&needed != 0
}

// parseParts reads the forms with a separator: a domain and its user, an admin
// by UPN and a mailbox, or a domain, an admin and a mailbox.
func parseParts(parts []string, forms, domainUser, domainAdmin, adminUPN loginForms) (n named, ok bool) {
	mailbox, isUPN, ok := cutUPN(parts[len(parts)-1])
	if !ok {
		return named{}, false
	}
	isDomain := strings.EqualFold(parts[0], Domain) || strings.EqualFold(parts[0], DNSDomain)
	switch {
	case len(parts) == 2 && isDomain:
		return named{who: mailbox}, forms&domainUser != 0
	case len(parts) == 2:
		admin, byUPN, ok := cutUPN(parts[0])
		return named{admin, mailbox, !isUPN}, ok && byUPN && forms&adminUPN != 0
	case len(parts) == 3 && isDomain:
		return named{parts[1], mailbox, !isUPN}, forms&domainAdmin != 0
	}
	return named{}, false
}

// cutUPN takes the UPN suffix off a name, if it is there.
func cutUPN(name string) (local string, isUPN, ok bool) {
	local, isUPN = strings.CutSuffix(name, "@"+UPNSuffix)
	return local, isUPN, local != "" && !strings.Contains(local, "@")
}

// parsePlain is parseLogin for SASL PLAIN (RFC 4616), whose authzid names the
// mailbox where it is there and another: by UPN or by alias (FAQ.Exchange,
// 2010 SP2).
func parsePlain(authzid, authcid string, forms loginForms) (n named, ok bool) {
	n, ok = parseLogin(authcid, forms)
	if !ok || authzid == "" || strings.EqualFold(authzid, authcid) {
		return n, ok
	}
	target, isUPN, ok := cutUPN(strings.ToLower(authzid))
	return named{n.who, target, !isUPN}, ok && n.mailbox == "" && forms&formPlainAuthzid != 0
}
