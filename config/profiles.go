package config

import (
	"cmp"
	"slices"

	"exgate/backend"
	"exgate/backend/folders"
	"exgate/config/profile"
	"exgate/rewrite"
)

// Profile returns a row of the table with the configuration applied. A name that
// is not in the table means auto.
func (c *Config) Profile(name string) profile.Profile {
	p := profile.Named(name)
	c.messageOptions(&p)
	override(&p.MessageLimit, c.Limits.MessageSize)
	override(&p.Pipeline, c.Upstream.Pipeline)
	override(&p.LiteralPlus, c.Upstream.LiteralPlus)
	if c.Fixes.Flagged != "" {
		p.Flagged = c.Fixes.Flagged == FlaggedReplay
	}
	if c.Fixes.Keywords != "" {
		p.Keywords = c.Fixes.Keywords == KeywordsDrop
	}
	if c.Fixes.InternalDate != "" {
		p.InternalDate = c.Fixes.InternalDate == InternalDateDerive
	}
	if c.Fixes.Oversize == OversizeOff {
		p.MessageLimit = 0
	}
	p.Message.SizeLimit = p.MessageLimit
	c.Upstream.Pace.override(&p.Pace)
	if n := c.Upstream.Pace.ConnectionsPerLogin; n != nil {
		p.ConnectionsPerLogin = *n
	}
	c.Names.override(&p.Names)
	if c.Fixes.Substitute != "" {
		p.Replies.Substitute = c.Fixes.Substitute
	}
	if replies, err := p.Replies.Without(c.Fixes.RepliesOff); err == nil {
		p.Replies = replies
	}
	own := c.Upstream.Login.Forms
	if p.Forms = slices.Concat(own, p.Forms); backend.IsForAdmins(own) {
		p.Forms = slices.Clone(own)
	}
	return p
}

// override replaces the profile's rates by the configured ones.
func (pace Pace) override(to *backend.Pacing) {
	if rate := pace.MessagesPerSecond; rate != nil {
		to.Each.Messages = *rate
	}
	to.Each.Commands, to.Each.Bytes = pace.CommandsPerSecond, float64(pace.BytesPerSecond)
	to.All = backend.Rates{
		Messages: pace.All.MessagesPerSecond,
		Commands: pace.All.CommandsPerSecond,
		Bytes:    float64(pace.All.BytesPerSecond),
	}
}

// override replaces the profile's choices by the configured ones.
func (n Names) override(o *folders.Options) {
	switch n.Case {
	case "":
	case NamesOff:
		o.Case = ""
	default:
		o.Case = folders.Case(n.Case)
	}
	if n.Characters != "" {
		o.Characters = n.Characters == CharactersReplace
	}
	override(&o.Longest, n.Longest)
	if o.Longest < 0 {
		o.Longest = 0
	}
	overrideList(&o.Reserved, n.Reserved)
	override(&o.Prefix, n.Prefix)
	if o.Prefix == NamesOff {
		o.Prefix = ""
	}
	override(&o.Separator, n.Separator)
	overrideList(&o.Hide, n.Hide)
	if n.SpecialUse != "" {
		o.SpecialUse = n.SpecialUse == SpecialUseAdd
	}
	for _, u := range n.Users {
		o.Users = append(o.Users, folders.UserPrefix(u))
	}
	for _, p := range n.List {
		o.List = append(o.List, folders.Pair(p))
	}
	for _, p := range n.Patterns {
		o.Patterns = append(o.Patterns, folders.Pattern(p))
	}
}

// overrideList sets v to the configured list, if there is one; [off] means an
// empty list.
func overrideList[T ~string](v *[]T, choice []string) {
	if len(choice) == 0 {
		return
	}
	*v = nil
	if len(choice) == 1 && choice[0] == NamesOff {
		return
	}
	for _, word := range choice {
		*v = append(*v, T(word))
	}
}

// override sets v to the configured choice, if there is one.
func override[T comparable](v *T, choice T) {
	var unset T
	if choice != unset {
		*v = choice
	}
}

// Effective returns c, with the profile's value for each key that c leaves unset.
func (c *Config) Effective() *Config {
	e, p := *c, c.Profile(c.Upstream.Profile)
	word := func(on bool, yes, no string) string {
		if on {
			return yes
		}
		return no
	}
	e.Fixes = Fixes{
		LongLines:    cmp.Or(p.Message.LongLines, rewrite.LongLinesOff),
		LineLimit:    p.Message.LineLimit,
		ReadReceipt:  cmp.Or(p.Message.ReadReceipt, rewrite.ReadReceiptOff),
		Flagged:      word(p.Flagged, FlaggedReplay, FlaggedLeave),
		Keywords:     word(p.Keywords, KeywordsDrop, KeywordsLeave),
		InternalDate: word(p.InternalDate, InternalDateDerive, InternalDateLeave),
		Oversize:     word(p.MessageLimit > 0, string(cmp.Or(p.Message.Oversize, rewrite.OversizeRefuse)), OversizeOff),
		Signed:       cmp.Or(p.Message.Signed, rewrite.SignedRepair),
		Escalate:     escalations[p.Escalate],
		HeaderRules:  c.Fixes.HeaderRules,
		Substitute:   cmp.Or(p.Replies.Substitute, backend.SubstituteLeave),
		RepliesOff:   p.Replies.Off(),
		Filter:       c.Fixes.Filter,
	}
	for _, s := range e.Fixes.switches(&p.Message.Uses) {
		*s.choice = cmp.Or(*s.use, rewrite.Off)
	}
	e.Names.Case = cmp.Or(string(p.Names.Case), NamesOff)
	e.Names.Characters = word(p.Names.Characters, CharactersReplace, NamesOff)
	e.Names.SpecialUse = word(p.Names.SpecialUse, SpecialUseAdd, NamesOff)
	e.Names.Longest, e.Names.Reserved, e.Names.Prefix = p.Names.Longest, p.Names.Reserved, p.Names.Prefix
	e.Names.Hide = nil
	for _, class := range p.Names.Hide {
		e.Names.Hide = append(e.Names.Hide, string(class))
	}
	e.Limits.MessageSize = p.MessageLimit
	e.Upstream.LiteralPlus = p.LiteralPlus
	e.Upstream.Pipeline = p.Pipeline
	e.Upstream.Login.Forms = p.Forms
	e.Upstream.Pace.MessagesPerSecond = &p.Pace.Each.Messages
	e.Upstream.Pace.ConnectionsPerLogin = &p.ConnectionsPerLogin
	return &e
}
