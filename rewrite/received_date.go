package rewrite

import "strings"

// receivedDate is the fix received-date: Exchange 2007 dates a message by its
// Received fields, so one without any gets "Received: From; <Date>" after its
// Date (FAQ.Exchange, question on Exchange 2007). imapsync then needs
// --skipheader Received, since it recognises messages by these fields too.
func (p *planner) receivedDate(h *header) error {
	if !p.isOn(fixReceivedDate) || !h.top || h.received || h.date == nil {
		return nil
	}
	value, ok, err := p.text(h.date)
	if !ok || err != nil {
		return err
	}
	p.count(fixReceivedDate, 1)
	h.received = true
	return p.add(fixes[fixReceivedDate].name, edit{
		span:   span{h.date.end, h.date.end},
		text:   fold("Received", " From; "+strings.TrimSpace(value)),
		fields: true,
	})
}
