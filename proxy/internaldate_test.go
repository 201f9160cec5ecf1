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

// A date that is none does not keep a message from arriving (EX-83).
func TestDatesThatAreNone(t *testing.T) {
	const dated = "Date: Tue, 3 Mar 2026 10:00:00 +0100\r\n"
	for _, tt := range []struct{ date, header, want string }{ // want "": the day of the transfer
		{"00-Jan-0000 00:00:00 +0000", dated, "2026-03-03 09:00"},
		{"31-Feb-2020 00:00:00 +0000", dated, "2026-03-03 09:00"},
		{"22-Nov-2026 10:00:00 --700", dated, "2026-03-03 09:00"},
		{"22-Nov-2026 24:00:00 GMT", "Received: x; Mon, 2 Mar 2026 09:00:00 +0000\r\n" + dated, "2026-03-02 09:00"},
		{"22-Mai-26 10:00:00 +0100", dated, "2026-03-03 09:00"},
		{"30-Dec-1899 00:00:00 +0000", dated, "2026-03-03 09:00"},
		{"30-Dec-1899 00:00:00 +0000", "", ""},
		{"7-Nov-2016 18:49:23 +0200", dated, "2016-11-07 16:49"},
		{"", dated, "2026-03-03 09:00"},
	} {
		t.Run(tt.date+tt.want, func(t *testing.T) {
			p := exchangeProfile
			p.InternalDate = true
			g, sim := newSimulated(t, exchangesim.Config{Profile: p.Name, Quirks: []string{"strict-dates"}}, withProfile(p))
			c := g.loggedIn()
			c.upload(`Drafts "`+tt.date+`"`, strings.Replace(cleanMessage, "\r\n", "\r\n"+tt.header, 1))
			c.until("a1 OK …", "* OK …")
			got := stored(t, sim, "Drafts").InternalDate.UTC()
			if text := got.Format("2006-01-02 15:04"); tt.want != "" && text != tt.want || got.Year() < 2016 {
				t.Errorf("date %s", text)
			}
			if isInvalid := tt.date != "" && !strings.HasPrefix(tt.date, "7-"); isInvalid != g.log.contains("the client's date is invalid") {
				t.Errorf("the log: %s", g.log)
			}
		})
	}
}
