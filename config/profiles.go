package config

import (
	"cmp"
	"slices"

	"exgate/backend"
	"exgate/backend/folders"
	"exgate/rewrite"
)

// Auto is the profile of a server that is not known yet.
const Auto = "auto"

// Profile is what suits one kind of Exchange. In docs/config.md the table is
// printed with a sentence for each column.
type Profile struct {
	Name         string
	MessageLimit int64           // bytes; larger messages are refused here; 0: none
	Message      rewrite.Options // the fixes inside the message
	Escalate     rewrite.Stage   // how far a refused message is taken
	Flagged      bool            // \Flagged is set by a STORE after APPEND
	Keywords     bool            // keywords outside PERMANENTFLAGS are dropped
	MDNSent      bool            // $MDNSent is one of them, though it is in PERMANENTFLAGS
	InternalDate bool            // a message without a date gets that of its header
	Pace         backend.Pacing  // of messages, commands and bytes
	Pipeline     int             // commands of one client in flight
	LiteralPlus  bool            // messages are sent as {n+}
	Verify       bool            // STATUS INBOX proves the mailbox before the login is answered
	Forms        []backend.Form  // of an admin's login, in order
	Names        folders.Options // what is done to names of mailboxes
	Replies      backend.Replies // repairs of what is answered
}

type forms = []backend.Form

// four messages per second and account.
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
//	long-lines    over 9,900 bytes: "Exchange supports 9900" (FAQ.Exchange); Exchange's own limit seems to be
//	              MaxCommandSize, 10,240; the FAQ's 10,500 for Exchange Online and imapsync's 10,239 leave less room
//	              (docs/exchange.md#long-lines)
//	read-receipt  all, as imapsync's presets do (docs/exchange.md#read-receipts)
//
// The other fixes are on at the stages of docs/design.md#escalation; their
// numbers stand beside them in package rewrite.
var repair = rewrite.Options{
	LongLines: rewrite.LongLinesRecode, LineLimit: 9900, ReadReceipt: rewrite.ReadReceiptAll, Uses: rewrite.UsesAt,
}

// exchangeNames is what an Exchange profile does to names:
//
//	case       names that differ in case are one to every Exchange (docs/exchange.md#case)
//	characters blanks at the ends (docs/exchange.md#blank-end), control characters
//	longest    256 characters (docs/exchange.md#name-length)
//	hide       folders without mail are listed like others (docs/exchange.md#folders-without-mail)
//	SPECIAL-USE no version has it (docs/exchange.md#special-use)
//
// Of single versions: 2000 has all mailboxes below INBOX (docs/exchange.md#names); 2007 closes the connection over a
// name that ends in a blank; Exchange Online reserves Files (docs/exchange.md#reserved-names).
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

// replies are the repairs of what every Exchange answers (docs/exchange.md#commands).
var replies = backend.AllReplies()

var (
	names2000   = exchangeNames(func(o *folders.Options) { o.Prefix = "INBOX." })
	names2007   = exchangeNames(func(o *folders.Options) { o.RefuseBlankEnd = true })
	namesLater  = exchangeNames(nil)
	namesOnline = exchangeNames(func(o *folders.Options) { o.Reserved = []string{"Files"} })
	namesAuto   = exchangeNames(func(o *folders.Options) { o.Reserved, o.RefuseBlankEnd = []string{"Files"}, true })
)

// profiles is the table of docs/design.md#profiles. Presets are those of imapsync's release 1.970, as its FAQ.Exchange
// 1.79 and FAQ.Office365 1.38 print them; the other sources stand in docs/exchange.md.
//
//	message limit   10,000,000: preset --exchange2. 45,000,000: preset --office2; tenants start at 35 MB
//	                (docs/exchange.md#append-size).
//	\Flagged        no other protocol shows one that came with APPEND: 2010, 2013, and imapsync's preset for all
//	                on-premises versions; Exchange Online has no such need (docs/exchange.md#flagged).
//	keywords        none but $MDNSent is ever taken, others count as errors (docs/exchange.md#keywords).
//	$MDNSent        turns up as a category on every message on Exchange Online (docs/exchange.md#ex-16).
//	date            a message without one would be dated by its transfer (docs/design.md#outside-the-message).
//	messages/s      both presets (docs/exchange.md#throttling).
//	pipeline        mbsync's manual advises 1 for Exchange (docs/design.md#rule-2).
//	literal+        not for Exchange (docs/design.md#rule-5).
//	verify          a login that cannot open its mailbox is told OK (docs/exchange.md#not-connected).
//	forms           docs/exchange.md#login-forms, in the order of docs/design.md#profiles: PLAIN does not work on 2019,
//	                the forms with backslashes do. admin@upn/alias is the formal form for an admin named by an address.
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
	// No fix: the direct lane for everything but the login.
	{"plain", 0, rewrite.Options{}, rewrite.StageProfile, false, false, false, false, backend.Pacing{}, 1000, true, false, forms{authzid}, folders.Options{}, backend.Replies{}},
	// The strictest of each column, until the server is known. The forms are those of most versions; the first two
	// of them serve every version on premises within the two failures that a login may cost. Where the greeting names
	// a host of Exchange Online its form comes first: backend.FormsFor.
	{Auto, 10_000_000, repair, refused, true, true, false, true, four, 1, false, true, forms{authzid, byDomain, byUPN}, namesAuto, replies},
}

// ProfileNames are the rows of the table, auto last.
func ProfileNames() []string {
	names := make([]string, 0, len(profiles))
	for _, p := range profiles {
		names = append(names, p.Name)
	}
	return names
}

// Profile is a row of the table with the operator's choices applied. A name
// that is not in the table is auto.
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

// override puts the operator's rates in place of the profile's.
func (pace Pace) override(to *backend.Pacing) {
	if rate := pace.MessagesPerSecond; rate != nil {
		to.Each.Messages = *rate
	}
	to.Each.Commands, to.Each.Bytes = pace.CommandsPerSecond, float64(pace.BytesPerSecond)
	to.All = backend.Rates{Messages: pace.All.MessagesPerSecond, Commands: pace.All.CommandsPerSecond, Bytes: float64(pace.All.BytesPerSecond)}
}

// override puts the operator's choices in place of the profile's.
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

// overrideList sets v to the operator's list, if he made one; [off] is empty.
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

// override sets v to the operator's choice, if he made one.
func override[T comparable](v *T, choice T) {
	var unset T
	if choice != unset {
		*v = choice
	}
}

// Effective is c with what it leaves to the profile filled in.
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
