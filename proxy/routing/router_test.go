package routing

import (
	"path/filepath"
	"strings"
	"testing"

	"exgate/backend"
	"exgate/backend/folders"
	"exgate/config/profile"
	"exgate/proxy/testkit"
)

func testUpstreams() []Upstream {
	options := backend.Options{Address: "127.0.0.1:1", TLS: backend.TLSInsecureNone}
	return []Upstream{
		{Backend: options, Profile: profile.Plain, Profiles: profile.Named},
		{
			Name: "online", Backend: options, Profile: profile.Online, Profiles: profile.Named,
			Match: []string{"*@cloud.example.com"},
		},
	}
}

func testUserMap(t *testing.T, lines ...string) *UserMap {
	t.Helper()
	path := filepath.Join(t.TempDir(), "routes")
	testkit.WriteFile(t, path, strings.Join(lines, "\n"))
	m, err := LoadUserMap(path, []string{"online"})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestLocate(t *testing.T) {
	userMap := testUserMap(t, "# moved so far", "",
		"alice online mailbox=a.b@example.com form=user@upn", "bob@cloud.example.com default",
		"carol default prefix=backup/carol", "dave online prefix=off",
		"*@old.example.com online", "x@old.example.com default")
	prefixed := folders.Options{Prefix: "INBOX.", Users: []folders.UserPrefix{{User: "carol", Prefix: "other"}}}
	for _, tt := range []struct {
		login, upstream, user, admin string
		form                         backend.Form
		prefix                       string
	}{
		{"alice", "online", "a.b@example.com", "", "user@upn", "INBOX."},
		{"ALICE", "online", "a.b@example.com", "", "user@upn", "INBOX."},
		{`EXAMPLE\admin\alice`, "online", "a.b@example.com", "admin", "user@upn", "INBOX."},
		{"bob@cloud.example.com", "", "bob@cloud.example.com", "", "", "INBOX."}, // the map is before the patterns
		{"erin@cloud.example.com", "online", "erin@cloud.example.com", "", "", "INBOX."},
		{"carol", "", "carol", "", "", "backup/carol"},
		{"dave", "online", "dave", "", "", ""},
		{"x@old.example.com", "online", "x@old.example.com", "", "", "INBOX."}, // the first line decides
		{"frank", "", "frank", "", "", "INBOX."},
	} {
		to, err := Locate(testUpstreams(), userMap, backend.Claim{Authcid: tt.login})
		if err != nil {
			t.Errorf("%s: %v", tt.login, err)
			continue
		}
		id := to.Identity
		if to.Upstream != tt.upstream || id.User != tt.user || id.Admin != tt.admin || id.Form != tt.form {
			t.Errorf("%s: to %q as %+v", tt.login, to.Upstream, id)
		}
		if got := to.Names(prefixed).Prefix; got != tt.prefix {
			t.Errorf("%s: prefix %q, want %q", tt.login, got, tt.prefix)
		}
	}
	if _, err := Locate(testUpstreams(), nil, backend.Claim{}); err == nil {
		t.Error("a login without a name goes somewhere")
	}
	_, err := Locate([]Upstream{{}}, nil, backend.Claim{Authcid: "bob"})
	if err == nil || !strings.Contains(err.Error(), "upstream default: ") {
		t.Errorf("an upstream without an address: %v", err)
	}
}

// A changed file takes effect at the second look; an invalid one changes nothing.
func TestReload(t *testing.T) {
	m := testUserMap(t, "alice online")
	for _, tt := range []struct {
		write    string // "": nothing
		changed  bool
		err      string
		upstream string // of alice
	}{
		{"", false, "", "online"},
		{"alice default", false, "", "online"},
		{"", true, "", ""},
		{"", false, "", ""},
		{"alice nowhere", false, "", ""},
		{"", false, `no entry named "nowhere"`, ""},
		{"", false, "", ""},
		{"alice online", false, "", ""},
		{"", true, "", "online"},
	} {
		if tt.write != "" {
			testkit.WriteFile(t, m.path, tt.write)
		}
		changed, err := m.Reload()
		if changed != tt.changed || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("after %q: changed %v, %v", tt.write, changed, err)
		}
		if row, ok := m.find("alice"); !ok || row.upstream != tt.upstream {
			t.Errorf("after %q: alice is on %q (%v)", tt.write, row.upstream, ok)
		}
	}
}
