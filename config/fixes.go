package config

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"exgate/backend"
	"exgate/config/profile"
	"exgate/rewrite"
)

// Fixes are the repairs that can be configured. For a zero value, the profile
// decides.
type Fixes struct {
	// Body lines over line-limit. recode: exgate re-encodes the part, without loss.
	// wrap: exgate splits the line, as imapsync does. off: no change.
	LongLines rewrite.LongLines `key:"long-lines" example:"recode"`
	// The longest line that exgate does not change, in bytes without CRLF. 0: the
	// profile's value.
	LineLimit int `key:"line-limit" example:"9900"`
	// Requests for a read receipt, for which Exchange would send a second receipt.
	// all: exgate disarms them in every message. seen: only in messages that are
	// marked as read. off: no change.
	ReadReceipt rewrite.ReadReceipt `key:"read-receipt" example:"all"`
	// \Flagged, which Outlook does not show if it arrives with the message. replay:
	// exgate sets it afterwards, by STORE. leave: exgate sends it with the message.
	Flagged string `key:"flagged" example:"replay"`
	// Keywords that the mailbox does not accept; Exchange counts each as an error.
	// drop: exgate removes them. leave: exgate sends them.
	Keywords string `key:"keywords" example:"drop"`
	// Messages that the client sends without a date, or with an invalid one, such as
	// 00-Jan-0000; Exchange would show the date of the transfer, or refuse the message.
	// derive: exgate sends the date of the first Received, else of Date. leave: exgate
	// sends what the client has sent.
	InternalDate string `key:"internal-date" example:"derive"`
	// Messages over limits.message_size. refuse: exgate refuses them itself.
	// detach: exgate moves their largest attachments to quarantine.dir, and puts a
	// note in their place. off: exgate sends them, and Exchange decides.
	Oversize string `key:"oversize" example:"refuse"`
	// Signed or encrypted parts that need a repair. repair: exgate changes them,
	// and the log says so. leave: exgate does not change them. If Exchange then
	// refuses the message, exgate skips the other steps of escalate and uses the
	// envelope.
	Signed rewrite.Signed `key:"signed" example:"repair"`
	// The last step that exgate tries with a message that Exchange has refused.
	// off: none. repair: the fixes marked refused. shed: then the fixes marked
	// shed. envelope: then a small message with the original as an attached file.
	// Each step is one more APPEND.
	Escalate Escalation `key:"escalate" example:"repair"`
	// CR or LF that is not part of a CRLF. This key and the following ones have
	// four values. off: exgate never uses the fix. always: for every message.
	// refused: after Exchange has refused the message. shed: in a later step,
	// because the fix shortens or moves something. docs/fixes.md describes each.
	LineEndings rewrite.When `key:"line-endings" example:"always"`
	// NUL, which IMAP cannot transport.
	NULBytes rewrite.When `key:"nul-bytes" example:"always"`
	// Header lines over line-limit.
	LongHeaders rewrite.When `key:"long-headers" example:"always"`
	// Bytes over 127 in headers, and in bodies without encoding.
	EightBit rewrite.When `key:"eight-bit" example:"refused"`
	// Encoded words and charsets that no reader knows.
	EncodedWords rewrite.When `key:"encoded-words" example:"refused"`
	// References with more than 485 entries or 40,000 bytes.
	References rewrite.When `key:"references" example:"shed"`
	// Subjects over 255 characters.
	Subject rewrite.When `key:"subject" example:"shed"`
	// Addresses over 1,950 bytes.
	Addresses rewrite.When `key:"addresses" example:"shed"`
	// File names over 255 characters.
	FileNames rewrite.When `key:"filenames" example:"shed"`
	// More than 250 parts.
	Attachments rewrite.When `key:"attachments" example:"shed"`
	// Attached messages more than 30 levels deep.
	Nesting rewrite.When `key:"nesting" example:"shed"`
	// Parts of type multipart/appledouble.
	AppleDouble rewrite.When `key:"appledouble" example:"shed"`
	// Parts of type message/partial.
	Partial rewrite.When `key:"partial" example:"shed"`
	// Base64 and quoted-printable with errors.
	BrokenEncoding rewrite.When `key:"broken-encoding" example:"shed"`
	// A Received field made from Date, for messages without Received: Exchange 2007
	// dates messages by Received. imapsync then needs --skipheader Received.
	ReceivedDate rewrite.When `key:"received-date" example:"always"`
	// Your own changes to fields of the message's header. exgate searches the
	// unfolded value for pattern (RE2), and puts replacement in place of each match;
	// $1 is the first group. Message-ID, Date, Received, MIME-Version and Content-*
	// cannot be changed.
	HeaderRules []HeaderRule `key:"header-rules" example:"[{header: Subject, pattern: '^ *\\[SPAM\\] *', replacement: ' '}]"`
	// The message that Exchange sends in place of one that it cannot convert. mark:
	// exgate adds a field X-Exgate-Substitute. refuse: exgate answers the FETCH with
	// NO. off: no change.
	Substitute backend.Substitute `key:"substitute" example:"mark"`
	// Repairs of Exchange's replies to switch off: missing-data, structure, copyuid,
	// list-names, status-codes, search-charset, search-from, long-sets, idle-order,
	// idle-renew, blanks, strays, numbers, partials, store-uids, refusals; or all.
	RepliesOff []string `key:"replies-off" example:"[idle-renew]"`
	// An external program that processes messages before exgate repairs them.
	Filter Filter `key:"filter"`
}

