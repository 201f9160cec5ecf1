package rewrite

import (
	"context"
	"fmt"
	"io"
	"strings"
)

// Examination is what looks wrong with a message that Exchange has refused.
type Examination struct {
	Size        int64
	LongestLine int64 // in bytes without line end
	HeaderBytes int64 // the size of the message's own header
	Fields      int   // the fields in the own header
	Parts       int   // the number of leaf parts
	Depth       int   // the number of messages inside each other
	NUL         int64 // the number of NUL bytes
	BareCR      int64 // the number of CRs outside CRLF
	BareLF      int64
	EightBit    int64    // the number of bytes above 127
	Charsets    []string // some of the charsets that exgate does not know
	Faults      []Fault  // the broken rules
}

// Fault is a rule that the message breaks.
type Fault struct {
	Rule  string // the name of the fix for it; "header" or "oversize" if there is no fix
	About string // a description
}

// maxCharsets limits the charsets in an Examination.
const maxCharsets = 10

// Examine checks a message by all known rules, and returns the rules that Exchange may have
// refused it for. o has the limits. The error is that of a read, or the cause of ctx if ctx
// ends first.
func Examine(ctx context.Context, message io.ReaderAt, size int64, o Options) (*Examination, error) {
	x := &Examination{Size: size}
	o.Stage, o.Uses, o.Signed, o.Oversize, o.HeaderRules = StageShed, UsesAt, SignedRepair, OversizeRefuse, nil
	o.ReadReceipt = ReadReceiptOff
	if o.LineLimit == 0 {
		o.LineLimit = 998 // RFC 5322 section 2.1.1
	}
	o.LongLines = LongLinesRecode
	p := &planner{Plan: &Plan{message: &stoppable{message, ctx}, length: size}, options: o}
	defer p.giveBack()
	if err := x.look(p); err != nil {
		return nil, err
	}
	err := p.run()
	refused, isRefused := err.(*RefusedError)
	if err != nil && !isRefused {
		return nil, err
	}
	report := p.Report()
	for _, f := range report.Fixes {
		x.add(f.Name, "%s (%d)", ruleText[f.Name], f.Count)
	}
	for _, e := range report.Unrepaired {
		x.add(e.Rule, "%d over %d bytes, the longest of %d bytes", e.Count, e.Limit, e.Longest)
	}
	if isRefused {
		x.add(refused.Rule, "%s", refused.Reason)
	}
	if o.SizeLimit > 0 && size > o.SizeLimit {
		x.add("oversize", "it has %d bytes, the limit is %d", size, o.SizeLimit)
	}
	return x, nil
}

// ruleText says what is wrong where a fix has something to mend.
var ruleText = map[string]string{
	"line-endings":    "CR or LF outside of CRLF",
	"nul-bytes":       "NUL",
	"long-lines":      "body lines over the limit",
	"long-headers":    "header lines over the limit",
	"header-lines":    "lines of a header that are no fields, or have blanks before their colon",
	"eight-bit":       "bytes over 127 in a header, or in a body that is not encoded",
	"encoded-words":   "encoded words or charsets that cannot be read",
	"references":      "a list of references over the limit",
	"subject":         "a subject over 255 characters",
	"addresses":       "an address over 1950 bytes",
	"filenames":       "a file name over 255 characters",
	"attachments":     "parts beyond 250",
	"nesting":         "attached messages deeper than 30",
	"appledouble":     "multipart/appledouble",
	"partial":         "message/partial",
	"broken-encoding": "base64 or quoted-printable that does not decode",
}

func (x *Examination) add(rule, format string, args ...any) {
	x.Faults = append(x.Faults, Fault{rule, fmt.Sprintf(format, args...)})
}

// look gathers the facts.
func (x *Examination) look(p *planner) error {
	found, err := scan(p.message, p.length, 1, p.buffer(0))
	if err != nil {
		return err
	}
	x.LongestLine, x.NUL, x.BareCR, x.BareLF, x.EightBit = found.over.longest, found.nul, found.bareCR, found.bareLF,
		found.eightBit
	seen := map[string]bool{}
	names := map[string]int{}
	w := &walker{lines: newLines(p.message, p.length, p.buffer(0)), limit: 1 << 62}
	isTold := false // of a field that has such bytes and stays as it is
	w.field = func(f *field) error {
		if !isTold && f.eightBit && f.identifies() {
			isTold = true
			x.add("eight-bit", "bytes over 127 in %s, which exgate does not change", f.name)
		}
		if !f.header.top {
			return nil
		}
		if x.Fields++; len(names) < maxHeld {
			names[strings.ToLower(f.name)]++
		}
		return nil
	}
	w.entered = func(e *entity) error {
		x.Depth = max(x.Depth, e.messages)
		charset := e.mediaType.charset
		if _, _, known := findCharset(charset); charset != "" && !known && !seen[charset] &&
			len(x.Charsets) < maxCharsets {
			seen[charset] = true
			x.Charsets = append(x.Charsets, charset)
		}
		return nil
	}
	w.ended = func(h *header) error {
		if h.top {
			x.HeaderBytes = h.end - h.start
		}
		return nil
	}
	w.content = func(content) error { return nil }
	if err := w.message(); err != nil {
		return err
	}
	x.Parts = w.leaves
	for _, name := range []string{"from", "date"} { // RFC 5322 section 3.6
		if names[name] == 0 && len(names) < maxHeld {
			x.add("header", "it has no %s", name)
		}
	}
	for _, name := range []string{"from", "date", "subject", "message-id", "to", "cc", "content-type",
		"content-transfer-encoding", "mime-version"} {
		if names[name] > 1 {
			x.add("header", "%d fields %s, where one is allowed", names[name], name)
		}
	}
	return nil
}

// String says it in one line.
func (x *Examination) String() string {
	facts := fmt.Sprintf("%d bytes, longest line %d, header %d bytes in %d fields, %d parts, messages %d deep",
		x.Size, x.LongestLine, x.HeaderBytes, x.Fields, x.Parts, x.Depth)
	if x.NUL > 0 {
		facts += fmt.Sprintf(", %d NUL", x.NUL)
	}
	if x.BareCR+x.BareLF > 0 {
		facts += fmt.Sprintf(", %d bare CR and %d bare LF", x.BareCR, x.BareLF)
	}
	if x.EightBit > 0 {
		facts += fmt.Sprintf(", %d bytes over 127", x.EightBit)
	}
	if len(x.Charsets) > 0 {
		facts += fmt.Sprintf(", unknown charsets %q", x.Charsets)
	}
	if len(x.Faults) == 0 {
		return "no known rule is broken (" + facts + ")"
	}
	var faults []string
	for _, f := range x.Faults {
		faults = append(faults, f.Rule+": "+f.About)
	}
	return strings.Join(faults, "; ") + " (" + facts + ")"
}
