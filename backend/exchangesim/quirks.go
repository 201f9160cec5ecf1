package exchangesim

import (
	"fmt"
	"slices"
	"strings"
)

// Quirk is one way in which Exchange differs from what a client expects.
// Source begins with its place in docs/exchange.md, and names the public sources as that page does.
type Quirk struct {
	ID     string // as comments and tests name it: "EX-07"
	Name   string // as Config.Quirks takes it
	About  string
	Source string
}

const (
	quirkSecureLogin     = "secure-login"
	quirkTenBads         = "ten-bads"
	quirkNotConnected    = "not-connected"
	quirkCommandSize     = "command-size"
	quirkLiteralRun      = "literal-run-as-commands"
	quirkOversizeCloses  = "oversize-closes"
	quirkOversizeRefused = "oversize-refused"
	quirkKeywordRefused  = "keyword-refused"
	quirkContentRefused  = "content-refused"
	quirkFlaggedHidden   = "flagged-hidden"
	quirkReceipts        = "receipts-again"
	quirkRegenerated     = "regenerated"
	quirkSizeEstimate    = "size-estimate"
	quirkCaseFolding     = "case-folding"
	quirkReservedFiles   = "reserved-files"
	quirkMDNSentCategory = "mdnsent-category"
	quirkNTLM            = "ntlm-announced"
	quirkReadOnlyStore   = "read-only-store"
	quirkMessageSet      = "message-set"
	quirkCharset         = "search-charset"
	quirkTabNames        = "tab-names"
	quirkBareCopyUID     = "bare-copyuid"
	quirkErrorCode       = "error-in-ok"
	quirkDisposition     = "bare-disposition"
	quirkEightBit        = "eight-bit-refused"
	quirkBrokenEncoding  = "broken-encoding-refused"
	quirkLongSubject     = "long-subject-refused"
	quirkLongReferences  = "long-references-refused"
	quirkLongAddress     = "long-address-refused"
	quirkLongFileName    = "long-filename-refused"
	quirkManyParts       = "many-parts-refused"
	quirkDeepNesting     = "deep-nesting-refused"
	quirkAppleDouble     = "appledouble-refused"
	quirkUnknownCharset  = "unknown-charset-refused"
	quirkNoData          = "missing-data"
	quirkSubstitute      = "substitute"
	quirkIdleOrder       = "idle-exists-first"
	quirkIdleSilent      = "idle-silent"
	quirkAddressBlanks   = "address-blanks"
	quirkOddDisposition  = "odd-disposition"
	quirkNoEncoding      = "nil-encoding"
	quirkBlankEndCloses  = "blank-end-closes"
	quirkBlankEndDropped = "blank-end-dropped"
	quirkNameLength      = "name-length"
	quirkSlashHidden     = "slash-hidden"
	quirkDateDropped     = "date-dropped"
	quirkFetchLags       = "fetch-lags"
	quirkEscapedNames    = "escaped-names"
	quirkStatusBlank     = "status-blank"
	quirkStrayLines      = "stray-lines"
	quirkBareUnavailable = "bare-unavailable"
	quirkOddStructure    = "odd-structure"
	quirkEmptyCopyUID    = "empty-copyuid"
	quirkStoreNoUID      = "store-without-uid"
	quirkWholePartial    = "whole-partial"
	quirkFetchHoles      = "fetch-holes"
	quirkHighNumbers     = "high-numbers"
	quirkLargeCopy       = "large-copy"
	quirkInboxMissing    = "inbox-missing"
	quirkFromName        = "from-name"
	quirkStrictDates     = "strict-dates"
	quirkNamespaceCloses = "namespace-closes"
	quirkPublicFolders   = "public-folders"
	quirkUIDNextMissing  = "uidnext-missing"
)

