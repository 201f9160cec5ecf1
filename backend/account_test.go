package backend

import "testing"

// Failures are counted together for all spellings that reach one account.
func TestAccount(t *testing.T) {
	o := LoginOptions{UPN: "example.com", Domains: []string{"EXAMPLE"}, Separator: "*"}
	rewritten := o
	rewritten.Forms = []Form{FormUserUPN}
	for _, tt := range []struct {
		options LoginOptions
		claim   Claim
		want    string
	}{
		{o, Claim{Authcid: "admin", Authzid: "bob"}, "admin"},
		{o, Claim{Authcid: `EXAMPLE\Admin`, Authzid: "alice"}, "admin"},
		{o, Claim{Authcid: `EXAMPLE\admin\bob`}, "admin"},
		{o, Claim{Authcid: `ELSEWHERE\admin\bob`}, "admin"},
		{o, Claim{Authcid: "EXAMPLE/admin/bob"}, "admin"},
		{o, Claim{Authcid: `admin@example.com\bob`}, "admin"},
		{o, Claim{Authcid: `admin@elsewhere.org\bob`}, "admin"},
		{o, Claim{Authcid: `admin\bob`}, "admin"},
		{o, Claim{Authcid: "bob*admin"}, "admin"},
		{o, Claim{Authcid: "admin"}, "admin"},
		{o, Claim{Authcid: "Bob"}, "bob"},
		{o, Claim{Authcid: `EXAMPLE\bob`}, "bob"},
		{o, Claim{Authcid: "bob@Example.com"}, "bob"},
		{o, Claim{Authcid: "bob@elsewhere.org"}, "bob@elsewhere.org"},
		{rewritten, Claim{Authcid: "bob@elsewhere.org"}, "bob"},
		{LoginOptions{}, Claim{Authcid: `EXAMPLE\bob`}, "bob"},
	} {
		id, err := tt.options.Resolve(tt.claim)
		if err != nil {
			t.Fatal(err)
		}
		if got := tt.options.Account(id); got != tt.want {
			t.Errorf("%s: %q, not %q", tt.claim, got, tt.want)
		}
	}
}
