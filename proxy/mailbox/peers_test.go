package mailbox

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"
)

// otherGateway is a gateway that has stored, or may have stored, equal messages. It implements Peers and Lease.
type otherGateway struct {
	entered Shared
	err     error
	others  int
	uids    []uint32
	most    int // told by End
	told    []uint32
}

func (g *otherGateway) Enter(_ context.Context, m Shared, _ time.Duration) (Lease, int, error) {
	g.entered = m
	return g, g.others, g.err
}

func (g *otherGateway) Others(from Mark) (int, []uint32) {
	return g.others, slices.DeleteFunc(slices.Clone(g.uids), func(uid uint32) bool { return uid < from.Next })
}

func (g *otherGateway) End(most int, _ uint32, uids []uint32) { g.most, g.told = most, uids }

// What a look proves of a lost message, where another gateway has equal ones.
func TestJudgeWithPeers(t *testing.T) {
	for name, tt := range map[string]struct {
		others int
		uids   []uint32
		shown  string
		want   Landing
		uid    uint32
	}{
		"none there":                        {0, nil, "m", LandingFound, 10},
		"the other's UID is known":          {0, []uint32{10}, "m", LandingAbsent, 0},
		"both have come":                    {0, []uint32{10}, "mm", LandingFound, 11},
		"one may be the other's":            {1, nil, "m", LandingUnknown, 0},
		"one of two may be":                 {1, nil, "mm", LandingFound, 0},
		"none has come":                     {1, nil, "x", LandingAbsent, 0},
		"one is known, one may have come":   {1, []uint32{10}, "mm", LandingUnknown, 0},
		"a UID from before the mark":        {0, []uint32{9}, "m", LandingFound, 10},
		"nobody knows how many the others":  {1000, nil, "mmm", LandingUnknown, 0},
		"nobody knows, and none has come":   {1000, nil, "", LandingAbsent, 0},
		"one too many for all of them here": {1, nil, "mmm", LandingUnknown, 0},
	} {
		t.Run(name, func(t *testing.T) {
			c, _ := newTestClaims()
			peers := &otherGateway{uids: tt.uids}
			c.peers = peers
			lost := begun(t, c, "<m@x>", 10, 1)
			if want := (Shared{Mailbox: "drafts", ID: "<m@x>"}); peers.entered != want {
				t.Errorf("others know it by %+v", peers.entered)
			}
			peers.others = tt.others
			lost.AskPeers(lost.Low())
			if got, uid := lost.Judge(shows(tt.shown)); got != tt.want || uid != tt.uid {
				t.Errorf("landed: %s, UID %d; want %s, %d", got, uid, tt.want, tt.uid)
			}
		})
	}
}

// Peers are told how an APPEND has ended.
func TestPeersAreTold(t *testing.T) {
	for name, tt := range map[string]struct {
		end  func(*Claim)
		most int
		uids []uint32
	}{
		"with a UID":          {func(cl *Claim) { cl.Stored(told(10)) }, 0, []uint32{10}},
		"at the second try":   {func(cl *Claim) { cl.Sending(); cl.Stored(told(10)) }, 1, []uint32{10}},
		"without one":         {func(cl *Claim) { cl.Stored(nil) }, 1, nil},
		"refused":             {func(cl *Claim) { cl.Refused(); cl.Close() }, 0, nil},
		"not known":           {func(cl *Claim) { cl.Close() }, 1, nil},
		"found":               {func(cl *Claim) { cl.Judge(shows("m")) }, 0, []uint32{10}},
		"found, as two tries": {func(cl *Claim) { cl.Sending(); cl.Judge(shows("mm")) }, 0, []uint32{10, 11}},
		"recognized":          {func(cl *Claim) { cl.Recognize(shows("m"), Sought{}) }, 0, []uint32{10}},
	} {
		t.Run(name, func(t *testing.T) {
			c, _ := newTestClaims()
			peers := &otherGateway{most: -1}
			c.peers = peers
			tt.end(begun(t, c, "<m@x>", 10, 1))
			if peers.most != tt.most || !slices.Equal(peers.told, tt.uids) {
				t.Errorf("told of %d, %v; want %d, %v", peers.most, peers.told, tt.most, tt.uids)
			}
		})
	}
}

// After a message of another gateway whose UID is not known, a UIDNEXT from before is no mark.
func TestMarkAfterPeers(t *testing.T) {
	for _, others := range []int{0, 1} {
		c, _ := newTestClaims()
		peers := new(otherGateway)
		c.peers = peers
		begun(t, c, "<a@x>", 10, 1).Stored(told(10))
		peers.others = others
		cl, err := c.Enter(t.Context(), "drafts", identity("<m@x>"), 0)
		if err != nil {
			t.Fatal(err)
		}
		if cl.IsMarked() != (others == 0) {
			t.Errorf("with %d of others, the mark is known: %t", others, others > 0)
		}
	}
}

// An APPEND that cannot wait for its peers is in nobody's way.
func TestEnterWithoutPeers(t *testing.T) {
	c, _ := newTestClaims()
	gone := errors.New("gone")
	peers := &otherGateway{err: gone}
	c.peers = peers
	if _, err := c.Enter(t.Context(), "drafts", identity("<m@x>"), time.Hour); err != gone {
		t.Errorf("error %v", err)
	}
	peers.err = nil
	if _, err := c.Enter(t.Context(), "drafts", identity("<m@x>"), time.Hour); err != nil {
		t.Error(err)
	}
}
