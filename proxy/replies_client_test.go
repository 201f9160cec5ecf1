package proxy

import (
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"exgate/backend"
	"exgate/backend/exchangesim"
)

// TestGoIMAPClient takes go-imap's client through what Exchange was seen to
// say: it fails without the repair, most often with the loss of the connection
// (behaviour notes §6), and does not with it.
func TestGoIMAPClient(t *testing.T) {
	appended := func(lines ...string) string { return strings.Join(lines, "\r\n") + "\r\n\r\nx\r\n" }
	for _, tt := range []struct {
		name    string
		quirks  []string
		message string
		run     func(c *imapclient.Client) error
	}{
		{"copyuid", []string{"bare-copyuid"}, appended("Subject: x"), func(c *imapclient.Client) error {
			_, err := c.Move(imap.UIDSetNum(1), "Drafts").Wait()
			return err
		}},
		{"list-names", []string{"tab-names", "no-blank-end-dropped"}, appended("Subject: x"), func(c *imapclient.Client) error {
			_, err := c.List("", "*", nil).Collect()
			return err
		}},
		{"structure", []string{"bare-disposition", "no-regenerated"}, appended("Subject: x", "MIME-Version: 1.0", "Content-Type: text/plain", "Content-Disposition: inline"), fetchStructure},
		{"structure of a multipart", []string{"odd-disposition", "no-regenerated"},
			"MIME-Version: 1.0\r\nContent-Type: multipart/signed; boundary=z\r\n\r\n--z\r\n\r\nx\r\n--z--\r\n", fetchStructure},
		{"missing-data", []string{"missing-data"}, appended("Subject: x", "X-Exchangesim-Unconvertible: calendar"), func(c *imapclient.Client) error {
			messages, err := c.Fetch(imap.UIDSetNum(1), &imap.FetchOptions{BodySection: []*imap.FetchItemBodySection{{Peek: true}}}).Collect()
			if err == nil && len(messages) == 0 {
				return errNotTold
			}
			if imapErr, ok := err.(*imap.Error); ok && imapErr.Type == imap.StatusResponseTypeNo {
				return nil // it has been told
			}
			return err
		}},
	} {
		for _, on := range []bool{false, true} {
			t.Run(tt.name+map[bool]string{false: ", not repaired", true: ", repaired"}[on], func(t *testing.T) {
				policy := repairing(on)
				if on { // its names must be modified UTF-7, TABs and all
					policy.Names = apartNames
				}
				g, sim := newSimulated(t, exchangesim.Config{Quirks: tt.quirks}, withPolicy(policy))
				if _, err := sim.Deliver("alice", "INBOX", nil, testTime, []byte(tt.message)); err != nil {
					t.Fatal(err)
				}
				if err := sim.MakeFolder("alice", "Da\tOggetto"); err != nil {
					t.Fatal(err)
				}
				nc := g.dial().nc
				nc.SetDeadline(time.Now().Add(waitLimit))
				c := imapclient.New(nc, nil)
				defer c.Close()
				if err := c.Login("alice", "alicepass").Wait(); err != nil {
					t.Fatal(err)
				}
				if _, err := c.Select("INBOX", nil).Wait(); err != nil {
					t.Fatal(err)
				}
				if err := tt.run(c); (err == nil) != on {
					t.Errorf("repaired: %t, error: %v", on, err)
				}
			})
		}
	}
}

var errNotTold = &imap.Error{Type: imap.StatusResponseTypeOK, Text: "the message is missing and no one says so"}

func fetchStructure(c *imapclient.Client) error {
	_, err := c.Fetch(imap.UIDSetNum(1), &imap.FetchOptions{BodyStructure: &imap.FetchItemBodyStructure{Extended: true}}).Collect()
	return err
}

// A simulated Exchange Online that stops telling in IDLE, and tells before the
// "+".
func TestIdleSimulated(t *testing.T) {
	g, sim := newSimulated(t, exchangesim.Config{Profile: "exchange-online", Quirks: []string{"no-secure-login"}},
		withPolicy(Policy{Name: "exchange-online", Pipeline: 1, Forms: []backend.Form{backend.FormUser}, Replies: backend.AllReplies()}),
		func(_ *Options, l *limits) { l.IdleRenew = 100 * time.Millisecond })
	c := g.loginSimulated()
	c.do("SELECT INBOX", "OK …")
	if _, err := sim.Deliver("alice", "INBOX", nil, testTime, []byte("Subject: x\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	c.C("a1 IDLE")
	c.S("+ …")
	c.S("* 1 EXISTS")
	c.C("DONE")
	c.S("a1 OK IDLE completed.")
}
