package backend

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// configured are login options as the sample configuration has them.
var configured = LoginOptions{Domains: []string{"EXAMPLE", "example.local"}, UPN: "example.com"}

func TestResolve(t *testing.T) {
	star := LoginOptions{Separator: "*"}
	tests := []struct {
		name             string
		opts             LoginOptions
		authcid, authzid string
		want             Identity
	}{
		{"plain user", configured, "bob", "", Identity{User: "bob", AsSent: "bob"}},
		{"user by address", configured, "bob@example.com", "", Identity{User: "bob@example.com", AsSent: "bob@example.com"}},
		{"authzid the same", configured, "bob", "BOB", Identity{User: "bob", AsSent: "bob"}},
		{"authzid another", configured, "admin", "bob", Identity{User: "bob", Admin: "admin"}},
		{"authzid another, addresses (FAQ.Exchange, 2016)", configured, "adm@example.com", "bob@example.com",
			Identity{User: "bob@example.com", Admin: "adm@example.com"}},
		{"authzid another, admin with domain", LoginOptions{}, `EX\admin`, "bob", Identity{User: "bob", Admin: "admin", Domain: "EX"}},
		{"authzid with a configured domain", configured, "admin", `example\bob`, Identity{User: "bob", Admin: "admin", Domain: "example"}},
		{"authzid with a domain that is not", configured, "admin", `OTHER\bob`, Identity{User: `OTHER\bob`, Admin: "admin"}},
		{"separator", star, "bob*admin", "", Identity{User: "bob", Admin: "admin", AsSent: "bob*admin"}},
		{"separator, admin with domain", star, `bob*EX\admin`, "", Identity{User: "bob", Admin: "admin", Domain: "EX", AsSent: `bob*EX\admin`}},
		{"separator, user with one in the name", star, "b*b*admin", "", Identity{User: "b*b", Admin: "admin", AsSent: "b*b*admin"}},
		{"separator at the end", star, "bob*", "", Identity{User: "bob*", AsSent: "bob*"}},
		{"separator at the start", star, "*admin", "", Identity{User: "*admin", AsSent: "*admin"}},
		{"separator not configured", configured, "bob*admin", "", Identity{User: "bob*admin", AsSent: "bob*admin"}},
		{"two backslashes", LoginOptions{}, `EX\admin\bob`, "", Identity{User: "bob", Admin: "admin", Domain: "EX", AsSent: `EX\admin\bob`}},
		{"two backslashes, DNS domain", configured, `example.local\admin\bob`, "",
			Identity{User: "bob", Admin: "admin", Domain: "example.local", AsSent: `example.local\admin\bob`}},
		{"two slashes", LoginOptions{}, `EX/admin/bob`, "", Identity{User: "bob", Admin: "admin", Domain: "EX", AsSent: `EX/admin/bob`}},
		{"two slashes, one part empty", LoginOptions{}, `EX//bob`, "", Identity{User: "EX//bob", AsSent: "EX//bob"}},
		{"address and backslash", LoginOptions{}, `adm@example.com\bob`, "", Identity{User: "bob", Admin: "adm@example.com", AsSent: `adm@example.com\bob`}},
		{"address, backslash, address", LoginOptions{}, `adm@ex.com\bob@ex.com`, "",
			Identity{User: "bob@ex.com", Admin: "adm@ex.com", AsSent: `adm@ex.com\bob@ex.com`}},
		{"address and slash", LoginOptions{}, `adm@ex.com/bob`, "", Identity{User: "bob", Admin: "adm@ex.com", AsSent: `adm@ex.com/bob`}},
		{"a configured domain", configured, `example\bob`, "", Identity{User: "bob", Domain: "example", AsSent: `example\bob`}},
		{"a configured DNS domain", configured, `EXAMPLE.LOCAL\bob`, "", Identity{User: "bob", Domain: "EXAMPLE.LOCAL", AsSent: `EXAMPLE.LOCAL\bob`}},
		{"the configured UPN suffix", configured, `example.com\bob`, "", Identity{User: "bob", Domain: "example.com", AsSent: `example.com\bob`}},
		{"a configured domain and a slash", configured, `EXAMPLE/bob`, "", Identity{User: "bob", Domain: "EXAMPLE", AsSent: `EXAMPLE/bob`}},
		{"no configured domain: an admin", configured, `admin\bob`, "", Identity{User: "bob", Admin: "admin", AsSent: `admin\bob`}},
		{"a slash in a user's name", configured, `r/d`, "", Identity{User: "r/d", AsSent: "r/d"}},
		{"nothing configured", LoginOptions{}, `a\b`, "", Identity{User: `a\b`, AsSent: `a\b`}},
		{"only a separator configured", star, `a\b`, "", Identity{User: `a\b`, AsSent: `a\b`}},
		{"Administrator as himself", configured, "Administrator", "", Identity{User: "Administrator", AsSent: "Administrator"}},
		{"8-bit", configured, "bøb", "", Identity{User: "bøb", AsSent: "bøb"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.opts.Resolve(Claim{Authcid: tt.authcid, Authzid: tt.authzid})
			if err != nil || got != tt.want {
				t.Errorf("got %+v, %v\nwant %+v", got, err, tt.want)
			}
		})
	}
}

func TestResolveRefuses(t *testing.T) {
	tests := []struct{ name, authcid, authzid, want string }{
		{"empty", "", "", "is empty"},
		{"empty admin", "", "bob", "is empty"},
		{"NUL", "bo\x00b", "", "control character"},
		{"line end", "bob\r\na LOGOUT", "", "control character"},
		{"control character in authzid", "admin", "bob\n", "control character"},
		{"C1 control character", "bo\u0085b", "", "control character"},
		{"too many backslashes", `a\b\c\d`, "", "3 backslashes"},
		{"empty part", `EX\\bob`, "", "is empty"},
		{"nothing after the backslash", `EX\`, "", "is empty"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			id, err := configured.Resolve(Claim{Authcid: tt.authcid, Authzid: tt.authzid, Password: NewSecret("hunter2")})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got %+v, %v; want an error with %q", id, err, tt.want)
			}
			if strings.ContainsAny(err.Error(), "\r\n\x00") || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("not fit for a log: %q", err)
			}
		})
	}
}

func TestClaimHidesPassword(t *testing.T) {
	c := Claim{Authcid: "admin", Authzid: "bob", Password: NewSecret("hunter2")}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("login", "claim", c, "in", struct{ C Claim }{c})
	shown := fmt.Sprintf("%v %+v %#v %s %q %v", c, c, c, c, c, struct{ C *Claim }{&c}) + fmt.Sprintf("%+v", []Claim{c}) + log.String()
	if strings.Contains(shown, "hunter2") {
		t.Errorf("password shown: %s", shown)
	}
	if !strings.Contains(c.String(), "admin") || !strings.Contains(c.String(), "bob") {
		t.Errorf("names not shown: %s", c)
	}
}
