package backend

import (
	"fmt"
	"slices"
	"strings"
)

// Replies are the repairs of Exchange's replies, and of commands that Exchange would
// not answer. The zero value repairs nothing. Rows are of section 5 of
// the behaviour notes.
type Replies struct {
	MissingData   bool // a FETCH that is answered OK without its message gets NO (row 9)
	Structure     bool // dispositions, encodings and addresses (rows 11 to 13)
	CopyUID       bool // a bare [COPYUID ...] becomes a response (row 8)
	ListNames     bool // names with a TAB are quoted (row 18)
	StatusCodes   bool // codes that are none, such as [Error="..."], become text (§2.2)
	SearchCharset bool // terms in US-ASCII are not called UTF-8 (row 21)
	LongSets      bool // commands longer than Exchange takes are split (§3)
	IdleOrder     bool // what comes before the "+" of IDLE waits for it (row 22)
	IdleRenew     bool // IDLE is begun anew inside the client's (row 22)
	Refusals      bool // what is sure to fail is answered here (§3: ten errors)
	// Substitute says what becomes of the message that Exchange gives out in
	// place of one that it cannot convert (row 9).
	Substitute Substitute
}

// Substitute is a choice of Replies.
type Substitute string

const (
	SubstituteLeave  Substitute = "off"    // "" as well
	SubstituteMark   Substitute = "mark"   // a header field says what it is
	SubstituteRefuse Substitute = "refuse" // the FETCH is answered NO
)

// replyFix is the switch of a repair, with its name.
type replyFix struct {
	name string
	of   func(*Replies) *bool
}

// replyFixes are the switches of all repairs.
var replyFixes = []replyFix{
	{"missing-data", func(r *Replies) *bool { return &r.MissingData }},
	{"structure", func(r *Replies) *bool { return &r.Structure }},
	{"copyuid", func(r *Replies) *bool { return &r.CopyUID }},
	{"list-names", func(r *Replies) *bool { return &r.ListNames }},
	{"status-codes", func(r *Replies) *bool { return &r.StatusCodes }},
	{"search-charset", func(r *Replies) *bool { return &r.SearchCharset }},
	{"long-sets", func(r *Replies) *bool { return &r.LongSets }},
	{"idle-order", func(r *Replies) *bool { return &r.IdleOrder }},
	{"idle-renew", func(r *Replies) *bool { return &r.IdleRenew }},
	{"refusals", func(r *Replies) *bool { return &r.Refusals }},
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
		at := slices.IndexFunc(replyFixes, func(f replyFix) bool { return f.name == name })
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
		names[i] = fix.name
	}
	return names
}

// Off returns the names of the repairs that are switched off.
func (r Replies) Off() (names []string) {
	for _, fix := range replyFixes {
		if !*fix.of(&r) {
			names = append(names, fix.name)
		}
	}
	return names
}
