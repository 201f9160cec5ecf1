package profile

import (
	"slices"

	"exgate/backend"
	"exgate/backend/folders"
	"exgate/rewrite"
)

type forms = []backend.Form

// fourMessages limits the pace to four messages per second and account.
var fourMessages = backend.Pacing{Each: backend.Rates{Messages: 4}}

// Short names for the forms of login in the table.
const (
	byDomain = backend.FormDomainAdminUser
	byUPN    = backend.FormAdminUPNUser
	byAlias  = backend.FormDomainAdminAlias
	byUPNOld = backend.FormAdminUPNAlias
	authzid  = backend.FormPlainAuthzid
)

// messageFixes has the message fixes of every Exchange profile.
//
//	long-lines    lines over 9,900 bytes: "Exchange supports 9900" (FAQ.Exchange). Exchange's own limit seems to be
//	              MaxCommandSize, 10,240 bytes. The FAQ's 10,500 for Exchange Online and imapsync's 10,239 leave
//	              less room (docs/exchange.md#long-lines).
//	read-receipt  all requests are removed, as by imapsync's presets (docs/exchange.md#read-receipts).
//
// The other fixes apply at the stages of docs/design.md#escalation. Package rewrite documents their limits.
var messageFixes = rewrite.Options{
	LongLines: rewrite.LongLinesRecode, LineLimit: 9900, ReadReceipt: rewrite.ReadReceiptAll, Uses: rewrite.UsesAt,
}

// exchangeNames returns the mapping of names that every Exchange profile has, with a change for one version. The
// reasons, by option:
//
//	Case        every Exchange takes names that differ only in case for one name (docs/exchange.md#case)
//	Characters  Exchange does not keep blanks at the ends (docs/exchange.md#blank-end) or control characters
//	Longest     Exchange allows 256 characters (docs/exchange.md#name-length)
//	Hide        Exchange lists folders without mail like others (docs/exchange.md#folders-without-mail)
//	SpecialUse  no version announces SPECIAL-USE (docs/exchange.md#special-use)
//
// The changes: Exchange 2000 has all mailboxes below INBOX (docs/exchange.md#names). Exchange 2007 closes the
// connection when a mailbox is opened whose name ends in a blank. Exchange Online reserves the name Files
// (docs/exchange.md#reserved-names).
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

// replyFixes has the repairs of replies of every Exchange profile (docs/exchange.md#commands).
var replyFixes = backend.AllReplies()

var (
	names2000   = exchangeNames(func(o *folders.Options) { o.Prefix = "INBOX." })
	names2007   = exchangeNames(func(o *folders.Options) { o.RefuseBlankEnd = true })
	namesLater  = exchangeNames(nil)
	namesOnline = exchangeNames(func(o *folders.Options) { o.Reserved = []string{"Files"} })
	namesAuto   = exchangeNames(func(o *folders.Options) { o.Reserved, o.RefuseBlankEnd = []string{"Files"}, true })
)

