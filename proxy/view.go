package proxy

import "strings"

// view is the mailbox that the client has selected, as the upstream's replies
// show it.
type view struct {
	mailbox   string // as the client named it, decoded of its quoting; "" if none
	readWrite bool
	// flags are the PERMANENTFLAGS (RFC 9051 section 7.1): nil if unknown.
	flags []string
}

// holds tells whether name is the selected mailbox. INBOX is so in any case
// (RFC 9051 section 5.1), and Exchange's other names too (behaviour notes §4.5).
func (v *view) holds(name string, exchange bool) bool {
	if v.mailbox == "" {
		return false
	}
	if exchange || strings.EqualFold(name, "INBOX") {
		return strings.EqualFold(name, v.mailbox)
	}
	return name == v.mailbox
}
