package proxy

import (
	"fmt"
	"testing"
	"time"
)

// resuming is a setup with upstream.resume on and without pauses.
func resuming(o *Options, l *limits) {
	o.Upstreams[0].Resume = true
	l.Reconnect, l.ReconnectSpread, l.ReconnectPause = 0, 0, time.Millisecond
}

// exchangeResuming starts a gateway that resumes sessions, in front of a scripted Exchange.
func exchangeResuming(t *testing.T, setups ...func(*Options, *limits)) *gateway {
	t.Helper()
	return newGateway(t, append([]func(*Options, *limits){withProfile(exchangeProfile), resuming}, setups...)...)
}

// contents is what a scripted upstream answers to SELECT.
type contents struct{ exists, validity, uidNext int }

func (m contents) lines() []string {
	lines := []string{fmt.Sprintf("* %d EXISTS", m.exists), "* OK [PERMANENTFLAGS (\\Seen \\Flagged)] those"}
	if m.validity > 0 {
		lines = append(lines, fmt.Sprintf("* OK [UIDVALIDITY %d] it", m.validity))
	}
	if m.uidNext > 0 {
		lines = append(lines, fmt.Sprintf("* OK [UIDNEXT %d] it", m.uidNext))
	}
	return lines
}

// selects has the client select a mailbox, and plays the upstream's answer.
func selects(c *client, u *upstream, command string, m contents) {
	c.t.Helper()
	c.C("s1 " + command)
	u.C("s1 " + command)
	for _, line := range m.lines() {
		u.S(line)
		c.S(line)
	}
	u.S("s1 OK [READ-WRITE] done")
	c.S("s1 OK [READ-WRITE] done")
}

// reselects plays the upstream's side of a resume, up to the proof of the numbering.
func (u *upstream) reselects(command string, m contents) {
	u.t.Helper()
	u.C("xg3 " + command)
	for _, line := range m.lines() {
		u.S(line)
	}
	u.S("xg3 OK [READ-WRITE] done")
}

// proves answers the FETCH by which the gateway proves the numbering.
func (u *upstream) proves(set string, fetches ...string) {
	u.t.Helper()
	u.C("xg4 FETCH " + set + " (UID)")
	for _, f := range fetches {
		u.S(f)
	}
	u.S("xg4 OK done")
}

func TestResumeOnTheNextCommand(t *testing.T) {
	g := exchangeResuming(t)
	c, u := g.login()
	selects(c, u, "SELECT INBOX", contents{5, 7, 20})
	u.close()
	c.silent() // nothing is in flight, so exgate neither logs in nor tells the client
	c.C("a1 NOOP")
	u = g.relogin()
	u.reselects("SELECT INBOX", contents{6, 7, 21})
	u.proves("5:6", "* 5 FETCH (UID 19)", "* 6 FETCH (UID 20)")
	c.S("* 6 EXISTS") // a message has come meanwhile
	u.C("a1 NOOP")
	u.S("a1 OK done")
	c.S("a1 OK done")
	noop(c, u)
	if resumed := g.logged("session resumed"); resumed["took"] == nil {
		t.Errorf("the log says %v", resumed)
	}
}

// A command that may be repeated is sent again. The client gets one reply.
func TestResumeWithACommandInFlight(t *testing.T) {
	for name, tt := range map[string]struct {
		command string
		before  []string // untagged responses before the reply
	}{
		"FETCH":                      {"a1 FETCH 1:2 FLAGS", []string{"* 1 FETCH (FLAGS ())"}},
		"UID STORE":                  {`a1 UID STORE 3 +FLAGS (\Seen)`, nil},
		"SEARCH":                     {"a1 SEARCH ALL", nil},
		"STATUS":                     {"a1 STATUS Archive (MESSAGES)", nil},
		"LIST, BYE in place of more": {`a1 LIST "" *`, []string{"* LIST () \"/\" INBOX"}},
	} {
		for _, end := range []string{"", "* BYE Connection closed. 14", "* BYE Session invalidated - AccessTokenExpired", "* BYE Connection is closed. 13"} {
			t.Run(name+" "+end, func(t *testing.T) {
				g := exchangeResuming(t)
				c, u := g.login()
				selects(c, u, "EXAMINE INBOX", contents{2, 7, 20})
				c.C(tt.command)
				u.C(tt.command)
				for _, line := range tt.before {
					u.S(line)
					c.S(line)
				}
				if end != "" {
					u.S(end)
				}
				u.reset()
				u = g.relogin()
				u.reselects("EXAMINE INBOX", contents{2, 7, 20})
				u.proves("2:2", "* 2 FETCH (UID 19 FLAGS ())")
				u.C(tt.command)
				u.S("a1 OK done")
				c.S("a1 OK done")
				noop(c, u)
			})
		}
	}
}

