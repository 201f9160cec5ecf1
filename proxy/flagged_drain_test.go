package proxy

import (
	"strings"
	"testing"
	"time"

	"exgate/backend/exchangesim"
	"exgate/config/profile"
	"exgate/proxy/testkit"
)

// \Flagged that Exchange does not take at once is set all the same when the gateway drains meanwhile: the client has the OK.
func TestFlaggedWhileTheGatewayDrains(t *testing.T) {
	for _, refusal := range []string{
		"NO Server Unavailable. 15",
		"BAD Request is throttled. Suggested Backoff Time: 300 milliseconds",
		"NO Server Unavailable. 15|NO Server Unavailable. 15|NO Server Unavailable. 15",
	} {
		t.Run(refusal, func(t *testing.T) {
			p := profile.Named("exchange2016")
			p.Pace.Each.Messages = 0
			var faults []string
			for each := range strings.SplitSeq(refusal, "|") {
				faults = append(faults, "refuse:UID STORE:1:"+each)
			}
			g, _ := newSimulated(t, exchangesim.Config{Faults: faults},
				withProfile(p), resuming, func(_ *Options, l *limits) { l.Replay, l.Linger = 50*time.Millisecond, 0 })
			c := g.loggedIn()
			c.upload(`INBOX (\Flagged)`, cleanMessage)
			testkit.Eventually(t, "the flag is to be set later", func() bool { return g.log.contains("trying again") })
			g.srv.Drain(t.Context())
			c.until("a1 OK …", "* …")
			if g.log.contains(`"\\Flagged was not set"`) {
				t.Errorf("the flag is lost\n%s", g.log)
			}
		})
	}
}
