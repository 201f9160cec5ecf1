package profile

import (
	"slices"

	"exgate/backend"
	"exgate/backend/folders"
	"exgate/rewrite"
)

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
//	              MaxCommandSize, 10,240; the FAQ's 10,500 for Exchange Online and imapsync's 10,239 leave less
//	              room (docs/exchange.md#long-lines)
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
// Of single versions: 2000 has all mailboxes below INBOX (docs/exchange.md#names); 2007 closes the connection over
// a name that ends in a blank; Exchange Online reserves Files (docs/exchange.md#reserved-names).
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

// table is the table of docs/design.md#profiles. Presets are those of imapsync's release 1.970, as its
// FAQ.Exchange 1.79 and FAQ.Office365 1.38 print them; the other sources stand in docs/exchange.md.
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
var table = [...]Profile{
	onPremises.row("exchange2000", names2000, byAlias, byDomain, byUPNOld),
	onPremises.row("exchange2003", namesLater, byAlias, byDomain, byUPNOld),
	onPremises.row("exchange2007", names2007, byDomain, byUPN, authzid),
	onPremises.row("exchange2010", namesLater, authzid, byDomain, byUPN),
	onPremises.row("exchange2013", namesLater, authzid, byDomain, byUPN),
	onPremises.row("exchange2016", namesLater, authzid, byDomain, byUPN),
	onPremises.row("exchange2019", namesLater, byDomain, byUPN, authzid),
	onPremises.row("exchange-se", namesLater, byDomain, byUPN, authzid),
	online.row(Online, namesOnline, byUPN),
	// No fix: the direct lane for everything but the login.
	{Name: Plain, Pipeline: 1000, LiteralPlus: true, Forms: forms{authzid}},
	// The strictest of each column, until the server is known. The forms are those of most versions; the first two
	// of them serve every version on premises within the two failures that a login may cost. Where the greeting names
	// a host of Exchange Online its form comes first: backend.FormsFor.
	onPremises.row(Auto, namesAuto, authzid, byDomain, byUPN),
}

// onPremises has the columns that are the same for every version on premises.
var onPremises = Profile{
	MessageLimit: 10_000_000,
	Message:      repair,
	Escalate:     refused,
	Flagged:      true,
	Keywords:     true,
	InternalDate: true,
	Pace:         four,
	Pipeline:     1,
	Verify:       true,
	Replies:      replies,
}

// online is Exchange Online, where it differs.
var online = func() Profile {
	p := onPremises
	p.MessageLimit, p.Flagged, p.MDNSent = 45_000_000, false, true
	return p
}()

// row is the profile as a row of the table.
func (p Profile) row(name string, names folders.Options, forms ...backend.Form) Profile {
	p.Name, p.Names, p.Forms = name, names, forms
	return p
}

// Named returns the row of that name, or that of Auto if there is none.
func Named(name string) Profile {
	i := slices.IndexFunc(table[:], func(p Profile) bool { return p.Name == name })
	if i < 0 {
		i = len(table) - 1
	}
	return table[i]
}

// Names are the rows of the table, auto last.
func Names() []string {
	names := make([]string, 0, len(table))
	for _, p := range table {
		names = append(names, p.Name)
	}
	return names
}