// A command that must not be repeated gets NO, which says that its outcome is unknown. The session goes on.
func TestResumeDoesNotRepeat(t *testing.T) {
	for _, command := range []string{"COPY 1 Archive", "UID MOVE 1 Archive", "CREATE New", "RENAME a b", "DELETE a", "EXPUNGE",
		"UID STORE 1 (UNCHANGEDSINCE 5) +FLAGS (x)"} {
		t.Run(command, func(t *testing.T) {
			g := exchangeResuming(t)
			c, u := g.login()
			selects(c, u, "SELECT INBOX", contents{1, 7, 20})
			c.C("a1 " + command)
			u.C("a1 " + command)
			u.close()
			c.S("a1 NO [UNAVAILABLE] … the connection to Exchange was lost; try again; it is not known whether it was done")
			c.C("a2 NOOP")
			u = g.relogin()
			u.reselects("SELECT INBOX", contents{1, 7, 20})
			u.proves("1:1", "* 1 FETCH (UID 19)")
			u.C("a2 NOOP")
			u.S("a2 OK done")
			c.S("a2 OK done")
		})
	}
}

// A session is resumed only if the numbers of its messages are proved.
func TestResumeProof(t *testing.T) {
	was := contents{5, 7, 20}
	none := ""
	for name, tt := range map[string]struct {
		told   []string // what the client is told after SELECT
		now    contents
		set    string
		uids   []string
		reason string // of the BYE; "": the session goes on
	}{
		"unchanged":                       {nil, was, "5:5", []string{"* 5 FETCH (UID 19)"}, none},
		"one has come":                    {nil, contents{6, 7, 21}, "5:6", []string{"* 5 FETCH (UID 19)", "* 6 FETCH (UID 20)"}, none},
		"one has come and gone":           {nil, contents{5, 7, 21}, "5:5", []string{"* 5 FETCH (UID 19)"}, none},
		"told of one that is there":       {[]string{"* 6 EXISTS"}, contents{6, 7, 21}, "5:6", []string{"* 5 FETCH (UID 19)", "* 6 FETCH (UID 20)"}, none},
		"told of an expunge":              {[]string{"* 2 EXPUNGE"}, contents{4, 7, 20}, "4:4", []string{"* 4 FETCH (UID 19)"}, none},
		"all expunged":                    {[]string{"* 1 EXPUNGE", "* 1 EXPUNGE", "* 1 EXPUNGE", "* 1 EXPUNGE", "* 1 EXPUNGE"}, contents{0, 7, 20}, "", nil, none},
		"another mailbox":                 {nil, contents{5, 8, 20}, "5:5", []string{"* 5 FETCH (UID 19)"}, "UIDVALIDITY has changed"},
		"no UIDVALIDITY":                  {nil, contents{5, 0, 20}, "5:5", []string{"* 5 FETCH (UID 19)"}, "UIDVALIDITY has changed"},
		"one has gone":                    {nil, contents{4, 7, 20}, "", nil, "has lost messages"},
		"one has gone and one has come":   {nil, contents{5, 7, 21}, "5:5", []string{"* 5 FETCH (UID 20)"}, "has lost messages"},
		"two have come and one has gone":  {nil, contents{6, 7, 22}, "5:6", []string{"* 5 FETCH (UID 20)", "* 6 FETCH (UID 21)"}, "has lost messages"},
		"of those told of, one has gone":  {[]string{"* 7 EXISTS"}, contents{7, 7, 23}, "5:6", []string{"* 5 FETCH (UID 19)", "* 6 FETCH (UID 21)"}, "since it was selected"},
		"told of an expunge of a new one": {[]string{"* 7 EXISTS", "* 7 EXPUNGE"}, contents{6, 7, 22}, "5:6", []string{"* 5 FETCH (UID 19)", "* 6 FETCH (UID 20)"}, "since it was selected"},
		"UIDs that are not told":          {nil, was, "5:5", nil, "has lost messages"},
		"UIDs used again":                 {nil, contents{6, 7, 20}, "5:6", []string{"* 5 FETCH (UID 18)", "* 6 FETCH (UID 19)"}, "other messages"},
	} {
		t.Run(name, func(t *testing.T) {
			g := exchangeResuming(t)
			c, u := g.login()
			selects(c, u, "SELECT INBOX", was)
			c.C("a0 NOOP")
			u.C("a0 NOOP")
			for _, line := range tt.told {
				u.S(line)
				c.S(line)
			}
			u.S("a0 OK done")
			c.S("a0 OK done")
			u.close()
			c.C("a1 NOOP")
			u = g.relogin()
			u.reselects("SELECT INBOX", tt.now)
			if tt.set != "" {
				u.proves(tt.set, tt.uids...)
			}
			if tt.reason != none {
				c.S("* BYE … (exgate: the mailbox \"INBOX\" …" + tt.reason + "…: log in and select it again)")
				c.close()
				u.ends()
				return
			}
			u.C("a1 NOOP")
			u.S("a1 OK done")
			c.until("a1 OK done", "* 6 EXISTS")
		})
	}
}
