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

// table is the table of design section 5. S and O are rows of requirements.md, § sections of
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