// HeaderRule is rewrite.HeaderRule in the file's words.
type HeaderRule struct {
	Header      string `key:"header" json:"header"`
	Pattern     string `key:"pattern" json:"pattern"`
	Replacement string `key:"replacement" json:"replacement"`
}

// Filter is proxy.Filter in the file's words.
type Filter struct {
	// The program and its arguments, one item each. It runs without a shell and with
	// an empty environment. It reads the message on standard input and writes the
	// new one to standard output. Unset: no filter.
	Command []string `key:"command" example:"[/usr/bin/reformime, -r7]"`
	// always: the filter processes every message. long-lines: messages with a line
	// over line-limit. refused: messages that Exchange has refused.
	When string `key:"when" example:"long-lines"`
	// The time limit for one run. exgate then kills the program and everything that
	// it started.
	Timeout time.Duration `key:"timeout"`
}

// Values of Filter.When.
const (
	FilterAlways    = "always"
	FilterLongLines = "long-lines"
	FilterRefused   = "refused"
)

// Escalation is how far exgate goes with a message that Exchange has refused.
type Escalation string

// Values of Fixes.Escalate.
const (
	EscalateOff      Escalation = "off"
	EscalateRepair   Escalation = "repair"
	EscalateShed     Escalation = "shed"
	EscalateEnvelope Escalation = "envelope"
)

// Values of the fixes that do not change the message itself.
const (
	FlaggedReplay      = "replay"
	FlaggedLeave       = "leave"
	KeywordsDrop       = "drop"
	KeywordsLeave      = "leave"
	InternalDateDerive = "derive"
	InternalDateLeave  = "leave"
	OversizeRefuse     = "refuse"
	OversizeDetach     = "detach"
	OversizeOff        = "off"
)

// fixSwitch is a fix whose only choice is the stage at which it is used.
type fixSwitch struct {
	key    string
	choice *rewrite.When // in the configuration
	use    *rewrite.When // in the options of package rewrite
}

// switches pairs the keys with the options of package rewrite.
func (f *Fixes) switches(u *rewrite.Uses) []fixSwitch {
	return []fixSwitch{
		{"line-endings", &f.LineEndings, &u.LineEndings},
		{"nul-bytes", &f.NULBytes, &u.NULBytes},
		{"long-headers", &f.LongHeaders, &u.LongHeaders},
		{"eight-bit", &f.EightBit, &u.EightBit},
		{"encoded-words", &f.EncodedWords, &u.EncodedWords},
		{"references", &f.References, &u.References},
		{"subject", &f.Subject, &u.Subject},
		{"addresses", &f.Addresses, &u.Addresses},
		{"filenames", &f.FileNames, &u.FileNames},
		{"attachments", &f.Attachments, &u.Attachments},
		{"nesting", &f.Nesting, &u.Nesting},
		{"appledouble", &f.AppleDouble, &u.AppleDouble},
		{"partial", &f.Partial, &u.Partial},
		{"broken-encoding", &f.BrokenEncoding, &u.BrokenEncoding},
		{"received-date", &f.ReceivedDate, &u.ReceivedDate},
	}
}

// UsedAt returns the names of the fixes that are used at a stage. Call it on the
// result of Effective to include the profile's choices.
func (f Fixes) UsedAt(when rewrite.When) []string {
	var names []string
	for _, s := range f.switches(new(rewrite.Uses)) {
		if *s.choice == when {
			names = append(names, s.key)
		}
	}
	return names
}

