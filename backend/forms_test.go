package backend

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// The orders of the profile table, docs/design.md#profiles.
var (
	order2003   = []Form{FormDomainAdminAlias, FormDomainAdminUser}
	order2016   = []Form{FormPlainAuthzid, FormDomainAdminUser, FormAdminUPNUser}
	order2019   = []Form{FormDomainAdminUser, FormAdminUPNUser, FormPlainAuthzid}
	orderOnline = []Form{FormAdminUPNUser}
	orderPlain  = []Form{FormPlainAuthzid}
)

// shown writes attempts as "LOGIN name" or "PLAIN authcid for authzid".
func shown(attempts []Attempt) []string {
	var list []string
	for _, a := range attempts {
		s := a.Mechanism + " " + a.Authcid
		if a.Authzid != "" {
			s += " for " + a.Authzid
		}
		list = append(list, s)
	}
	return list
}

func TestAttempts(t *testing.T) {
	with := func(forms ...Form) LoginOptions {
		o := configured
		o.Forms = forms
		return o
	}
	aliased := configured
	aliased.Aliases = []Alias{{User: "Carol@example.com", Alias: "cc"}}
	aliasedOwn := aliased
	aliasedOwn.Forms = []Form{FormDomainUserAlias, FormUserUPN}
	noUPN := LoginOptions{Domains: []string{"EXAMPLE", "example.local"}}
	tests := []struct {
		name    string
		opts    LoginOptions
		profile []Form
		claim   Claim
		want    []string
	}{
		{"own login, as it came", configured, order2016, Claim{Authcid: "bob"}, []string{"LOGIN bob"}},
		{"own login with domain, as it came", configured, order2019, Claim{Authcid: `EXAMPLE\bob`}, []string{`LOGIN EXAMPLE\bob`}},
		{"own login, a form named", with(FormDomainUser), order2016, Claim{Authcid: "bob@example.com"},
			[]string{`LOGIN EXAMPLE\bob`, `LOGIN example.local\bob`}},
		{"own login, forms named in order", with(FormAsSent, FormUser), order2016, Claim{Authcid: "bob@example.com"},
			[]string{"LOGIN bob@example.com", "LOGIN bob"}},
		{"own login, the same twice", with(FormAsSent, FormUser), order2016, Claim{Authcid: "bob"}, []string{"LOGIN bob"}},
		{"own login, client's domain", with(FormUser), order2016, Claim{Authcid: `EXAMPLE\bob`}, []string{"LOGIN bob"}},
		{"own login, client's spelling first", with(FormDomainUser), order2016, Claim{Authcid: `example.local\bob`},
			[]string{`LOGIN example.local\bob`, `LOGIN EXAMPLE\bob`}},
		{"own login, only an admin's form named", with(FormPlainAuthzid), order2016, Claim{Authcid: "bob"}, []string{"LOGIN bob"}},
		{"own login, nothing configured", LoginOptions{}, order2016, Claim{Authcid: `EX\bob`}, []string{`LOGIN EX\bob`}},
		{"admin, 2016", configured, order2016, Claim{Authcid: "admin", Authzid: "bob"},
			[]string{"PLAIN admin for bob", `LOGIN EXAMPLE\admin\bob`, `LOGIN example.local\admin\bob`, `LOGIN admin@example.com\bob`}},
		{"admin, 2019", configured, order2019, Claim{Authcid: `EXAMPLE\admin\bob`},
			[]string{`LOGIN EXAMPLE\admin\bob`, `LOGIN example.local\admin\bob`, `LOGIN admin@example.com\bob`, `PLAIN EXAMPLE\admin for bob`}},
		{"admin, online", configured, orderOnline, Claim{Authcid: `admin\bob`}, []string{`LOGIN admin@example.com\bob`}},
		{"admin, DNS domain for the UPN suffix", noUPN, orderOnline, Claim{Authcid: `admin\bob`}, []string{`LOGIN admin@example.local\bob`}},
		{"admin by address keeps his suffix", configured, order2019, Claim{Authcid: `adm@other.org\bob`},
			[]string{`LOGIN adm@other.org\bob`, "PLAIN adm@other.org for bob"}},
		{"addresses on both sides (FAQ.Exchange, 2016)", configured, order2016, Claim{Authcid: "adm@example.com", Authzid: "bob@example.com"},
			[]string{"PLAIN adm@example.com for bob@example.com", `LOGIN adm@example.com\bob@example.com`}},
		{"the user's address is not cut", configured, order2019, Claim{Authcid: `EXAMPLE\admin\bob@example.com`},
			[]string{`LOGIN EXAMPLE\admin\bob@example.com`, `LOGIN example.local\admin\bob@example.com`,
				`LOGIN admin@example.com\bob@example.com`, `PLAIN EXAMPLE\admin for bob@example.com`}},
		{"another domain than the configured: no other admin is tried", configured, order2019, Claim{Authcid: `OTHER\admin\bob`},
			[]string{`LOGIN OTHER\admin\bob`, `PLAIN OTHER\admin for bob`}},
		{"another domain of the user: no backslash twice", configured, order2019, Claim{Authcid: "admin", Authzid: `OTHER\bob`},
			[]string{`PLAIN admin for OTHER\bob`}},
		{"admin, the config's forms only", with(FormAdminUPNUser), order2016, Claim{Authcid: `admin\bob`}, []string{`LOGIN admin@example.com\bob`}},
		{"admin, the config names none for him", with(FormDomainUser), orderOnline, Claim{Authcid: `admin\bob`}, []string{`LOGIN admin@example.com\bob`}},
		{"admin, nothing configured: as it came first", LoginOptions{}, order2016, Claim{Authcid: `EX\admin\bob`},
			[]string{`LOGIN EX\admin\bob`, `PLAIN EX\admin for bob`}},
		{"admin, nothing configured, old slashes", LoginOptions{}, order2019, Claim{Authcid: `EX/admin/bob`},
			[]string{`LOGIN EX/admin/bob`, `LOGIN EX\admin\bob`, `PLAIN EX\admin for bob`}},
		{"admin, plain profile", LoginOptions{}, orderPlain, Claim{Authcid: "admin", Authzid: "bob"}, []string{"PLAIN admin for bob"}},
		{"separator", LoginOptions{Separator: "*", Domains: []string{"EXAMPLE"}}, order2019, Claim{Authcid: "bob*admin"},
			[]string{`LOGIN EXAMPLE\admin\bob`, "PLAIN admin for bob"}},
		{"no form can be made: as it came", LoginOptions{}, orderOnline, Claim{Authcid: "admin", Authzid: "bob"}, []string{"PLAIN admin for bob"}},
		{"no form can be made: the name as it came", LoginOptions{Domains: []string{"EXAMPLE"}}, orderOnline, Claim{Authcid: `admin\bob`}, []string{`LOGIN admin\bob`}},
		{"admin, 2003", configured, order2003, Claim{Authcid: `EXAMPLE\admin\bob@example.com`},
			[]string{`LOGIN EXAMPLE/admin/bob`, `LOGIN example.local/admin/bob`,
				`LOGIN EXAMPLE\admin\bob@example.com`, `LOGIN example.local\admin\bob@example.com`}},
		{"admin, 2003, alias", aliased, order2003, Claim{Authcid: `EXAMPLE\admin\carol@example.com`},
			[]string{`LOGIN EXAMPLE/admin/cc`, `LOGIN example.local/admin/cc`, `LOGIN EXAMPLE\admin\cc`, `LOGIN example.local\admin\cc`}},
		{"alias as authzid (FAQ.Exchange, 2010 SP2)", aliased, order2016[:1], Claim{Authcid: "admin@example.com", Authzid: "CAROL@example.com"},
			[]string{"PLAIN admin@example.com for cc"}},
		{"the formal delegate form", with(FormAdminUPNAlias), nil, Claim{Authcid: `admin\bob@example.com`}, []string{`LOGIN admin@example.com/bob`}},
		{"own login with alias", aliasedOwn, order2003, Claim{Authcid: "carol@example.com"},
			[]string{`LOGIN EXAMPLE/carol/cc`, `LOGIN example.local/carol/cc`, `LOGIN carol@example.com`}},
		{"own login, UPN added", with(FormUserUPN), orderOnline, Claim{Authcid: "bob"}, []string{"LOGIN bob@example.com"}},
		{"a slash in the user's name fits no form with slashes", configured, order2003, Claim{Authcid: `EXAMPLE\admin\r/d`},
			[]string{`LOGIN EXAMPLE\admin\r/d`, `LOGIN example.local\admin\r/d`}},
		{"no profile", configured, nil, Claim{Authcid: `admin\bob`}, []string{`LOGIN admin\bob`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			id, err := tt.opts.Resolve(tt.claim)
			if err != nil {
				t.Fatal(err)
			}
			if got := shown(tt.opts.Attempts(id, tt.profile)); !slices.Equal(got, tt.want) {
				t.Errorf("%+v\ngot  %q\nwant %q", id, got, tt.want)
			}
		})
	}
}

