package proxy

import (
	"fmt"
	"strings"
	"testing"

	"exgate/backend/exchangesim"
	"exgate/proxy/amend"
)

// manyNumbers returns a set of n numbers with gaps, so that no range shortens it.
func manyNumbers(n int) string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprint(100001+2*i))
	}
	return strings.Join(list, ",")
}

// TestLongSetsInParts sends commands that are longer than Exchange takes (EX-04).
func TestLongSetsInParts(t *testing.T) {
	set := manyNumbers(3500)
	for _, tt := range []struct {
		command string
		replies []string // upstream, without the tag
		want    string   // for the client, without the tag
	}{
		{"UID COPY %s Trash", []string{"OK [COPYUID 7 1:2 5:6] done", "OK [COPYUID 7 3 7] done", "OK [COPYUID 7 4 8] done"},
			"OK [COPYUID 7 1:2,3,4 5:6,7,8] done"},
		{"COPY %s Trash", []string{"OK done", "OK [COPYUID 7 3 7] done", "OK [COPYUID 7 4 8] done"}, "OK done"},
		{"UID COPY %s Trash", []string{"OK [COPYUID 7 1 5] a", "OK [COPYUID 8 3 7] b", "OK [COPYUID 8 4 8] c"}, "OK c"},
		{"UID COPY %s Trash", []string{"NO [TRYCREATE] no such"}, "NO [TRYCREATE] no such"},
		{"UID COPY %s Trash", []string{"OK [COPYUID 7 1 5] a", "NO not this"},
			"NO not this (exgate sent the command in parts, and the server took 1 of them before: look before you repeat it)"},
		{"UID MOVE %s Trash", []string{"OK a", "OK b", "OK c"}, "OK c"},
		{"UID EXPUNGE %s", []string{"OK a", "OK b", "OK c"}, "OK c"},
		{"MOVE %s Trash", nil, "NO [LIMIT] …"},
	} {
		t.Run(tt.command+" "+tt.want, func(t *testing.T) {
			g := newGateway(t, withProfile(repairing(true)))
			c, u := g.login()
			c.C("a1 " + fmt.Sprintf(tt.command, set))
			var got []string
			for _, reply := range tt.replies {
				line := strings.TrimSpace(u.C("a1 …"))
				if len(line) > amend.MaxLine {
					t.Errorf("a line of %d bytes", len(line))
				}
				before, after, _ := strings.Cut(tt.command, "%s")
				part := strings.TrimSuffix(strings.TrimPrefix(line, "a1 "+before), after)
				got = append(got, part)
				u.S("a1 " + reply)
			}
			if tt.want == "OK c" && strings.Join(got, ",") != set {
				t.Errorf("the parts are not the set")
			}
			c.S("a1 " + tt.want)
		})
	}
}

// A COPY by numbers stops when the numbers change between two parts.
func TestCopyInPartsIsRenumbered(t *testing.T) {
	set := manyNumbers(3500)
	for _, tt := range []struct{ verb, first, second, want string }{
		{"COPY", "* 7 EXPUNGE", "", "NO [EXPUNGEISSUED] …the server took 1 of them before…"},
		{"COPY", "* 7 FETCH (FLAGS ())", "", "OK [COPYUID 7 1,1,1 5,5,5] done"},
		{"UID COPY", "* 7 EXPUNGE", "", "OK [COPYUID 7 1,1,1 5,5,5] done"},
		{"COPY", "* 7 FETCH (FLAGS ())", "* 7 EXPUNGE", "NO [EXPUNGEISSUED] …the server took 2 of them before…"},
	} {
		t.Run(tt.verb+" "+tt.first+tt.second, func(t *testing.T) {
			g := newGateway(t, withProfile(repairing(true)))
			c, u := g.login()
			c.C("a1 " + tt.verb + " " + set + " Trash")
			for _, news := range []string{tt.first, tt.second, ""} {
				u.C("a1 " + tt.verb + " …")
				if news != "" {
					u.S(news)
					c.S(news)
				}
				u.S("a1 OK [COPYUID 7 1 5] done")
				if news != "" && strings.HasSuffix(news, "EXPUNGE") && tt.verb == "COPY" {
					break
				}
			}
			c.S("a1 " + tt.want)
			c.C("a2 NOOP") // and no further part has been sent
			u.C("a2 NOOP")
		})
	}
}

// TestCopyOfManyMessages copies messages at a simulated Exchange that takes 50 at
// once (EX-80).
func TestCopyOfManyMessages(t *testing.T) {
	for _, tt := range []struct {
		command string
		want    int
	}{
		{"UID COPY 1:* Archive", 120}, {"COPY 1:* Archive", 120}, {"COPY 1:120 Archive", 120}, {"UID COPY 1:60 Archive", 60},
		{"UID COPY 1:4294967295 Archive", 120}, {"COPY *:1 Archive", 120}, {"COPY 1:60,30:90 Archive", 90},
	} {
		t.Run(tt.command, func(t *testing.T) {
			g, sim := newSimulated(t, exchangesim.Config{Profile: "exchange2016", Quirks: []string{"large-copy"}},
				withProfile(repairing(true)))
			for range 120 {
				if _, err := sim.Deliver("alice", "INBOX", nil, testTime, []byte("Subject: x\r\n\r\ny\r\n")); err != nil {
					t.Fatal(err)
				}
			}
			c := g.loginSimulated()
			c.do("CREATE Archive", "OK CREATE completed.")
			c.do("SELECT INBOX", "OK [READ-WRITE] SELECT completed.")
			c.do(tt.command, "OK [COPYUID …")
			if got := len(sim.Messages("alice", "Archive")); got != tt.want {
				t.Errorf("%d messages were copied, not %d", got, tt.want)
			}
		})
	}
}
