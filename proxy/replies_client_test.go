package proxy

import (
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"exgate/backend"
	"exgate/backend/exchangesim"
	"exgate/config/profile"
	"exgate/proxy/testkit"
)

// TestGoIMAPClient gives go-imap's client replies that Exchange was seen to send. Without the repair the client fails,
// and mostly loses the connection (docs/clients.md#go-imap). With the repair it works.
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
		{"odd structure", []string{"odd-structure", "no-regenerated"}, appended("Subject: x", "MIME-Version: 1.0",
			"Content-Type: text/plain", "Content-Disposition: attachment; filename=x.txt"), func(c *imapclient.Client) error {
			messages, err := c.Fetch(imap.UIDSetNum(1), &imap.FetchOptions{
				BodyStructure: &imap.FetchItemBodyStructure{Extended: true},
			}).Collect()
			if err != nil {
				return err
			}
			part, ok := messages[0].BodyStructure.(*imap.BodyStructureSinglePart)
			if !ok || part.Filename() != "x.txt" {
				return errNotTold
			}
			return nil
		}},
		{"empty copyuid", []string{"empty-copyuid"}, appended("Subject: x"), func(c *imapclient.Client) error {
			_, err := c.Copy(imap.UIDSetNum(99), "Drafts").Wait()
			return err
		}},
		{"missing-data", []string{"missing-data"}, appended("Subject: x", "X-Exchangesim-Unconvertible: calendar"), func(c *imapclient.Client) error {
			messages, err := c.Fetch(imap.UIDSetNum(1), &imap.FetchOptions{BodySection: []*imap.FetchItemBodySection{{Peek: true}}}).Collect()
			if err == nil && len(messages) == 0 {
				return errNotTold
			}
			if imapErr, ok := err.(*imap.Error); ok && imapErr.Type == imap.StatusResponseTypeNo {
				return nil // the client was told
			}
			return err
		}},
	} {
		for _, on := range []bool{false, true} {
			t.Run(tt.name+map[bool]string{false: ", not repaired", true: ", repaired"}[on], func(t *testing.T) {
				prof := repairing(on)
				if on { // go-imap decodes names as modified UTF-7, even with a TAB
					prof.Names = apartNames
				}
				g, sim := newSimulated(t, exchangesim.Config{Quirks: tt.quirks}, withProfile(prof))
				if _, err := sim.Deliver("alice", "INBOX", nil, testTime, []byte(tt.message)); err != nil {
					t.Fatal(err)
				}
				if err := sim.MakeFolder("alice", "Da\tOggetto"); err != nil {
					t.Fatal(err)
				}
				nc := g.dial().nc
				nc.SetDeadline(time.Now().Add(testkit.WaitLimit))
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

// go-imap's client loses the connection over a malformed response code.
func TestGoIMAPClientStatusCode(t *testing.T) {
	for _, on := range []bool{false, true} {
		g := newGateway(t, withProfile(repairing(on)))
		peer, u := g.login()
		nc := peer.nc
		// The client's connection begins after the login.
		near, far := pair(t)
		go func() { io.WriteString(far, "* PREAUTH ready\r\n"); io.Copy(far, nc) }()
		go io.Copy(nc, far)
		c := imapclient.New(near, nil)
		defer c.Close()
		selected := make(chan error, 1)
		go func() {
			_, err := c.Select("INBOX", nil).Wait()
			selected <- err
		}()
		line := u.C("…")
		for !strings.Contains(line, "SELECT") { // go-imap may ask for capabilities first
			tag, _, _ := strings.Cut(line, " ")
			u.S("* CAPABILITY IMAP4rev1")
			u.S(tag + " OK done")
			line = u.C("…")
		}
		tag, _, _ := strings.Cut(line, " ")
		u.S("* 0 EXISTS")
		u.S(tag + ` OK [Error="WrongServerException:Cross Server access" Proxy=host:1993:SSL] SELECT completed.`)
		if err := <-selected; (err == nil) != on {
			t.Errorf("repaired: %t, error: %v", on, err)
		}
	}
}

// The simulated Exchange Online sends news before the continuation request of IDLE, and sends none any more after ten
// minutes. go-imap's client must notice neither.
func TestIdleSimulated(t *testing.T) {
	for _, on := range []bool{false, true} {
		var later atomic.Int64
		sim := exchangesim.Config{
			Profile: "exchange-online", Quirks: []string{"no-secure-login"},
			Now: func() time.Time { return testTime.Add(time.Duration(later.Load())) },
		}
		prof := profile.Profile{Name: "exchange-online", Pipeline: 1, Forms: []backend.Form{backend.FormUser}}
		if on {
			prof.Replies = backend.AllReplies()
		}
		g, server := newSimulated(t, sim, withProfile(prof), func(_ *Options, l *limits) { l.IdleRenew = 100 * time.Millisecond })
		deliver := func() {
			if _, err := server.Deliver("alice", "INBOX", nil, testTime, []byte("Subject: x\r\n\r\n")); err != nil {
				t.Fatal(err)
			}
		}
		exists := make(chan uint32, 10)
		nc := g.dial().nc
		nc.SetDeadline(time.Now().Add(testkit.WaitLimit))
		c := imapclient.New(nc, &imapclient.Options{UnilateralDataHandler: &imapclient.UnilateralDataHandler{
			Mailbox: func(data *imapclient.UnilateralDataMailbox) {
				if data.NumMessages != nil {
					exists <- *data.NumMessages
				}
			},
		}})
		defer c.Close()
		if err := c.Login("alice@example.com", "alicepass").Wait(); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Select("INBOX", nil).Wait(); err != nil {
			t.Fatal(err)
		}
		idle, err := c.Idle()
		if err != nil {
			t.Fatal(err)
		}
		deliver()
		if n := <-exists; n != 1 {
			t.Fatalf("%d messages", n)
		}
		later.Store(int64(10 * time.Minute))
		deliver()
		select {
		case <-exists:
			if !on {
				t.Error("it was told without the repair")
			}
		case <-time.After(quietFor(on)):
			if on {
				t.Error("it was not told")
			}
		}
		if err := idle.Close(); err != nil {
			t.Error(err)
		}
		if err := idle.Wait(); err != nil {
			t.Error(err)
		}
	}
}

// quietFor returns how long a test waits: long for something that must come, short for something that must not.
func quietFor(comes bool) time.Duration {
	if comes {
		return testkit.WaitLimit
	}
	return 300 * time.Millisecond
}
