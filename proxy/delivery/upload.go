package delivery

import (
	"errors"

	"exgate/proxy/budget"
	"exgate/proxy/ledger"
	"exgate/proxy/mailbox"
	"exgate/proxy/spool"

	"github.com/emersion/go-imap/v2"
)

// Upload is the message of an APPEND and what the client says of it.
type Upload struct {
	Mailbox string   // as it is named upstream, decoded of its quoting
	Flags   []string // as they came
	Date    string   // date-time (RFC 9051 section 9), without quotes; "" if none
	Spool   *spool.Spool
	sum     *sum             // of the spool; nil: it is not known yet, or nobody wants it
	Share   *budget.Share    // what it has taken of the budget; nil: nothing
	claim   *mailbox.Claim   // nil: it has not gone up, or a session that is not resumed has it
	stored  *imap.AppendData // nil: it is not stored, or the upstream has not told its UID
	earlier *ledger.Earlier  // the attempt that had stored it; nil: there is none

	Record   ledger.Message // its row in the ledger
	Body     *spool.Spool   // what is repaired and sent: the spool, or what a filter has made of it
	filtered bool           // the filter has had it
}

// Close gives back what holds the message.
func (up *Upload) Close() error {
	up.Share.Close()
	if up.claim != nil {
		up.claim.Close()
	}
	if up.Body != nil && up.Body != up.Spool {
		return errors.Join(up.Body.Close(), up.Spool.Close())
	}
	return up.Spool.Close()
}