func TestFormTableIsComplete(t *testing.T) {
	for _, form := range Forms {
		rows := 0
		for _, row := range formTable {
			if row.name == form {
				rows++
			}
		}
		if rows != 1 {
			t.Errorf("form %q has %d rows", form, rows)
		}
	}
	id := Identity{User: "u", Admin: "a", Domain: "d", AsSent: "s"}
	for _, row := range formTable {
		for _, template := range []string{row.authcid, row.authzid, row.mailbox} {
			if s, _ := configured.expand(template, id, "x"); strings.ContainsAny(s, "{}") {
				t.Errorf("form %q: placeholder without a value: %q", row.name, s)
			}
		}
	}
}

func TestRemembered(t *testing.T) {
	var r Remembered
	bob := Identity{User: "bob", Admin: "admin"}
	attempts := configured.Attempts(bob, order2019)
	if got := r.Narrow(bob, attempts); len(got) != len(attempts) {
		t.Errorf("nothing remembered yet: got %q", shown(got))
	}
	r.Worked(bob, attempts[1])

	carol := Identity{User: "carol", Admin: "ADMIN"}
	want := []string{`LOGIN example.local\ADMIN\carol`}
	if got := shown(r.Narrow(carol, configured.Attempts(carol, order2019))); !slices.Equal(got, want) {
		t.Errorf("the same admin for another mailbox: got %q, want %q", got, want)
	}
	other := Identity{User: "bob", Admin: "other"}
	if got := r.Narrow(other, configured.Attempts(other, order2019)); len(got) != len(attempts) {
		t.Errorf("another admin: got %q", shown(got))
	}
	own := Identity{User: "admin", AsSent: "admin"}
	if got := shown(r.Narrow(own, configured.Attempts(own, order2019))); !slices.Equal(got, []string{"LOGIN admin"}) {
		t.Errorf("the admin's own mailbox: got %q", got)
	}
	if got := r.Narrow(bob, attempts[2:]); len(got) != len(attempts)-2 {
		t.Errorf("the remembered form is not among the attempts: got %q", shown(got))
	}
	r.Worked(bob, attempts[2])
	if got := r.Narrow(bob, attempts); len(got) != 1 || got[0] != attempts[2] {
		t.Errorf("what worked last: got %q", shown(got))
	}
}

