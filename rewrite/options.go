package rewrite

import (
	"errors"
	"fmt"
	"slices"
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

// Signed says what becomes of a part that is signed or encrypted and would
// have to change.
type Signed string

const (
	SignedRepair Signed = "repair" // it is changed, and the report says so
	SignedLeave  Signed = "leave"  // it stays as it is, and with it what is wrong
)

// Oversize says what becomes of a message over Options.SizeLimit.
type Oversize string

const (
	OversizeRefuse Oversize = "refuse" // nothing here: whoever sends it refuses it
	OversizeDetach Oversize = "detach" // its largest attachments are taken out until it fits
)

// When says at which stage a fix is used first.
type When string

const (
	Off     When = "off"     // never
	Always  When = "always"  // for every message
	Refused When = "refused" // once Exchange has refused the message
	Shed    When = "shed"    // once it has refused the repaired message too
)

// Stage is how far a plan goes. Each goes further than the one before it.
type Stage int

const (
	StageProfile  Stage = iota // what is done to every message
	StageRefused               // further repairs
	StageShed                  // what Exchange may choke on is shortened, moved or put in a file
	StageEnvelope              // the message becomes an attached file of a small one
)

// String is the stage as log lines name it.
func (s Stage) String() string {
	return [...]string{"profile", "refused", "shed", "envelope"}[s]
}

// Uses says when each fix is used that has no other choice; "" is Off. The
// fixes are described in their files.
type Uses struct {
	LineEndings, NULBytes, LongHeaders         When
	EightBit, EncodedWords                     When
	References, Subject, Addresses, FileNames  When
	Attachments, Nesting, AppleDouble, Partial When
	BrokenEncoding                             When
	ReceivedDate                               When
}

// UsesAt has every fix on at its usual stage, but those that only a user can
// want.
var UsesAt = Uses{
	LineEndings: Always, NULBytes: Always, LongHeaders: Always,
	EightBit: Refused, EncodedWords: Refused,
	References: Shed, Subject: Shed, Addresses: Shed, FileNames: Shed,
	Attachments: Shed, Nesting: Shed, AppleDouble: Shed, Partial: Shed, BrokenEncoding: Shed,
}

// maxLineLimit is far beyond what any profile has.
const maxLineLimit = 1_000_000

// Options are the fixes that a Plan may use. The zero value repairs nothing.
type Options struct {
	LongLines   LongLines   // "" is LongLinesOff
	LineLimit   int         // longest line that is left alone, in bytes without CRLF; 0: no limit
	ReadReceipt ReadReceipt // "" is ReadReceiptOff
	Seen        bool        // the message is appended with \Seen
	Signed      Signed      // "" is SignedRepair
	Uses        Uses
	Stage       Stage
	SizeLimit   int64    // largest message, in bytes; 0: no limit. Only OversizeDetach heeds it
	Oversize    Oversize // "" is OversizeRefuse
	Note        Note     // of what was taken out; "" is the usual text
	HeaderRules []HeaderRule
}

// IsNone reports whether no fix is on at any stage.
func (o *Options) IsNone() bool {
	for i := range fixes {
		if use := fixes[i].uses(o); use != "" && use != Off {
			return false
		}
	}
	return o.LineLimit == 0 && o.ReadReceipt != ReadReceiptSeen
}

// isOn reports whether a fix is used at the stage of the options.
func (o *Options) isOn(f fixID) bool {
	switch fixes[f].uses(o) {
	case Always:
		return true
	case Refused:
		return o.Stage >= StageRefused
	case Shed:
		return o.Stage >= StageShed
	}
	return false
}

// Validate returns every fault of the options at once, each beginning with
// the name of its field as configuration spells it.
func (o Options) Validate() error {
	var errs []error
	fault := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	switch o.LongLines {
	case "", LongLinesOff, LongLinesRecode, LongLinesWrap:
	default:
		fault("long-lines: %q is none of off, recode, wrap", o.LongLines)
	}
	// Below 78 there is no room for a folded header or an encoded line
	// (RFC 2045 section 6.7 allows 76 characters).
	if o.LineLimit != 0 && o.LineLimit < 78 {
		fault("line-limit: %d is too small: use 78 or more, or 0 for none", o.LineLimit)
	}
	// One line is held in memory where it is cut.
	if o.LineLimit > maxLineLimit {
		fault("line-limit: %d is too large: use %d or less, or 0 for none", o.LineLimit, maxLineLimit)
	}
	switch o.ReadReceipt {
	case "", ReadReceiptOff, ReadReceiptAll, ReadReceiptSeen:
	default:
		fault("read-receipt: %q is none of off, all, seen", o.ReadReceipt)
	}
	switch o.Signed {
	case "", SignedRepair, SignedLeave:
	default:
		fault("signed: %q is none of repair, leave", o.Signed)
	}
	switch o.Oversize {
	case "", OversizeRefuse, OversizeDetach:
	default:
		fault("oversize: %q is none of refuse, detach", o.Oversize)
	}
	for i := range fixes {
		if !slices.Contains([]When{"", Off, Always, Refused, Shed}, fixes[i].uses(&o)) {
			fault("%s: %q is none of off, always, refused, shed", fixes[i].name, fixes[i].uses(&o))
		}
	}
	if o.Stage < StageProfile || o.Stage > StageEnvelope {
		fault("stage: %d is none", o.Stage)
	}
	if err := o.Note.Validate(); err != nil {
		fault("note: %w", err)
	}
	for i, r := range o.HeaderRules {
		if err := r.Validate(); err != nil {
			fault("header-rules: entry %d: %w", i+1, err)
		}
	}
	return errors.Join(errs...)
}
