package proxy

import (
	"strings"
	"testing"

	"exgate/backend/exchangesim"
	"exgate/proxy/spool"
)

func TestDerivedDate(t *testing.T) {
	const date = "Date: Tue, 3 Mar 2026 10:00:00 +0100\r\n"
	for message, want := range map[string]string{
		"":                              "",
		"Subject: none\r\n\r\nbody\r\n": "",
		date + "\r\nbody\r\n":           " 3-Mar-2026 10:00:00 +0100",
		"Received: from a; by b;\r\n Wed, 4 Mar 2026 11:00:00 -0500 (EST)\r\nReceived: x; Mon, 2 Mar 2026 09:00:00 +0000\r\n" + date + "\r\n": " 4-Mar-2026 11:00:00 -0500",
		"Received: no date\r\n" + date + "\r\n":        " 3-Mar-2026 10:00:00 +0100",
		"Date: Thu, 1 Jan 1970 00:00:00 +0000\r\n\r\n": "",
		"Date: Thu, 1 Jan 2200 00:00:00 +0000\r\n\r\n": "",
		"Date: yesterday\r\n\r\n":                      "",
	} {
		s := spool.New(spool.Options{}, int64(len(message)))
		if _, err := s.Write([]byte(message)); err != nil {
			t.Fatal(err)
		}
		if got := derivedDate(s); got != want {
			t.Errorf("%q: %q, want %q", message, got, want)
		}
	}
}

func TestInternalDateIsDerived(t *testing.T) {
	p := exchangePolicy
	p.InternalDate = true
	g, sim := newSimulated(t, exchangesim.Config{Profile: p.Name}, withPolicy(p))
	c := g.loggedIn()
	message := strings.Replace(cleanMessage, "\r\n", "\r\nDate: Tue, 3 Mar 2026 10:00:00 +0100\r\n", 1)
	c.upload("INBOX", message)
	c.until("a1 OK …", "* OK …")
	if got := stored(t, sim, "INBOX").InternalDate.UTC().Format("2006-01-02 15:04"); got != "2026-03-03 09:00" {
		t.Errorf("date %s", got)
	}
	c.upload(`Drafts "22-Nov-2026 10:00:00 +0100"`, message)
	c.until("a1 OK …", "* OK …")
	if got := stored(t, sim, "Drafts").InternalDate.UTC().Format("2006-01-02"); got != "2026-11-22" {
		t.Errorf("a date that was given became %s", got)
	}
}
