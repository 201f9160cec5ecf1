package proxy

import (
	"strings"
	"testing"

	"exgate/backend/exchangesim"
	"exgate/backend/folders"
)

// Mailboxes that clients do not see are in the log: a client that copies all mailboxes leaves them behind.
func TestHiddenMailboxesAreLogged(t *testing.T) {
	prefixed := apartNames
	prefixed.Prefix = "INBOX/"
	hiding := apartNames
	hiding.Hide = []folders.Class{folders.Calendar}
	for name, tt := range map[string]struct {
		names folders.Options
		want  []string // in the log; none: no mailbox is hidden
	}{
		"prefix": {prefixed, []string{`"level":"WARN"`, `"Work"`, "outside names.prefix", "names.prefix: off"}},
		"class":  {hiding, []string{`"level":"INFO"`, `["Calendar"]`, "names.hide: [off]"}},
		"none":   {apartNames, nil},
	} {
		t.Run(name, func(t *testing.T) {
			g, sim := newSimulated(t, exchangesim.Config{Profile: "exchange2016"}, withProfile(mapping(tt.names)))
			if err := sim.MakeFolder("alice", "Work"); err != nil {
				t.Fatal(err)
			}
			c := g.loginSimulated()
			c.do(`LIST "" "*"`, "OK …")
			c.do(`LIST "" "%"`, "OK …")
			lines := ""
			for line := range strings.Lines(g.log.String()) {
				if strings.Contains(line, "clients do not see some mailboxes") {
					lines += line
				}
			}
			if n := strings.Count(lines, "\n"); n != min(len(tt.want), 1) {
				t.Errorf("%d lines: %s", n, lines)
			}
			for _, want := range tt.want {
				if !strings.Contains(lines, want) {
					t.Errorf("no %s in %s", want, lines)
				}
			}
		})
	}
}

// The root of public folders is seen as other mailboxes are (EX-85).
func TestPublicFoldersAreListed(t *testing.T) {
	for name, names := range map[string]folders.Options{"mapped": apartNames, "plain": {}} {
		t.Run(name, func(t *testing.T) {
			prof := repairing(true)
			prof.Names = names
			g, _ := newSimulated(t, exchangesim.Config{Profile: "exchange2003", Quirks: []string{"public-folders"}}, withProfile(prof))
			c := g.loginSimulated()
			c.do(`CREATE "Public Folders/Team"`, "OK …")
			for pattern, want := range map[string][]string{"Public*": {"Public Folders", "Public Folders/Team"}, "P%": {"Public Folders"}} {
				if name == "plain" && pattern == "P%" {
					continue // Exchange matches the pattern
				}
				if got := c.list(pattern); strings.Join(got, ",") != strings.Join(want, ",") {
					t.Errorf("%s: %q", pattern, got)
				}
			}
			c.do(`SELECT "Public Folders"`, "OK …")
		})
	}
}

// NAMESPACE is answered here for a 2003, which may close the connection over it (EX-84), and for an upstream without it.
func TestNamespaceIsAnsweredHere(t *testing.T) {
	dotted := apartNames
	dotted.Separator = "."
	for _, tt := range []struct {
		profile string
		names   folders.Options
		want    string
	}{
		{"exchange2003", folders.Options{}, `* NAMESPACE (("" "/")) NIL NIL`},
		{"exchange2000", apartNames, `* NAMESPACE (("" "/")) NIL NIL`},
		{"exchange2003", dotted, `* NAMESPACE (("" ".")) NIL NIL`},
	} {
		t.Run(tt.profile+tt.want, func(t *testing.T) {
			prof := repairing(true)
			prof.Name, prof.Names = tt.profile, tt.names
			g, sim := newSimulated(t, exchangesim.Config{Profile: tt.profile, Quirks: []string{"namespace-closes"}}, withProfile(prof))
			c := g.loginSimulated()
			c.C("a1 NAMESPACE")
			c.S(tt.want)
			c.S("a1 OK NAMESPACE completed.")
			c.do("NOOP", "OK …")
			if n := sim.Stats().Logins; n != 1 {
				t.Errorf("%d logins", n)
			}
		})
	}
	c, u := newGateway(t, withProfile(repairing(true))).login() // which announces no NAMESPACE
	c.C("a1 NAMESPACE")
	c.S(`* NAMESPACE (("" "/")) NIL NIL`)
	c.S("a1 OK NAMESPACE completed.")
	noop(c, u)
}