func TestRememberedIsBounded(t *testing.T) {
	var r Remembered
	for i := range maxRemembered + 10 {
		r.Worked(Identity{User: fmt.Sprint("user", i)}, Attempt{Form: FormAsSent})
	}
	if n := len(r.worked); n != maxRemembered {
		t.Errorf("%d entries, want %d", n, maxRemembered)
	}
}

// Whatever the client sends and the configuration says, there is a login to
// make, an own login has none of the forms of an admin, and nothing in it can
// break a line.
func FuzzAttempts(f *testing.F) {
	f.Add("bob", "", "EXAMPLE", "example.com", "*")
	f.Add(`EX\admin\bob`, "", "", "", "")
	f.Add(`adm@example.com\bob@example.com`, "", "EXAMPLE", "", "")
	f.Add("admin", `EXAMPLE\bob`, "EXAMPLE", "", "")
	f.Add("EX/admin/bob", "", "", "example.com", "")
	f.Add("bob*admin", "", "", "", "*")
	f.Fuzz(func(t *testing.T, authcid, authzid, domain, upn, separator string) {
		o := LoginOptions{UPN: upn, Separator: separator}
		if domain != "" {
			o.Domains = []string{domain}
		}
		id, err := o.Resolve(Claim{Authcid: authcid, Authzid: authzid})
		if err != nil {
			return
		}
		attempts := o.Attempts(id, order2016)
		if len(attempts) == 0 || id.User == "" {
			t.Fatalf("%+v: no login", id)
		}
		for _, a := range attempts {
			if a.Authcid == "" || (id.Admin == "" && a.Form != FormAsSent) {
				t.Errorf("%+v: %+v", id, a)
			}
			if !strings.ContainsAny(domain+upn, "\r\n\x00") && strings.ContainsAny(a.Authcid+a.Authzid, "\r\n\x00") {
				t.Errorf("breaks the line: %+v", a)
			}
		}
	})
}
