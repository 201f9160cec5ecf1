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
	Structure     bool // dispositions, encodings and addresses (EX-24, EX-29, EX-40, EX-41)
	CopyUID       bool // a bare [COPYUID ...] becomes a response (EX-22)
	ListNames     bool // names with a TAB are quoted (EX-21)
	StatusCodes   bool // codes that are none, such as [Error="..."], become text (EX-23)
	SearchCharset bool // terms in US-ASCII are not called UTF-8 (EX-20)
	LongSets      bool // commands longer than Exchange takes are split (EX-04)
	IdleOrder     bool // what comes before the "+" of IDLE waits for it (EX-27)
	IdleRenew     bool // IDLE is begun anew inside the client's (EX-28)
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

// replyFix is a switch by its name.
type replyFix struct {
	name string
	of   func(*Replies) *bool
}

// replyFixes are all of them.
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

// AllReplies has every repair on.
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
			return r, fmt.Errorf("entry %d: %q is none of all, %s", i+1, name, strings.Join(ReplyFixes(), ", "))
		}
		*replyFixes[at].of(&r) = false
	}
	return r, nil
}

// ReplyFixes are the names of the repairs that can be switched off.
func ReplyFixes() []string {
	names := make([]string, len(replyFixes))
	for i, fix := range replyFixes {
		names[i] = fix.name
	}
	return names
}

// Off are the names of those that are off.
func (r Replies) Off() (names []string) {
	for _, fix := range replyFixes {
		if !*fix.of(&r) {
			names = append(names, fix.name)
		}
	}
	return names
}
