package knowledge

import (
	"bytes"
	"cmp"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"exgate/backend"
)

// Names are what the lines of an entry are filled in with. What is not known
// is "".
type Names struct {
	User   string `json:"user,omitempty"`   // whose mailbox
	Admin  string `json:"admin,omitempty"`  // whose password opens it
	Server string `json:"server,omitempty"` // Exchange's own name of the server
	Domain string `json:"domain,omitempty"` // Windows domain
}

// Or returns n, with the names of other where n has none.
func (n Names) Or(other Names) Names {
	return Names{
		User:   cmp.Or(n.User, other.User),
		Admin:  cmp.Or(n.Admin, other.Admin),
		Server: cmp.Or(n.Server, other.Server),
		Domain: cmp.Or(n.Domain, other.Domain),
	}
}

// With returns the entry with the names filled in. In a PowerShell line a name
// becomes a string in single quotes; one that is not known stands there as
// <user>, which no command takes for a name.
func (e Entry) With(n Names) Entry {
	powershell, plain := n.replacer(quotePowerShell), n.replacer(func(s string) string { return s })
	causes := make([]Cause, len(e.Causes))
	for i, cause := range e.Causes {
		cause.PowerShell = replaceAll(powershell, cause.PowerShell)
		cause.Lines = replaceAll(plain, cause.Lines)
		causes[i] = cause
	}
	e.Causes = causes
	return e
}

func (n Names) replacer(quote func(string) string) *strings.Replacer {
	return strings.NewReplacer(
		"{user}", quote(cmp.Or(n.User, "<user>")),
		"{admin}", quote(cmp.Or(n.Admin, "<admin>")),
		"{server}", quote(cmp.Or(n.Server, "<server>")),
		"{domain}", quote(cmp.Or(n.Domain, "<domain>")))
}

func replaceAll(r *strings.Replacer, lines []string) []string {
	var replaced []string
	for _, line := range lines {
		replaced = append(replaced, r.Replace(line))
	}
	return replaced
}

// quotePowerShell writes a string that PowerShell takes as it is. In single
// quotes nothing is expanded; PowerShell takes the typographic ones for single
// quotes as well, and each of them is doubled (about_Quoting_Rules).
func quotePowerShell(s string) string {
	var b strings.Builder
	b.WriteByte('\'')
	for _, r := range s {
		if strings.ContainsRune("'\u2018\u2019\u201a\u201b", r) {
			b.WriteRune(r)
		}
		b.WriteRune(r)
	}
	b.WriteByte('\'')
	return b.String()
}

// maxName bounds a name. It is the length in bytes of the longest address (RFC 5321
// section 4.5.3.1).
const maxName = 320

// IsValidName reports whether s can be the name of an account or a server: names
// from pasted text are printed into lines that somebody will run.
func IsValidName(s string) bool {
	return s != "" && len(s) <= maxName && utf8.ValidString(s) &&
		!strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

// What imapsync says of the names it logs in with.
var (
	loginMech  = regexp.MustCompile(`^Host[12] info: authmech \[[^\]]*\] user \[([^\]]+)\] authuser \[([^\]]*)\]`)
	loginNames = regexp.MustCompile(`Host[12].* with user \[([^\]]+)\]`)
)

// maxNameLine bounds how much of a line is searched for names, in bytes.
const maxNameLine = 2048

// nameFinder looks for names in the lines of a text. The zero value is ready.
type nameFinder struct {
	line   []byte
	admins map[string]string // by the user that imapsync says them with
	failed string            // user of the first failed login
	users  []string          // all that were named, at most two
}

func (f *nameFinder) add(c rune) {
	switch {
	case c == '\n':
		if bytes.Contains(f.line, []byte("user [")) {
			f.read(string(f.line))
		}
		f.line = f.line[:0]
	case len(f.line) < maxNameLine:
		f.line = utf8.AppendRune(f.line, c)
	}
}

func (f *nameFinder) read(line string) {
	if m := loginMech.FindStringSubmatch(line); m != nil && m[2] != "" && len(f.admins) < 2 {
		if f.admins == nil {
			f.admins = map[string]string{}
		}
		f.admins[m[1]] = m[2]
	}
	m := loginNames.FindStringSubmatch(line)
	if m == nil {
		return
	}
	if f.failed == "" && strings.Contains(line, "failure: ") {
		f.failed = m[1]
	}
	if len(f.users) < 2 && !(len(f.users) == 1 && f.users[0] == m[1]) {
		f.users = append(f.users, m[1])
	}
}

// names returns those of the failed login, else of the only user in the text: of
// two, nothing says which one is at Exchange.
func (f *nameFinder) names() Names {
	user := f.failed
	if user == "" && len(f.users) == 1 {
		user = f.users[0]
	}
	claim := backend.Claim{Authcid: user}
	if admin := f.admins[user]; admin != "" {
		claim = backend.Claim{Authcid: admin, Authzid: user}
	}
	id, err := backend.LoginOptions{}.Resolve(claim)
	if err != nil || id.IsBuiltinAdministrator() {
		return Names{} // no name at all, or one whose rights nothing can mend
	}
	var n Names
	for _, part := range []struct {
		to   *string
		name string
	}{{&n.User, id.User}, {&n.Admin, id.Admin}, {&n.Domain, id.Domain}} {
		if IsValidName(part.name) {
			*part.to = part.name
		}
	}
	return n
}
