package rewrite

import (
	"errors"
	"fmt"
)

// LongLines says what is done with a line that is longer than the limit.
type LongLines string

const (
	LongLinesOff    LongLines = "off"    // left as it is
	LongLinesRecode LongLines = "recode" // the leaf part is re-encoded, lossless
	LongLinesWrap   LongLines = "wrap"   // the line is cut at the limit, as imapsync's option does
)

// ReadReceipt says which messages lose their requests for a read receipt.
type ReadReceipt string

const (
	ReadReceiptOff  ReadReceipt = "off"
	ReadReceiptAll  ReadReceipt = "all"
	ReadReceiptSeen ReadReceipt = "seen" // those appended with \Seen
)

// maxLineLimit is far beyond what any profile has.
const maxLineLimit = 1_000_000

// Options are the fixes that a Plan may use. The zero value repairs nothing.
type Options struct {
	LongLines   LongLines   // "" is LongLinesOff
	LineLimit   int         // longest line that is left alone, in bytes without CRLF; 0: no limit
	ReadReceipt ReadReceipt // "" is ReadReceiptOff
	Seen        bool        // the message is appended with \Seen
}

// Validate returns every fault of the options at once, each beginning with
// the name of its field as configuration spells it.
func (o Options) Validate() error {
	var errs []error
	switch o.LongLines {
	case "", LongLinesOff, LongLinesRecode, LongLinesWrap:
	default:
		errs = append(errs, fmt.Errorf("long-lines: %q is none of off, recode, wrap", o.LongLines))
	}
	// Below 78 there is no room for a folded header or an encoded line
	// (RFC 2045 section 6.7 allows 76 characters).
	if o.LineLimit != 0 && o.LineLimit < 78 {
		errs = append(errs, fmt.Errorf("line-limit: %d is too small: use 78 or more, or 0 for none", o.LineLimit))
	}
	// One line is held in memory where it is cut.
	if o.LineLimit > maxLineLimit {
		errs = append(errs, fmt.Errorf("line-limit: %d is too large: use %d or less, or 0 for none", o.LineLimit, maxLineLimit))
	}
	switch o.ReadReceipt {
	case "", ReadReceiptOff, ReadReceiptAll, ReadReceiptSeen:
	default:
		errs = append(errs, fmt.Errorf("read-receipt: %q is none of off, all, seen", o.ReadReceipt))
	}
	return errors.Join(errs...)
}
