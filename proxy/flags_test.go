package proxy

import (
	"slices"
	"strings"
	"testing"
)

func TestSortFlags(t *testing.T) {
	exchange := Policy{Name: "exchange2016", Flagged: true, Keywords: true}
	online := Policy{Name: "exchange-online", Keywords: true, MDNSent: true}
	kept := []string{`\Seen`, `\Answered`, `\Flagged`, `\Deleted`, `\Draft`, "$MDNSent"}
	for name, tt := range map[string]struct {
		policy               Policy
		flags, keep, dropped string
		kept                 []string
		noUIDPlus, replay    bool
	}{
		"nothing to do":         {policy: exchange, kept: kept, flags: `\Seen $MDNSent`, keep: `\Seen $MDNSent`},
		"flagged":               {policy: exchange, kept: kept, flags: `\Seen \flagged`, keep: `\Seen`, replay: true},
		"flagged, no UIDPLUS":   {policy: exchange, kept: kept, flags: `\Flagged`, keep: `\Flagged`, noUIDPlus: true},
		"keyword":               {policy: exchange, kept: kept, flags: `$Forwarded foo[1] \Seen`, keep: `\Seen`, dropped: "$Forwarded foo[1]"},
		"keyword that is kept":  {policy: exchange, kept: append(kept, "Junk"), flags: "junk", keep: "junk"},
		"any keyword is kept":   {policy: exchange, kept: append(kept, `\*`), flags: "foo", keep: "foo"},
		"system flag, no list":  {policy: exchange, flags: `\Deleted`, keep: `\Deleted`},
		"unknown system flag":   {policy: exchange, kept: append(kept, `\*`), flags: `\Foo`, dropped: `\Foo`},
		"online: $MDNSent":      {policy: online, kept: kept, flags: `\Flagged $mdnsent`, keep: `\Flagged`, dropped: "$mdnsent"},
		"plain: all of it goes": {policy: Policy{Name: plain}, flags: `\Flagged foo`, keep: `\Flagged foo`},
	} {
		t.Run(name, func(t *testing.T) {
			got := sortFlags(&tt.policy, strings.Fields(tt.flags), tt.kept, !tt.noUIDPlus)
			if !slices.Equal(got.keep, strings.Fields(tt.keep)) || !slices.Equal(got.dropped, strings.Fields(tt.dropped)) || got.replay != tt.replay {
				t.Errorf("keep %q, dropped %q, replay %t", got.keep, got.dropped, got.replay)
			}
		})
	}
}

// The flags that one mailbox keeps say nothing of the next.
func TestPermanentFlagsAreOfTheSelectedMailbox(t *testing.T) {
	g := newGateway(t, withPolicy(exchangePolicy))
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
