package exchangesim

import (
	"fmt"
	"strings"
	"time"
)

// Seed fills a user's mailbox with a few built-in messages, so that a client
// finds something.
func (s *Server) Seed(user string) error {
	date := s.now().Add(-72 * time.Hour)
	for i, m := range []struct {
		mailbox, flags, subject, body string
	}{
		{"INBOX", `\Seen`, "Welcome", "This mailbox is simulated.\r\n"},
		{"INBOX", `\Seen \Flagged`, "Budget 2026", "Please look at the figures before Monday.\r\n"},
		{"INBOX", "", "Lunch?", "At noon, the usual place.\r\n"},
		{"Sent Items", `\Seen \Answered`, "Re: Lunch?", "With pleasure.\r\n"},
		{"Projects/Migration", "", "Plan", "1. Back up.\r\n2. Sync.\r\n3. Compare.\r\n"},
	} {
		when := date.Add(time.Duration(i) * time.Hour)
		sent := when.Format(time.RFC1123Z)
		msg := "Received: from client." + UPNSuffix + " by exchangesim." + UPNSuffix + "; " + sent + "\r\n" +
			"Date: " + sent + "\r\n" +
			"From: Carol <carol@" + UPNSuffix + ">\r\n" +
			"To: " + user + "@" + UPNSuffix + "\r\n" +
			"Subject: " + m.subject + "\r\n" +
			fmt.Sprintf("Message-ID: <seed.%d.%s@%s>\r\n", i+1, user, UPNSuffix) +
			"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n" + m.body
		if _, err := s.Deliver(user, m.mailbox, strings.Fields(m.flags), when, []byte(msg)); err != nil {
			return fmt.Errorf("seeding: %w", err)
		}
	}
	return nil
}
