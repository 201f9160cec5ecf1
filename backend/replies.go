package backend

import (
	"fmt"
	"slices"
	"strings"
)

// Replies are the repairs of what Exchange answers, and of what is asked so
// that it can answer. The zero value repairs nothing.
// The numbers are quirks of docs/exchange.md.
type Replies struct {
	MissingData   bool // a FETCH that is answered OK without its message gets NO (EX-25)
	Structure     bool // structures and envelopes (EX-24, EX-29, EX-40, EX-41, EX-74)
	CopyUID       bool // a bare [COPYUID ...] becomes a response, an empty one nothing (EX-22, EX-75)
	ListNames     bool // names with a TAB are quoted (EX-21)
	StatusCodes   bool // invalid codes become text (EX-23), and refusals get a code
	SearchCharset bool // terms in US-ASCII are not called UTF-8 (EX-20)
	SearchFrom    bool // an address is also looked for by HEADER FROM (EX-82)
	LongSets      bool // commands longer than Exchange takes are split (EX-04)
	IdleOrder     bool // what comes before the "+" of IDLE waits for it (EX-27)
	IdleRenew     bool // IDLE is begun anew inside the client's (EX-28)
	Blanks        bool // blanks that do not belong into a response are removed (EX-71)
	Strays        bool // lines that are no responses are taken for what they are (EX-72, EX-73)
	Numbers       bool // message numbers above EXISTS are removed (EX-79)
	Partials      bool // pieces of messages that are answered whole are cut out (EX-77)
	StoreUIDs     bool // the flags that UID STORE sets are told with their UIDs (EX-76)
	Refusals      bool // what is sure to fail is answered here (EX-02)
	// Substitute says what becomes of the message that Exchange gives out in
	// place of one that it cannot convert (EX-26).
	Substitute Substitute
}

// Substitute is a choice of Replies.
type Substitute string

const (
	SubstituteLeave  Substitute = "off"    // "" as well
	SubstituteMark   Substitute = "mark"   // a header field says what it is
	SubstituteRefuse Substitute = "refuse" // the FETCH is answered NO
)

// ReplyFix names a repair of replies, in the configuration, in counters and in
// the log.
type ReplyFix string

// The repairs of replies. FixSubstitute is on where Replies.Substitute is not
// SubstituteLeave; it is chosen, and not switched off by its name.
const (
	FixMissingData   ReplyFix = "missing-data"
	FixStructure     ReplyFix = "structure"
	FixCopyUID       ReplyFix = "copyuid"
	FixListNames     ReplyFix = "list-names"
	FixStatusCodes   ReplyFix = "status-codes"
	FixSearchCharset ReplyFix = "search-charset"
	FixSearchFrom    ReplyFix = "search-from"
	FixLongSets      ReplyFix = "long-sets"
	FixIdleOrder     ReplyFix = "idle-order"
	FixIdleRenew     ReplyFix = "idle-renew"
	FixBlanks        ReplyFix = "blanks"
	FixStrays        ReplyFix = "strays"
	FixNumbers       ReplyFix = "numbers"
	FixPartials      ReplyFix = "partials"
	FixStoreUIDs     ReplyFix = "store-uids"
	FixRefusals      ReplyFix = "refusals"
	FixSubstitute    ReplyFix = "substitute"
)

// replyFixes has the switch of each repair that can be switched off by its name.
var replyFixes = []struct {
	name ReplyFix
	of   func(*Replies) *bool
}{
	{FixMissingData, func(r *Replies) *bool { return &r.MissingData }},
	{FixStructure, func(r *Replies) *bool { return &r.Structure }},
	{FixCopyUID, func(r *Replies) *bool { return &r.CopyUID }},
	{FixListNames, func(r *Replies) *bool { return &r.ListNames }},
	{FixStatusCodes, func(r *Replies) *bool { return &r.StatusCodes }},
	{FixSearchCharset, func(r *Replies) *bool { return &r.SearchCharset }},
	{FixSearchFrom, func(r *Replies) *bool { return &r.SearchFrom }},
	{FixLongSets, func(r *Replies) *bool { return &r.LongSets }},
	{FixIdleOrder, func(r *Replies) *bool { return &r.IdleOrder }},
	{FixIdleRenew, func(r *Replies) *bool { return &r.IdleRenew }},
	{FixBlanks, func(r *Replies) *bool { return &r.Blanks }},
	{FixStrays, func(r *Replies) *bool { return &r.Strays }},
	{FixNumbers, func(r *Replies) *bool { return &r.Numbers }},
	{FixPartials, func(r *Replies) *bool { return &r.Partials }},
	{FixStoreUIDs, func(r *Replies) *bool { return &r.StoreUIDs }},
	{FixRefusals, func(r *Replies) *bool { return &r.Refusals }},
}

// Has reports whether a repair is on.
func (r *Replies) Has(fix ReplyFix) bool {
	if fix == FixSubstitute {
		return r.Substitute == SubstituteMark || r.Substitute == SubstituteRefuse
	}
	for i := range replyFixes {
		if replyFixes[i].name == fix {
			return *replyFixes[i].of(r)
		}
	}
	return false
}

// Only returns r with no repairs on but those that are named.
func (r Replies) Only(fixes ...ReplyFix) Replies {
	for i := range replyFixes {
		if !slices.Contains(fixes, replyFixes[i].name) {
			*replyFixes[i].of(&r) = false
		}
	}
	if !slices.Contains(fixes, FixSubstitute) {
		r.Substitute = SubstituteLeave
	}
	return r
}

// AllReplies returns Replies with every repair switched on.
func AllReplies() Replies {
	r := Replies{Substitute: SubstituteMark}
	for _, fix := range replyFixes {
		*fix.of(&r) = true
	}
	return r
}

// Without returns r with some repairs switched off by name, or all by "all".
func (r Replies) Without(names []string) (Replies, error) {
	for i, name := range names {
		if name == "all" {
			return Replies{}, nil
		}
		at := -1
		for j := range replyFixes {
			if string(replyFixes[j].name) == name {
				at = j
			}
		}
		if at < 0 {
			return r, fmt.Errorf("entry %d: %q is not one of all, %s", i+1, name, strings.Join(ReplyFixes(), ", "))
		}
		*replyFixes[at].of(&r) = false
	}
	return r, nil
}

// ReplyFixes returns the names of the repairs that can be switched off.
func ReplyFixes() []string {
	names := make([]string, len(replyFixes))
	for i, fix := range replyFixes {
		names[i] = string(fix.name)
	}
	return names
}

// Off returns the names of the repairs that are switched off.
func (r Replies) Off() (names []string) {
	for _, fix := range replyFixes {
		if !*fix.of(&r) {
			names = append(names, string(fix.name))
		}
	}
	return names
}
