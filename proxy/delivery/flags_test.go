package delivery

import (
	"slices"
	"strings"
	"testing"

	"exgate/config/profile"
)

func TestSortFlags(t *testing.T) {
	exchange := profile.Profile{Name: "exchange2016", Flagged: true, Keywords: true}
	online := profile.Profile{Name: "exchange-online", Keywords: true, MDNSent: true}
	kept := []string{`\Seen`, `\Answered`, `\Flagged`, `\Deleted`, `\Draft`, "$MDNSent"}
	for name, tt := range map[string]struct {
		profile              profile.Profile
		flags, keep, dropped string
		kept                 []string
		noUIDPlus, replay    bool
	}{
		"nothing to do":         {profile: exchange, kept: kept, flags: `\Seen $MDNSent`, keep: `\Seen $MDNSent`},
		"flagged":               {profile: exchange, kept: kept, flags: `\Seen \flagged`, keep: `\Seen`, replay: true},
		"flagged, no UIDPLUS":   {profile: exchange, kept: kept, flags: `\Flagged`, keep: `\Flagged`, noUIDPlus: true},
		"keyword":               {profile: exchange, kept: kept, flags: `$Forwarded foo[1] \Seen`, keep: `\Seen`, dropped: "$Forwarded foo[1]"},
		"keyword that is kept":  {profile: exchange, kept: append(kept, "Junk"), flags: "junk", keep: "junk"},
		"any keyword is kept":   {profile: exchange, kept: append(kept, `\*`), flags: "foo", keep: "foo"},
		"system flag, no list":  {profile: exchange, flags: `\Deleted`, keep: `\Deleted`},
		"unknown system flag":   {profile: exchange, kept: append(kept, `\*`), flags: `\Foo`, dropped: `\Foo`},
		"online: $MDNSent":      {profile: online, kept: kept, flags: `\Flagged $mdnsent`, keep: `\Flagged`, dropped: "$mdnsent"},
		"plain: all of it goes": {profile: profile.Profile{Name: profile.Plain}, flags: `\Flagged foo`, keep: `\Flagged foo`},
	} {
		t.Run(name, func(t *testing.T) {
			got := sortFlags(&tt.profile, strings.Fields(tt.flags), tt.kept, !tt.noUIDPlus)
			if !slices.Equal(got.keep, strings.Fields(tt.keep)) || !slices.Equal(got.dropped, strings.Fields(tt.dropped)) || got.replay != tt.replay {
				t.Errorf("keep %q, dropped %q, replay %t", got.keep, got.dropped, got.replay)
			}
		})
	}
}
