package proxy

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

// The flags that one mailbox keeps say nothing of the next.
func TestPermanentFlagsAreOfTheSelectedMailbox(t *testing.T) {
	g := newGateway(t, withProfile(exchangeProfile))
	c, u := g.login()
	c.C("a SELECT A")
	u.C("a SELECT A")
	for _, line := range []string{`* OK [PERMANENTFLAGS (\Seen Junk \*)] kept`, "a OK [READ-WRITE] SELECT completed."} {
		u.S(line)
		c.S(line)
	}
	c.C("b SELECT B")
	u.C("b SELECT B")
	u.S("b OK [READ-WRITE] SELECT completed.")
	c.S("b OK [READ-WRITE] SELECT completed.")
	c.C("c APPEND B (foo) {1+}")
	c.C("x")
	u.C("xg3 APPEND B {1}")
	u.S("+ go on")
	u.C("x")
	u.S("xg3 OK APPEND completed.")
	c.S("c OK …")
}
