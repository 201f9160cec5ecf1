package proxy

import (
	"strings"
	"testing"
	"time"
)

// flagging lets nobody keep the side connection for long.
func flagging(_ *Options, l *limits) {
	l.SideTurn, l.Replay = 100*time.Millisecond, 0
}

// uploadsFlagged has a client append a message with \Flagged, and the server
// store it with a UID. Whether the UIDNEXT is asked for depends on the time since
// the account was last told of it.
func uploadsFlagged(c *client, u *upstream, uid string) {
	c.t.Helper()
	c.raw("a1 APPEND INBOX (\\Flagged) {3+}\r\nabc\r\n")
	line := u.C("…")
	if tag, ok := strings.CutSuffix(line, " STATUS INBOX (UIDNEXT UIDVALIDITY)"); ok {
		u.S("* STATUS INBOX (UIDNEXT " + uid + " UIDVALIDITY 1)")
		u.S(tag + " OK done")
		line = u.C("…")
	}
	tag, ok := strings.CutSuffix(line, " APPEND INBOX {3}")
	if !ok {
		c.t.Fatalf("in place of APPEND the server gets %q", line)
	}
	u.S("+ go")
	u.C("abc")
	u.S(tag + " OK [APPENDUID 1 " + uid + "] done")
}

// A STORE that hangs on the side connection holds the account's other sessions
// up for one turn, and no flag is lost.
func TestStoreThatHangsOnTheSideConnection(t *testing.T) {
	g := exchangeResuming(t, flagging)
	first, u1 := g.login()
	second, u2 := g.login()
	uploadsFlagged(first, u1, "5")
	s := g.relogin()
	s.selectsForWriting()
	s.C("xg4 NOOP")
	s.C(`xg5 UID STORE 5 +FLAGS (\Flagged)`) // to which nothing is said
	uploadsFlagged(second, u2, "6")
	s.ends()
	s = g.relogin()
	s.selectsForWriting()
	for range 2 {
		noop := strings.Fields(s.C("… NOOP"))
		line := s.C(`… UID STORE … +FLAGS (\Flagged)`)
		words := strings.Fields(line)
		s.S(noop[0] + " OK done")
		s.S("* 1 FETCH (UID " + words[3] + ` FLAGS (\Flagged))`)
		s.S(words[0] + " OK done")
	}
	first.until("a1 OK [APPENDUID 1 5] …")
	second.until("a1 OK [APPENDUID 1 6] …")
	g.logged(`\Flagged was not set; trying again`)
	if g.log.contains(`"\\Flagged was not set"`) {
		t.Error("a flag was lost")
	}
}

// selectsForWriting opens INBOX on a side connection.
func (u *upstream) selectsForWriting() {
	u.t.Helper()
	u.C("xg3 SELECT INBOX")
	u.S("* 9 EXISTS")
	u.S("xg3 OK [READ-WRITE] done")
}

// So it is on the session's own connection, which is made anew.
func TestStoreThatHangsOnTheOwnConnection(t *testing.T) {
	g := exchangeResuming(t, flagging)
	c, u := g.login()
	m := contents{1, 1, 5}
	selects(c, u, "SELECT INBOX", m)
	uploadsFlagged(c, u, "5")
	u.C("xg5 NOOP")
	u.C(`xg6 UID STORE 5 +FLAGS (\Flagged)`) // to which nothing is said
	u.ends()
	u = g.relogin()
	u.reselects("SELECT INBOX", contents{2, 1, 6})
	u.proves("1:2", "* 1 FETCH (UID 4)", "* 2 FETCH (UID 5)")
	u.C("xg5 NOOP")
	u.C(`xg6 UID STORE 5 +FLAGS (\Flagged)`)
	u.S("xg5 OK done")
	u.S(`* 2 FETCH (UID 5 FLAGS (\Flagged))`)
	u.S("xg6 OK done")
	c.until("a1 OK [APPENDUID 1 5] …", "* 2 EXISTS")
}

// A server that answers no STORE at all does not keep a client for long: it is
// told that the flag is lost.
func TestStoreThatAlwaysHangs(t *testing.T) {
	g := exchangeResuming(t, func(_ *Options, l *limits) { l.SideTurn, l.Replay = 200*time.Millisecond, 0 })
	c, u := g.login()
	uploadsFlagged(c, u, "5")
	for range 5 {
		g.relogin().selectsForWriting()
	}
	c.until(`* NO exgate: the message is stored, but \Flagged could not be set on it: …`)
	c.S("a1 OK [APPENDUID 1 5] …")
}
