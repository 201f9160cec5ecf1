package proxy

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"exgate/backend/exchangesim"
	"exgate/proxy/testkit"
	"exgate/rewrite"
)

// A message that cost a connection is remembered over a restart: the gateway does not send it again.
func TestPoisonsOutlastARestart(t *testing.T) {
	state := t.TempDir()
	sim, err := exchangesim.New(exchangesim.Config{Profile: "exchange2016"})
	if err != nil {
		t.Fatal(err)
	}
	l := testkit.Listen(t)
	served := make(chan error, 1)
	go func() { served <- sim.Serve(l, exchangesim.InsecurePlaintext) }()
	t.Cleanup(func() {
		sim.Close()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	if err := sim.AddFault("literal-run-as-commands"); err != nil { // once
		t.Fatal(err)
	}
	spoiled := head + "Subject: spoiled\r\n\r\nbody\r\n"
	run := func(reply string, lost int) {
		t.Run(reply, func(t *testing.T) {
			g := startGateway(t, ListenInsecurePlaintext, l.Addr().String(), withProfile(strictProfile(rewrite.StageRefused)), resuming,
				func(o *Options, _ *limits) { o.State = state })
			c := g.loggedIn()
			c.upload("INBOX", spoiled)
			c.until(reply, "* OK …")
			if n := strings.Count(g.log.String(), `"msg":"message without a reply"`); n != lost {
				t.Errorf("%d connections were lost, want %d", n, lost)
			}
			if n := len(sim.Messages("alice", "INBOX")); n != 0 {
				t.Errorf("%d messages were stored", n)
			}
		})
	}
	run("a1 NO …", 1)
	run("a1 NO [CANNOT] Exchange took this very message for commands before…", 0)
	if err := os.Remove(filepath.Join(state, "poisoned")); err != nil {
		t.Fatal(err)
	}
	g := startGateway(t, ListenInsecurePlaintext, l.Addr().String(), withProfile(strictProfile(rewrite.StageRefused)), func(o *Options, _ *limits) { o.State = state })
	c := g.loggedIn()
	c.upload("INBOX", spoiled)
	c.until("a1 OK …", "* OK …")
}
