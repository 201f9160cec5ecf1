package capability

import (
	"slices"
	"strings"
	"testing"

	"exgate/backend"
	"exgate/backend/folders"
	"exgate/config/profile"
	"exgate/rewrite"
)

// exchange has the settings of a profile of Exchange that matter here.
func exchange(change func(*profile.Profile)) *profile.Profile {
	p := profile.Named(profile.Online)
	p.MessageLimit, p.Names = 0, folders.Options{}
	if change != nil {
		change(&p)
	}
	return &p
}

func TestOffered(t *testing.T) {
	plain := profile.Named(profile.Plain)
	for _, tt := range []struct {
		name         string
		profile      *profile.Profile
		upstream, is string
	}{
		{"Exchange", exchange(nil),
			"IMAP4 IMAP4rev1 AUTH=PLAIN UIDPLUS XPROXY3 CLIENTACCESSRULES", "IMAP4 IMAP4rev1 UIDPLUS"},
		{"unknown to the table", exchange(nil), "IMAP4rev1 X-NEW CONDSTORE", "IMAP4rev1"},
		{"unknown, all shown", exchange(func(p *profile.Profile) { p.Replies.Refusals = false }),
			"IMAP4rev1 X-NEW COMPRESS=DEFLATE", "IMAP4rev1 X-NEW"},
		{"no Exchange", &plain, "IMAP4rev1 IMAP4rev2 CONDSTORE COMPRESS=DEFLATE urlauth=x MULTIAPPEND",
			"IMAP4rev1 IMAP4rev2 CONDSTORE"},
		{"special folders", exchange(func(p *profile.Profile) { p.Names.SpecialUse = true }), "IDLE", "IDLE SPECIAL-USE"},
		{"special folders upstream", exchange(func(p *profile.Profile) {
			p.Names.SpecialUse, p.Replies.Refusals = true, false
		}), "SPECIAL-USE IDLE", "SPECIAL-USE IDLE"},
		{"a limit", exchange(func(p *profile.Profile) { p.MessageLimit = 1000 }),
			"IDLE APPENDLIMIT=5", "IDLE APPENDLIMIT=1000"},
		{"a limit that attachments are taken out for", exchange(func(p *profile.Profile) {
			p.MessageLimit, p.Message.Oversize = 1000, rewrite.OversizeDetach
		}), "IDLE APPENDLIMIT=5", "IDLE"},
		{"no limit", &plain, "APPENDLIMIT=5", "APPENDLIMIT=5"},
		{"none", exchange(nil), "", ""},
	} {
		if got := Offered(tt.profile, strings.Fields(tt.upstream)); !slices.Equal(got, strings.Fields(tt.is)) {
			t.Errorf("%s: %q offers %q, want %q", tt.name, tt.upstream, got, tt.is)
		}
	}
}

// The rows are in upper case, since isHidden compares them with upper-case names,
// and no row is hidden behind an earlier one.
func TestTableRowsAreReached(t *testing.T) {
	for i, r := range Table {
		if r.Name != strings.ToUpper(r.Name) {
			t.Errorf("%s is not in upper case", r.Name)
		}
		for _, earlier := range Table[:i] {
			prefix, isPrefix := strings.CutSuffix(earlier.Name, "*")
			if r.Name == earlier.Name || isPrefix && strings.HasPrefix(r.Name, prefix) {
				t.Errorf("%s is decided by %s before", r.Name, earlier.Name)
			}
		}
	}
}

func TestEditLine(t *testing.T) {
	for _, tt := range []struct{ in, want string }{ // want "": unchanged
		{"* CAPABILITY IMAP4rev1 XPROXY IDLE\r\n", "* CAPABILITY IMAP4rev1 IDLE\r\n"},
		{"* capability IMAP4rev1 XPROXY\r\n", "* capability IMAP4rev1\r\n"},
		{"a1 OK [CAPABILITY IDLE AUTH=PLAIN] LOGIN completed.\r\n", "a1 OK [CAPABILITY IDLE] LOGIN completed.\r\n"},
		{"* CAPABILITY IMAP4rev1 IDLE\r\n", ""},
		{"* OK [CAPABILITY IDLE AUTH=PLAIN\r\n", ""},
		{"a1 OK CAPABILITY completed.\r\n", ""},
		{"* 1 FETCH (FLAGS (CAPABILITY XPROXY))\r\n", ""},
		{"* CAPABILITY\r\n", ""},
		{"", ""},
	} {
		want := tt.want
		if want == "" {
			want = tt.in
		}
		in := []byte(tt.in)
		if got := EditLine(exchange(nil), in); string(got) != want {
			t.Errorf("%q became %q, want %q", tt.in, got, want)
		}
		if string(in) != tt.in {
			t.Errorf("the argument %q became %q", tt.in, in)
		}
	}
}

// SPECIAL-USE is announced once, whoever does it.
func TestSpecialUse(t *testing.T) {
	exchange := func(specialUse bool) profile.Profile {
		return profile.Profile{
			Name: "exchange2016", Replies: backend.Replies{Refusals: true}, Names: folders.Options{SpecialUse: specialUse},
		}
	}
	plain := func(specialUse bool) profile.Profile {
		return profile.Profile{Name: profile.Plain, Names: folders.Options{SpecialUse: specialUse}}
	}
	for name, tt := range map[string]struct {
		profile        profile.Profile
		upstream, want string
	}{
		"exgate does it":                    {exchange(true), "IMAP4rev1", "IMAP4rev1 SPECIAL-USE"},
		"both do it":                        {exchange(true), "IMAP4rev1 SPECIAL-USE", "IMAP4rev1 SPECIAL-USE"},
		"both do it, in another case":       {exchange(true), "Special-Use", "Special-Use"},
		"the server does it":                {exchange(false), "IMAP4rev1 SPECIAL-USE", "IMAP4rev1 SPECIAL-USE"},
		"nobody does it":                    {exchange(false), "IMAP4rev1 XLIST", "IMAP4rev1"},
		"a server that is no Exchange":      {plain(false), "SPECIAL-USE", "SPECIAL-USE"},
		"exgate does it for another server": {plain(true), "", "SPECIAL-USE"},
	} {
		if got := Offered(&tt.profile, strings.Fields(tt.upstream)); !slices.Equal(got, strings.Fields(tt.want)) {
			t.Errorf("%s: %q", name, got)
		}
	}
}
