package config

import (
	"cmp"
	"slices"

	"exgate/backend"
	"exgate/backend/folders"
	"exgate/rewrite"
)

// Auto is the profile of a server whose version is not yet known.
const Auto = "auto"

// Profile has the settings for one version of Exchange. docs/config.md has the
// whole table.
type Profile struct {
	Name         string
	MessageLimit int64           // in bytes; exgate refuses larger messages; 0: no limit
	Message      rewrite.Options // the fixes inside the message
	Escalate     rewrite.Stage   // the last stage that a refused message reaches
	Flagged      bool            // set \Flagged by a STORE after APPEND
	Keywords     bool            // drop keywords outside PERMANENTFLAGS
	MDNSent      bool            // drop $MDNSent too, although it is in PERMANENTFLAGS
	InternalDate bool            // a message without a date gets the date of its header
	Pace         backend.Pacing  // of messages, commands and bytes
	Pipeline     int             // commands of one client in flight
	LiteralPlus  bool            // send messages as {n+}
	Verify       bool            // prove the mailbox by STATUS INBOX before the login is answered
	Forms        []backend.Form  // the forms of an admin's login, in order
	Names        folders.Options // the mapping of mailbox names
	Replies      backend.Replies // the repairs of replies
}

type forms = []backend.Form

// four is a pace of four messages per second and account.
var four = backend.Pacing{Each: backend.Rates{Messages: 4}}

const refused = rewrite.StageRefused

const (
	byDomain = backend.FormDomainAdminUser
	byUPN    = backend.FormAdminUPNUser
	byAlias  = backend.FormDomainAdminAlias
	byUPNOld = backend.FormAdminUPNAlias
	authzid  = backend.FormPlainAuthzid
)

// repair are the message fixes of every Exchange profile.
//
//	long-lines    over 9,900 bytes: "Exchange supports 9900" (requirements.md S77); Exchange's own limit seems
//	              to be MaxCommandSize, 10,240 (exchange-behaviour.md section 4.2; the FAQ's 10,500 for Exchange Online
//	              and imapsync's 10,239 leave less room, O13 and S14)
//	read-receipt  all, as imapsync's presets do (S12, O01)
//
// The other fixes are on at the stages of design section 5; their numbers stand
// beside them in package rewrite.
var repair = rewrite.Options{
	LongLines: rewrite.LongLinesRecode, LineLimit: 9900, ReadReceipt: rewrite.ReadReceiptAll, Uses: rewrite.UsesAt,
}

// exchangeNames is what an Exchange profile does to names:
//
//	case       names that differ in case are one to every Exchange (S113 to S117, §4.5)
//	characters blanks at the ends (S128), control characters
//	longest    "between 1 and 256 characters" ([MS-ASCMD], DisplayName of FolderCreate; that IMAP has the same bound
//	           is inferred)
//	hide       folders without mail are listed like others (§5 row 19)
//	SPECIAL-USE no version has it (§5 row 20)
//
// Of single versions: 2000 has all mailboxes below INBOX (S131); 2007 closes the connection over a name that ends in
// a blank (S128); Exchange Online reserves Files (O01).
func exchangeNames(change func(*folders.Options)) folders.Options {
	o := folders.Options{
		Case: folders.Apart, Characters: true, Longest: 250, SpecialUse: true,
		Hide: []folders.Class{folders.Calendar, folders.Contacts, folders.Tasks, folders.Journal, folders.Notes},
	}
	if change != nil {
		change(&o)
	}
	return o
}

// replies are the repairs of what every Exchange answers (§2.2, §3, §5).
var replies = backend.AllReplies()

var (
	names2000   = exchangeNames(func(o *folders.Options) { o.Prefix = "INBOX." })
	names2007   = exchangeNames(func(o *folders.Options) { o.RefuseBlankEnd = true })
	namesLater  = exchangeNames(nil)
	namesOnline = exchangeNames(func(o *folders.Options) { o.Reserved = []string{"Files"} })
	namesAuto   = exchangeNames(func(o *folders.Options) { o.Reserved, o.RefuseBlankEnd = []string{"Files"}, true })
)

