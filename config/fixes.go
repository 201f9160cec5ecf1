package config

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"exgate/backend"
	"exgate/config/profile"
	"exgate/rewrite"
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

func (c *Config) validateQuarantine(p *problems, profile profile.Profile) {
	q := c.Quarantine
	if q.Dir == "" && c.Fixes.Oversize == OversizeDetach {
		p.add("fixes.oversize", "detach needs quarantine.dir, in which exgate keeps the attachments")
	}
	if q.Dir == "" && profile.Escalate == rewrite.StageShed {
		p.add("fixes.escalate", "shed needs quarantine.dir, in which exgate keeps the originals")
	}
	if q.Quota <= 0 {
		p.add("quarantine.quota", "%d is not a budget: give a number of bytes", q.Quota)
	}
	if q.Keep <= 0 {
		p.add("quarantine.keep", "%s is not a time: use one such as 2160h", q.Keep)
	}
	if err := rewrite.Note(q.Note).Validate(); err != nil {
		p.add("quarantine.note", "%s", err)
	}
}
