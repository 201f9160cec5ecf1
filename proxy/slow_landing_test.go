package proxy

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"exgate/backend/exchangesim"
)

// A server may take its time to store a message, or to show it, and a header may
// be too long for one response: the message is there once, or the client is told
// that it is not known. Times are those of defaultLimits, shortened.
func TestAppendCutAndSlow(t *testing.T) {
	words := strings.Repeat("many words ", 8)
	long := "Subject: " + words + strings.Repeat("\r\n "+words, 900) + "\r\n"
	const id, otherID = "Message-ID: <it@example.com>\r\n", "Message-ID: <other@example.com>\r\n"
	const found = "OK [APPENDUID "
	scaled := func(fault string, d time.Duration) string { return fmt.Sprintf("%s:%s", fault, d/onceScale) }
	for name, tt := range map[string]struct {
		header string
		faults []string
		other  string // what another client stores meanwhile
		want   string
		stored int // how often it is there
	}{
		"stored after 12 s":    {id, []string{scaled("late-append", 12*time.Second), "lost-append-reply"}, "", found, 1},
		"shown after 30 s":     {id, []string{"lost-append-reply", scaled("lagging-fetch", 30*time.Second)}, "", found, 1},
		"never shown":          {id, []string{"lost-append-reply", "lagging-fetch:1h"}, "", notKnownReply, 1},
		"another is not shown": {id, []string{"lost-append", "lagging-fetch:1h"}, "Subject: x\r\n", notKnownReply, 0},
		"another is shown after 30 s": {
			id, []string{"lost-append", scaled("lagging-fetch", 30*time.Second)}, otherID, found, 1,
		},
		"a long header":                    {id + long, []string{"lost-append-reply"}, "", found, 1},
		"a long header without Message-ID": {long, []string{"lost-append-reply"}, "", notKnownReply, 1},
		"another's long header":            {id, []string{"lost-append"}, otherID + long, found, 1},
		"another's long header without a Message-ID": {
			"From: a@example.com\r\nDate: Sun, 1 Nov 2026 10:00:00 +0000\r\n", []string{"lost-append"}, long, notKnownReply, 0,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, sim, _ := newCutSimulated(t, exchangesim.Config{}, func(_ *Options, l *limits) { scaledLooks(l) })
			if _, err := sim.Deliver("alice", "Drafts", nil, time.Time{}, []byte(id+"Subject: before\r\n\r\n")); err != nil {
				t.Fatal(err)
			}
			for _, fault := range tt.faults {
				if err := sim.AddFault(fault); err != nil {
					t.Fatal(err)
				}
			}
			c := g.loginSimulated()
			const body = "\r\nto be stored once\r\n"
			c.C(fmt.Sprintf("a2 APPEND Drafts {%d+}", len(tt.header+body)))
			c.raw(tt.header + body + "\r\n")
			if tt.other != "" {
				g.logged("the connection to Exchange was lost with a message")
				if _, err := sim.Deliver("alice", "Drafts", nil, time.Time{}, []byte(tt.other+"\r\nother\r\n")); err != nil {
					t.Fatal(err)
				}
			}
			reply := c.S("a2 …")
			c.close()
			sim.Close() // what is late is stored now
			stored := 0
			for _, m := range sim.Messages("alice", "Drafts") {
				if strings.Contains(string(m.Received), strings.TrimSpace(body)) {
					stored++
				}
			}
			if !strings.Contains(reply, tt.want) || stored != tt.stored {
				t.Errorf("stored %d times, want %d; the client was told %s, want %s\n%s", stored, tt.stored, reply, tt.want, g.log)
			}
		})
	}
}

const notKnownReply = "it is not known whether the message was stored"