// profiles is the table of design section 5. S and O are rows of requirements.md, § sections of
// exchange-behaviour.md; the numbers of imapsync's presets are those of its release 1.970 (S02).
//
//	message limit   10,000,000: --exchange2 (S09), default of 10 MB (§4.4). 45,000,000: --office2 (O01); tenants
//	                start at 35 MB (§4.4).
//	\Flagged        seen by no other protocol when it comes with APPEND: 2010, 2013 (S82, §5.1), and imapsync's preset
//	                for all on-premises versions (S13); no such need on Exchange Online (O01, §5.1).
//	keywords        none but $MDNSent is ever taken, others count as errors (§5.3).
//	$MDNSent        turns up as a category on every message on Exchange Online (O03).
//	date            design section 5: what comes without one would be dated by its transfer.
//	messages/s      both presets of imapsync (S10, O01).
//	pipeline        mbsync's manual advises 1 for "flaky servers like M$ Exchange" (design section 2, rule 2).
//	literal+        design section 2, rule 5: not for Exchange.
//	verify          a login that cannot open its mailbox is told OK (S31, S32, §2.2).
//	forms           2000, 2003: §2.1, S93. 2007 to 2013: S86 to S88. 2016: S97, S99. 2019: PLAIN "doesn't work", the
//	                backslash forms do (S25 to S27, §2.1). Online: O08. The order is that of design section 5.
//	                admin@upn/alias is the formal form for an admin who is named by his address (§2.1).
var profiles = [...]Profile{
	//                  message limit  message  escalate \Flagged keywords $MDNSent date msg/s pipeline literal+ verify  forms, names, replies
	{"exchange2000", 10_000_000, repair, refused, true, true, false, true, four, 1, false, true, forms{byAlias, byDomain, byUPNOld}, names2000, replies},
	{"exchange2003", 10_000_000, repair, refused, true, true, false, true, four, 1, false, true, forms{byAlias, byDomain, byUPNOld}, namesLater, replies},
	{"exchange2007", 10_000_000, repair, refused, true, true, false, true, four, 1, false, true, forms{byDomain, byUPN, authzid}, names2007, replies},
	{"exchange2010", 10_000_000, repair, refused, true, true, false, true, four, 1, false, true, forms{authzid, byDomain, byUPN}, namesLater, replies},
	{"exchange2013", 10_000_000, repair, refused, true, true, false, true, four, 1, false, true, forms{authzid, byDomain, byUPN}, namesLater, replies},
	{"exchange2016", 10_000_000, repair, refused, true, true, false, true, four, 1, false, true, forms{authzid, byDomain, byUPN}, namesLater, replies},
	{"exchange2019", 10_000_000, repair, refused, true, true, false, true, four, 1, false, true, forms{byDomain, byUPN, authzid}, namesLater, replies},
	{"exchange-se", 10_000_000, repair, refused, true, true, false, true, four, 1, false, true, forms{byDomain, byUPN, authzid}, namesLater, replies},
	{"exchange-online", 45_000_000, repair, refused, false, true, true, true, four, 1, false, true, forms{byUPN}, namesOnline, replies},
	// No fix: everything except the login takes the direct lane.
	{"plain", 0, rewrite.Options{}, rewrite.StageProfile, false, false, false, false, backend.Pacing{}, 1000, true, false, forms{authzid}, folders.Options{}, backend.Replies{}},
	// The strictest value of each column, until the version of the server is known. Most versions accept these forms.
	// The first two suffice for every version on premises, within the two failures that a login may cost. If the
	// greeting names a host of Exchange Online, backend.FormsFor puts the form of Exchange Online first.
	{Auto, 10_000_000, repair, refused, true, true, false, true, four, 1, false, true, forms{authzid, byDomain, byUPN}, namesAuto, replies},
}

// ProfileNames returns the names of the rows of the table, auto last.
func ProfileNames() []string {
	names := make([]string, 0, len(profiles))
	for _, p := range profiles {
		names = append(names, p.Name)
	}
	return names
}

// Profile returns a row of the table with the configuration applied. A name that
// is not in the table means auto.
func (c *Config) Profile(name string) Profile {
	i := slices.IndexFunc(profiles[:], func(p Profile) bool { return p.Name == name })
	if i < 0 {
		i = len(profiles) - 1
	}
	p := profiles[i]
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
	c.Names.override(&p.Names)
	if c.Fixes.Substitute != "" {
		p.Replies.Substitute = c.Fixes.Substitute
	}
	if replies, err := p.Replies.Without(c.Fixes.RepliesOff); err == nil {
		p.Replies = replies
	}
	own := c.Upstream.Login.Forms
	if p.Forms = slices.Concat(own, p.Forms); backend.ForAdmins(own) {
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
	return &e
}
