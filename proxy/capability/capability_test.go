package capability

import (
	"slices"
	"testing"

	"exgate/backend"
	"exgate/backend/folders"
	"exgate/config/profile"
)

// SPECIAL-USE is told of once, whoever does it.
func TestSpecialUse(t *testing.T) {
	for name, tt := range map[string]struct {
		profile  profile.Profile
		upstream []string
		want     []string
	}{
		"exgate does it":                    {exchange(true), []string{"IMAP4rev1"}, []string{"IMAP4rev1", "SPECIAL-USE"}},
		"both do it":                        {exchange(true), []string{"IMAP4rev1", "SPECIAL-USE"}, []string{"IMAP4rev1", "SPECIAL-USE"}},
		"both do it, in another case":       {exchange(true), []string{"Special-Use"}, []string{"Special-Use"}},
		"the server does it":                {exchange(false), []string{"IMAP4rev1", "SPECIAL-USE"}, []string{"IMAP4rev1", "SPECIAL-USE"}},
		"nobody does it":                    {exchange(false), []string{"IMAP4rev1", "XLIST"}, []string{"IMAP4rev1"}},
		"a server that is no Exchange":      {profile.Profile{Name: profile.Plain}, []string{"SPECIAL-USE"}, []string{"SPECIAL-USE"}},
		"exgate does it for another server": {profile.Profile{Name: profile.Plain, Names: folders.Options{SpecialUse: true}}, nil, []string{"SPECIAL-USE"}},
	} {
		if got := Offered(&tt.profile, tt.upstream); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func exchange(specialUse bool) profile.Profile {
	return profile.Profile{Name: "exchange2016", Replies: backend.Replies{Refusals: true}, Names: folders.Options{SpecialUse: specialUse}}
}