// Quirks lists them all, in the order of their ids.
func Quirks() []Quirk {
	return []Quirk{
		{
			"EX-01", quirkSecureLogin,
			"LOGIN and AUTHENTICATE without TLS: BAD Command received in Invalid state.",
			"docs/exchange.md#ex-01; FAQ.Exchange; dmarcts-report-parser#25; Set-ImapSettings LoginType",
		},
		{
			"EX-02", quirkTenBads,
			"the tenth BAD of a connection is followed by BYE Connection closed. 14",
			"docs/exchange.md#ex-02; FAQ.Exchange; emacs VM issue 389",
		},
		{
			"EX-03", quirkNotConnected,
			"login to a mailbox that cannot be opened says OK; every command then gets BAD User is authenticated " +
				"but not connected., and BYE after the second (off: the login fails)",
			"docs/exchange.md#ex-03; MailKit#1496; oauth2-proxy#74",
		},
		{
			"EX-04", quirkCommandSize,
			"a command over 10240 bytes: BAD Command Error. 10",
			"docs/exchange.md#ex-04; nextcloud/mail#6038; node-imap#44; Set-ImapSettings MaxCommandSize",
		},
		{
			"EX-05", quirkLiteralRun,
			"a line over 10239 bytes (without CRLF) in an APPEND's message ends the literal: that line and the " +
				"following are run as commands, their first words taken for tags; APPEND gets no answer and the " +
				"connection is closed",
			"docs/exchange.md#ex-05; node-imap#868; MailKit#542; thunderbird-android#1809; freron.com",
		},
		{
			"EX-06", quirkOversizeCloses,
			"APPEND over the limit: BAD Command Argument Error. 11 and BYE Connection closed. 14, before the " +
				"literal (inferred)",
			"docs/exchange.md#ex-06; imapsync#5",
		},
		{
			"EX-07", quirkOversizeRefused,
			"APPEND over the limit: NO Maximum size of appendable message has been exceeded, before the literal " +
				"(inferred)",
			"docs/exchange.md#ex-07; FAQ.Exchange; FAQ.Office365",
		},
		{
			"EX-08", quirkKeywordRefused,
			"APPEND or STORE of a keyword other than $MDNSent: BAD Command Argument Error. 11 (off: dropped silently)",
			"docs/exchange.md#ex-08; djcb/mu#1384; node-imap#602",
		},
		{
			"EX-09", quirkContentRefused,
			"APPEND of message/partial, or with an encoded word that cannot be decoded (charset TELETEX): BAD " +
				"Command Argument Error. 11",
			"docs/exchange.md#ex-09; imapsync#389, #285, #161; freron.com",
		},
		{
			"EX-10", quirkFlaggedHidden,
			`\Flagged by APPEND shows over IMAP, not in Outlook; by STORE it shows in both`,
			"docs/exchange.md#ex-10; FAQ.Exchange",
		},
		{
			"EX-11", quirkReceipts,
			"opening even an old message that asks for a read receipt sends a receipt",
			"docs/exchange.md#ex-11; Set-ImapSettings SuppressReadReceipt",
		},
		{
			"EX-12", quirkRegenerated,
			"messages are stored as properties and written anew: order of header fields, boundaries and encodings " +
				"change",
			"docs/exchange.md#ex-12; [MS-STANXIMAP] section 2.1.2",
		},
		{
			"EX-13", quirkSizeEstimate,
			"RFC822.SIZE and SEARCH LARGER/SMALLER use an estimate",
			"docs/exchange.md#ex-13; Set-ImapSettings EnableExactRFC822Size",
		},
		{
			"EX-14", quirkCaseFolding,
			"names of mailboxes are case-insensitive and case-preserving: NO Mailbox already exists.",
			"docs/exchange.md#ex-14; offlineimap#212; FAQ.Exchange",
		},
		{
			"EX-15", quirkReservedFiles,
			"CREATE Files: NO Folder name is reserved",
			"docs/exchange.md#ex-15; FAQ.Office365",
		},
		{
			"EX-16", quirkMDNSentCategory,
			"an appended $MDNSent becomes a category in Outlook",
			"docs/exchange.md#ex-16; FAQ.Office365",
		},
		{
			"EX-17", quirkNTLM,
			"AUTH=NTLM and AUTH=GSSAPI are announced, as EnableGSSAPIAndNTLMAuth does by default (here both are " +
				"refused)",
			"docs/exchange.md#ex-17; MailKit#532",
		},
		{
			"EX-18", quirkReadOnlyStore,
			"STORE in an EXAMINEd mailbox: NO Command received in Invalid state. (off: BAD, inferred)",
			"docs/exchange.md#ex-18; mxk/go-imap#11",
		},
		{
			"EX-19", quirkMessageSet,
			"a message number after the last, or an unknown SEARCH key: BAD The specified message set is invalid. " +
				"(off: such numbers are ignored)",
			"docs/exchange.md#ex-19; node-imap#615, #709, #762, #214",
		},
		{
			"EX-20", quirkCharset,
			"SEARCH CHARSET other than US-ASCII: NO [BADCHARSET (US-ASCII)]",
			"docs/exchange.md#ex-20; rodcorsi/mattermail#7; [MS-STANXIMAP] section 2.2.24",
		},
		{"EX-21", quirkTabNames, "names with a TAB are listed unquoted", "docs/exchange.md#ex-21; MailKit#945"},
		{
			"EX-22", quirkBareCopyUID,
			"MOVE answers with a bare line [COPYUID ...], without * OK (seen on 2013 and Exchange Online 2014)",
			"docs/exchange.md#ex-22; MailKit#115; net-imap#250",
		},
		{
			"EX-23", quirkErrorCode,
			"the OK of a login carries an illegal code with diagnostics",
			"docs/exchange.md#ex-23; net-imap#597",
		},
		{
			"EX-24", quirkDisposition,
			"a disposition without parameters is a bare string in BODYSTRUCTURE",
			"docs/exchange.md#ex-24; MailKit#919, #1446",
		},
		{
			"EX-25", quirkNoData,
			"FETCH of the text of an item that cannot be converted (here: with a field " + unconvertible +
				"): OK FETCH completed. without data",
			"docs/exchange.md#ex-25; offlineimap#62",
		},
		{
			"EX-26", quirkSubstitute,
			"FETCH of the text of such an item: a substitute message, Retrieval using the IMAP4 protocol failed for " +
				"the following message",
			"docs/exchange.md#ex-26; MailKit#53, #152, #1451",
		},
		{
			"EX-27", quirkIdleOrder,
			"news that arrived meanwhile comes before the + of IDLE",
			"docs/exchange.md#ex-27; Webklex/php-imap#258",
		},
		{
			"EX-28", quirkIdleSilent,
			"IDLE sends no more news after 10 minutes",
			"docs/exchange.md#ex-28; angus-mail#176; imapclient#349 (the time is that after which users begin anew)",
		},
		{
			"EX-29", quirkAddressBlanks,
			"a blank between the addresses of an ENVELOPE",
			"docs/exchange.md#ex-29; KB 4502136; sjd.se",
		},
		{
			"EX-30", quirkEightBit,
			"APPEND with bytes over 127 in a header, or in a body that is not encoded: BAD Command Argument Error. " +
				"11 (reply inferred)",
			"docs/exchange.md#ex-30; fix_email_for_exchange.py",
		},
		{
			"EX-31", quirkBrokenEncoding,
			"APPEND with base64 or quoted-printable that does not decode: BAD Command Argument Error. 11 (reply " +
				"inferred)",
			"docs/exchange.md#ex-31; fix_email_for_exchange.py",
		},
		{
			"EX-32", quirkLongSubject,
			"APPEND with a subject over 255 characters: BAD Command Argument Error. 11 (reply inferred)",
			"docs/exchange.md#ex-32; limits of Exchange Online",
		},
		{
			"EX-33", quirkLongReferences,
			"APPEND with References over 40,000 bytes or 485 entries: BAD Command Argument Error. 11 (reply inferred)",
			"docs/exchange.md#ex-33; fix_email_for_exchange.py",
		},
		{
			"EX-34", quirkLongAddress,
			"APPEND with an element of an address list over 1950 bytes: BAD Command Argument Error. 11 " +
				"(reply inferred)",
			"docs/exchange.md#ex-34; fix_email_for_exchange.py",
		},
		{
			"EX-35", quirkLongFileName,
			"APPEND with a file name over 255 characters: BAD Command Argument Error. 11 (reply inferred)",
			"docs/exchange.md#ex-35; fix_email_for_exchange.py",
		},
		{
			"EX-36", quirkManyParts,
			"APPEND with more than 250 parts: BAD Command Argument Error. 11 (reply inferred)",
			"docs/exchange.md#ex-36; limits of Exchange Online",
		},
		{
			"EX-37", quirkDeepNesting,
			"APPEND with messages attached to each other more than 30 deep: BAD Command Argument Error. 11 (reply " +
				"inferred)",
			"docs/exchange.md#ex-37; limits of Exchange Online",
		},
		{
			"EX-38", quirkAppleDouble,
			"APPEND with multipart/appledouble: BAD Command Argument Error. 11 (reply inferred)",
			"docs/exchange.md#ex-38; fix_email_for_exchange.py",
		},
		{
			"EX-39", quirkUnknownCharset,
			"APPEND with a text in a charset that nobody knows: BAD Command Argument Error. 11 (inferred from that " +
				"of a subject, EX-09)",
			"docs/exchange.md#ex-39; imapsync#389",
		},
		{
			"EX-40", quirkOddDisposition,
			`the disposition of a signed or encrypted multipart is the string "S/MIME Encrypted Message"`,
			"docs/exchange.md#ex-40; MailKit commit 7b33341; javamail#278",
		},
		{
			"EX-41", quirkNoEncoding,
			"NIL for the encoding 7bit in BODYSTRUCTURE (2007 before SP2 RU2)",
			"docs/exchange.md#ex-41; KB 975918",
		},
		{
			"EX-42", quirkBlankEndCloses,
			"after SELECT or STATUS of a mailbox whose name ends in a blank, the next SELECT or STATUS closes the " +
				"connection (2007)",
			"docs/exchange.md#ex-42; imapsync#154",
		},
		{"EX-43", quirkBlankEndDropped, "blanks at the ends of a new name are dropped", "docs/exchange.md#ex-43"},
		{
			"EX-44", quirkNameLength,
			"CREATE with a level of more than 256 characters: BAD Command Argument Error. 11 (text inferred)",
			"docs/exchange.md#ex-44; [MS-ASCMD] DisplayName",
		},
		{
			"EX-45", quirkSlashHidden,
			"a folder with a / in its name, which Outlook can create, is not listed and does not open (off: it is " +
				"listed, and looks like a child folder)",
			"docs/exchange.md#ex-45; MailKit#1858; KB Q234395",
		},
		{
			"EX-46", quirkDateDropped,
			"the date of an APPEND is dropped, and the message gets the date of its arrival (2010 before SP2 RU5; " +
				"inferred: INTERNALDATE shows this date)",
			"docs/exchange.md#ex-46; FAQ.Exchange; tribalchicken.net",
		},
		{
			"EX-47", quirkFetchLags,
			"FETCH shows a message 2 s after EXISTS and UIDNEXT count it (the time is ours; fault lagging-fetch sets it)",
			"docs/exchange.md#ex-47; imapclient#441; emailengine#53",
		},
		{
			"EX-70", quirkEscapedNames,
			`a mailbox name that is a quoted string with \" or \\: BAD Command Argument Error. 12 (a literal is taken; ` +
				"of the backslash, inferred)",
			"docs/exchange.md#ex-70; mail-api#152; S22.Imap#12",
		},
		{
			"EX-71", quirkStatusBlank, "the reply of STATUS ends in a blank",
			"docs/exchange.md#ex-71; modern-email/defects#9; emersion/go-imap#540; imap-codec#468",
		},
		{
			"EX-72", quirkStrayLines,
			"lines that are no responses: an empty line before a tagged reply, and CAPABILITY completed. after that of " +
				"CAPABILITY",
			"docs/exchange.md#ex-72; libetpan; libetpan#45",
		},
		{
			"EX-73", quirkBareUnavailable, "the refusal Server Unavailable. 15 has neither a tag nor a word before it",
			"docs/exchange.md#ex-73; postalsys/imapflow commit 3ed4198c",
		},
		{
			"EX-74", quirkOddStructure,
			"BODYSTRUCTURE with -1 lines, dispositions (NIL NIL), parameters bare behind a disposition, and encodings " +
				"that are atoms or have a blank",
			"docs/exchange.md#ex-74; MailKit commit acb4a0db, #1415, #1446; libetpan commit 77900c9; emersion/go-imap#534",
		},
		{
			"EX-75", quirkEmptyCopyUID, "COPY and MOVE of no messages say [COPYUID 14  ]",
			"docs/exchange.md#ex-75; MailKit#555",
		},
		{
			"EX-76", quirkStoreNoUID, "the FETCH responses to UID STORE have no UID",
			"docs/exchange.md#ex-76; a log of S22.Imap's",
		},
		{
			"EX-77", quirkWholePartial, "BODY[]<0.1000> is answered with the whole message, as BODY[]",
			"docs/exchange.md#ex-77; mail-api#370; Mozilla bug 886261; KB 194998",
		},
		{
			"EX-78", quirkFetchHoles,
			"FETCH of the texts of several messages leaves some out, and says OK (here: each third UID; one by one they come)",
			"docs/exchange.md#ex-78; neomutt#597; MailKit#1615, #908",
		},
		{
			"EX-79", quirkHighNumbers, "SEARCH and UID FETCH answer with a message number above EXISTS",
			"docs/exchange.md#ex-79; ServerBugs/MSExchange; mail-api#86",
		},
		{
			"EX-80", quirkLargeCopy,
			"COPY of more than 50 messages: NO Server Unavailable. 15 (the number is that of the parts that worked)",
			"docs/exchange.md#ex-80; imapfilter#132",
		},
		{
			"EX-81", quirkInboxMissing,
			"SELECT and STATUS of INBOX: NO INBOX doesn't exist. (as in a mailbox with a second folder Inbox at its root)",
			"docs/exchange.md#ex-81; imapsync#459; RainLoop/rainloop-webmail#1777",
		},
		{
			"EX-82", quirkFromName, "SEARCH FROM looks for names only, and HEADER FROM for addresses too",
			"docs/exchange.md#ex-82; alpine#30; imapfilter#50; node-imap#752",
		},
		{
			"EX-83", quirkStrictDates,
			"APPEND with a day of one digit without a blank or a zero, or a date before 1970: BAD Command Argument " +
				"Error. 11 (inferred from other servers)",
			"docs/exchange.md#ex-83; node-imap#648",
		},
		{
			"EX-84", quirkNamespaceCloses, "NAMESPACE closes the connection (seen on one 2003)",
			"docs/exchange.md#ex-84; MailKit#1512",
		},
		{
			"EX-85", quirkPublicFolders,
			"a mailbox Public Folders is listed with a separator at its end (2000 and 2003)",
			"docs/exchange.md#ex-85; MailKit#346; MailKit#73",
		},
		{
			"EX-86", quirkUIDNextMissing,
			"SELECT and EXAMINE do not say UIDNEXT (2003; inferred of EXAMINE, and of 2000)",
			"docs/exchange.md#ex-86; MailKit#1512",
		},
	}
}

// quirkSet holds the names of those that are on.
type quirkSet map[string]bool

// newQuirkSet starts from a profile's quirks; "name" switches one on and
// "no-name" off.
func newQuirkSet(p profile, switches []string) (quirkSet, error) {
	set := quirkSet{}
	for _, name := range slices.Concat(commonQuirks[:], p.quirks) {
		set[name] = true
	}
	for _, s := range switches {
		name, off := strings.CutPrefix(s, "no-")
		if !slices.ContainsFunc(Quirks(), func(q Quirk) bool { return q.Name == name }) {
			return nil, fmt.Errorf(`quirk %q is none of %s; "no-" before a name switches it off`,
				s, strings.Join(quirkNames(), ", "))
		}
		set[name] = !off
	}
	return set, nil
}

// idOf returns the id of the quirk with a name.
func idOf(name string) string {
	all := Quirks()
	return all[slices.IndexFunc(all, func(q Quirk) bool { return q.Name == name })].ID
}

func quirkNames() []string {
	var names []string
	for _, q := range Quirks() {
		names = append(names, q.Name)
	}
	return names
}
