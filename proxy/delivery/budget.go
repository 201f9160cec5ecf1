package delivery

import (
	"github.com/emersion/go-imap/v2"

	"exgate/proxy/budget"
	"exgate/proxy/ledger"
)

// OverBudget records a message of size bytes for which the budget is used up, and returns the
// reply. A message that is larger than the whole budget is too big (RFC 7889 section 4): the
// client would try in vain again and again.
func (s *Sender) OverBudget(up *Upload, size int64, over *budget.Over) *imap.Error {
	s.TurnAway(up, size, ledger.RuleBudget, over.Error())
	reply := &imap.Error{Type: imap.StatusResponseTypeNo, Code: imap.ResponseCodeLimit, Text: over.Error()}
	if over.At.IsZero() {
		up.Record.Outcome, reply.Code = ledger.TooLarge, "TOOBIG"
	}
	return reply
}