// escalations are the configuration's words for the stages.
var escalations = []Escalation{
	rewrite.StageProfile:  EscalateOff,
	rewrite.StageRefused:  EscalateRepair,
	rewrite.StageShed:     EscalateShed,
	rewrite.StageEnvelope: EscalateEnvelope,
}

// messageOptions applies the configuration to the profile's message fixes.
func (c *Config) messageOptions(p *profile.Profile) {
	f, o := c.Fixes, &p.Message
	override(&o.LongLines, f.LongLines)
	override(&o.LineLimit, f.LineLimit)
	override(&o.ReadReceipt, f.ReadReceipt)
	override(&o.Signed, f.Signed)
	for _, s := range f.switches(&o.Uses) {
		override(s.use, *s.choice)
	}
	if i := slices.Index(escalations, f.Escalate); i >= 0 {
		p.Escalate = rewrite.Stage(i)
	}
	if f.Oversize == OversizeDetach {
		o.Oversize = rewrite.OversizeDetach
	}
	o.Note = rewrite.Note(c.Quarantine.Note)
	o.HeaderRules, _ = f.headerRules()
}

// headerRules compiles the rules. Each error begins with the key.
func (f Fixes) headerRules() (rules []rewrite.HeaderRule, errs []error) {
	for i, r := range f.HeaderRules {
		rule := rewrite.HeaderRule{Header: r.Header, Replacement: r.Replacement}
		var err error
		if r.Pattern != "" {
			rule.Pattern, err = regexp.Compile(r.Pattern)
		}
		if err == nil {
			err = rule.Validate()
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("header-rules: entry %d: %w", i+1, err))
			continue
		}
		rules = append(rules, rule)
	}
	return rules, errs
}

func (c *Config) validateFixes(p *problems) {
	f := c.Fixes
	_, errs := f.headerRules()
	p.addAll("fixes.", errors.Join(errs...))
	o := rewrite.Options{LongLines: f.LongLines, LineLimit: f.LineLimit, ReadReceipt: f.ReadReceipt, Signed: f.Signed}
	for _, s := range f.switches(&o.Uses) {
		*s.use = *s.choice
	}
	p.addAll("fixes.", o.Validate())
	choice(p, "fixes.flagged", f.Flagged, "", FlaggedReplay, FlaggedLeave)
	choice(p, "fixes.keywords", f.Keywords, "", KeywordsDrop, KeywordsLeave)
	choice(p, "fixes.internal-date", f.InternalDate, "", InternalDateDerive, InternalDateLeave)
	choice(p, "fixes.oversize", f.Oversize, "", OversizeRefuse, OversizeDetach, OversizeOff)
	choice(p, "fixes.substitute", f.Substitute, "",
		backend.SubstituteMark, backend.SubstituteRefuse, backend.SubstituteLeave)
	if _, err := backend.AllReplies().Without(f.RepliesOff); err != nil {
		p.add("fixes.replies-off", "%s", err)
	}
	choice(p, "fixes.escalate", f.Escalate, append([]Escalation{""}, escalations...)...)
	choice(p, "fixes.filter.when", f.Filter.When, FilterAlways, FilterLongLines, FilterRefused)
	if f.Filter.Timeout <= 0 {
		p.add("fixes.filter.timeout", "%s is not a time limit: use a time such as 1m", f.Filter.Timeout)
	}
	if len(f.Filter.Command) > 0 && !strings.ContainsAny(f.Filter.Command[0], "/\\") {
		p.add("fixes.filter.command", "%q is not a path: exgate runs it without PATH, so give the whole path",
			f.Filter.Command[0])
	}

	// The configuration asks for a fix that would do nothing.
	profile := c.Profile(c.Upstream.Profile)
	if f.LongLines != "" && f.LongLines != rewrite.LongLinesOff && profile.Message.LineLimit == 0 {
		p.add("fixes.long-lines", "profile %s has no line limit: set fixes.line-limit", profile.Name)
	}
	if (f.Oversize == OversizeRefuse || f.Oversize == OversizeDetach) && profile.MessageLimit == 0 {
		p.add("fixes.oversize", "profile %s has no message limit: set limits.message_size", profile.Name)
	}
	c.validateQuarantine(p, profile)
}
