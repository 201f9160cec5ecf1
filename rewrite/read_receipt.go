package rewrite

import (
	"bytes"
	"io"
)

const ruleReadReceipt = "read-receipt"

// receiptFields ask the reader's program for a receipt: RFC 8098 section 2.1,
// and two older habits, of sendmail and of Pegasus Mail.
var receiptFields = [...][]byte{
	[]byte("Disposition-Notification-To"),
	[]byte("Return-Receipt-To"),
	[]byte("X-Confirm-Reading-To"),
}

// readReceipt puts X- before the names of the fields that ask for a receipt,
// since Exchange would send one again, even for old mail. imapsync's option
// gives the same name. Only the message's own header counts: nobody
// acknowledges a message that is attached.
func readReceipt(p *Plan, o Options) error {
	switch o.ReadReceipt {
	case ReadReceiptAll:
	case ReadReceiptSeen:
		if !o.Seen {
			return nil
		}
	default:
		return nil
	}
	lines := newLines(p.message, p.length, p.buffer())
	for {
		l, err := lines.next()
		if err == io.EOF || err == nil && l.length() == 0 {
			return nil
		}
		if err != nil {
			return err
		}
		if !asksReceipt(fieldName(l.head)) {
			continue
		}
		if err := p.disable(ruleReadReceipt, l.start, l.length(), o.LineLimit); err != nil {
			return err
		}
		p.count(ruleReadReceipt, 1)
	}
}

func asksReceipt(name []byte) bool {
	for _, f := range receiptFields {
		if bytes.EqualFold(name, f) {
			return true
		}
	}
	return false
}
