package proxy

import (
	"strings"
	"testing"

	"exgate/backend/exchangesim"
)

func TestInternalDateIsDerived(t *testing.T) {
	p := exchangeProfile
	p.InternalDate = true
	g, sim := newSimulated(t, exchangesim.Config{Profile: p.Name}, withProfile(p))
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