// table is the table of docs/design.md#profiles. Its presets are those of imapsync 1.970, as FAQ.Exchange 1.79 and
// FAQ.Office365 1.38 print them. docs/exchange.md has the other sources. The reasons, by column:
//
//	MessageLimit  10 MiB is Exchange's default, a little more than the 10,000,000 of the preset --exchange2: a message
//	              between the two arrives. 45,000,000 is that of --office2. Tenants of Exchange Online start at 35 MB
//	              (docs/exchange.md#append-size).
//	Flagged       other protocols do not show a \Flagged that came with APPEND. This was seen on 2010 and 2013;
//	              imapsync's preset assumes it for all versions on premises. Exchange Online does not need the fix
//	              (docs/exchange.md#flagged).
//	Keywords      Exchange accepts only $MDNSent and counts others as errors (docs/exchange.md#keywords).
//	MDNSent       Exchange Online shows $MDNSent as a category on every message (docs/exchange.md#ex-16).
//	InternalDate  Exchange dates a message without a date by its transfer (docs/design.md#outside-the-message).
//	MayDropDates  2010 before SP2 RU5 drops them, and what the versions before it do was not found
//	              (docs/exchange.md#date).
//	Pace          both presets have 4 messages per second (docs/exchange.md#throttling).
//	ConnectionsPerLogin  one less than MaxConnectionsPerUser, so that one is left for another program of the same name
//	              (docs/exchange.md#connections). Auto has the limit for a server that is not Exchange, too.
//	Pipeline      mbsync's manual advises 1 for Exchange (docs/design.md#rule-2).
//	LiteralPlus   not for Exchange (docs/design.md#rule-5).
//	Verify        Exchange answers OK to a login that cannot open its mailbox (docs/exchange.md#not-connected).
//	Forms         docs/exchange.md#login-forms, in the order of docs/design.md#profiles. PLAIN does not work on 2019,
//	              the forms with backslashes do. admin@upn/alias is the formal form for an admin named by an address.
var table = [...]Profile{
	untilSP2.row("exchange2000", names2000, byAlias, byDomain, byUPNOld),
	untilSP2.row("exchange2003", namesLater, byAlias, byDomain, byUPNOld),
	untilSP2.row("exchange2007", names2007, byDomain, byUPN, authzid),
	untilSP2.row("exchange2010", namesLater, authzid, byDomain, byUPN),
	onPremises.row("exchange2013", namesLater, authzid, byDomain, byUPN),
	onPremises.row("exchange2016", namesLater, authzid, byDomain, byUPN),
	onPremises.row("exchange2019", namesLater, byDomain, byUPN, authzid),
	onPremises.row("exchange-se", namesLater, byDomain, byUPN, authzid),
	online.row(Online, namesOnline, byUPN),
	// No fix: everything but the login is relayed unchanged.
	{Name: Plain, Pipeline: 1000, LiteralPlus: true, Forms: forms{authzid}},
	// The strictest setting of each column, until the server's version is known. The forms are those of most versions.
	// One of the first two works on every version on premises, and a login may cost two failures. If the greeting names
	// a host of Exchange Online, the form of Exchange Online comes first (backend.FormsFor).
	untilSP2.row(Auto, namesAuto, authzid, byDomain, byUPN),
}

// onPremises has the columns that are the same for every version on premises.
var onPremises = Profile{
	MessageLimit: 10 << 20,
	Message:      messageFixes,
	Escalate:     rewrite.StageRefused,
	Flagged:      true,
	Keywords:     true,
	InternalDate: true,
	Pace:         fourMessages,
	Pipeline:     1,

	ConnectionsPerLogin: backend.MaxConnectionsPerUser - 1,
	Verify:              true,
	Replies:             replyFixes,
}

// untilSP2 has the columns of the versions that are, or may be, older than Exchange 2010 SP2 RU5.
var untilSP2 = func() Profile {
	p := onPremises
	p.MayDropDates = true
	return p
}()

// online has the columns of Exchange Online.
var online = func() Profile {
	p := onPremises
	p.MessageLimit, p.Flagged, p.MDNSent = 45_000_000, false, true
	return p
}()

// row returns the profile as a row of the table, with its name, mapping of names and forms of login.
func (p Profile) row(name string, names folders.Options, forms ...backend.Form) Profile {
	p.Name, p.Names, p.Forms = name, names, forms
	return p
}

// Named returns the profile of this name, or that of Auto if the table has no such profile.
func Named(name string) Profile {
	i := slices.IndexFunc(table[:], func(p Profile) bool { return p.Name == name })
	if i < 0 {
		i = len(table) - 1
	}
	return table[i]
}

// Names returns the names of all profiles in the order of the table; Auto is the last.
func Names() []string {
	names := make([]string, 0, len(table))
	for _, p := range table {
		names = append(names, p.Name)
	}
	return names
}
