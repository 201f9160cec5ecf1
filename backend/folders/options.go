package folders

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Case says what becomes of names that differ in case only, which Exchange
// takes for one (docs/exchange.md#case).
type Case string

const (
	Apart Case = "apart" // two mailboxes, the second with a suffix
	Merge Case = "merge" // one mailbox
)

// Options are what is done to names. The zero value does nothing.
type Options struct {
	Case       Case // "": nothing is known of case, every name is itself
	Characters bool // replace what Exchange does not take or does not keep
	Longest    int  // characters of one level, counted in UTF-16; 0: no bound
	// Reserved are names of the top level, in any case, that Exchange refuses:
	// they go by the name that imapsync gives them, Files_renamed_by_imapsync
	// (docs/exchange.md#reserved-names).
	Reserved []string
	// Prefix is the upstream mailbox, in its levels, below which all of the
	// client's lie; "INBOX." or "backup/bob". INBOX stays where it is if the
	// prefix is below it.
	Prefix string
	Users  []UserPrefix // the prefix of single users, in place of Prefix
	// Separator that clients are shown between levels; "": the upstream's.
	Separator string
	List      []Pair    // single mailboxes with what is below them
	Patterns  []Pattern // applied to the client's name, in order
	// Hide are the classes of folders that clients are not shown.
	Hide []Class
	// SpecialUse adds the attributes of RFC 6154.
	SpecialUse bool
	// RefuseBlankEnd says that a mailbox whose name ends in a blank must not be
	// opened: Exchange 2007 closes the connection
	// (docs/exchange.md#blank-end).
	RefuseBlankEnd bool
}

// Pair gives one mailbox, and those below it, another name upstream.
type Pair struct {
	From string // as clients name it
	To   string // as Exchange does
}

// UserPrefix is the prefix of one user.
type UserPrefix struct{ User, Prefix string }

// For returns the options as they are for a user, whose domain does not count
// where the list does not name it.
func (o Options) For(user string) Options {
	local, _, _ := strings.Cut(user, "@")
	for _, u := range o.Users {
		if strings.EqualFold(u.User, user) || strings.EqualFold(u.User, local) {
			o.Prefix = u.Prefix
			break
		}
	}
	o.Users = nil
	return o
}

// Pattern renames by regular expression (RE2). The two that lead back say how
// an upstream's name reads to a client; without them it is shown as it is, and
// two names may become one mailbox.
type Pattern struct {
	From, To         string
	BackFrom, BackTo string
}

// Active tells whether names are mapped at all.
func (o Options) Active() bool {
	return o.Case != "" || o.Characters || o.Longest > 0 || len(o.Reserved) > 0 || o.Prefix != "" || o.Separator != "" ||
		len(o.Users) > 0 || len(o.List) > 0 || len(o.Patterns) > 0 || len(o.Hide) > 0 || o.SpecialUse || o.RefuseBlankEnd
}

// minLongest leaves room for a suffix and something to tell names by.
const minLongest = 64

// Validate returns every fault of the options at once, each beginning with the
// name of its key as configuration spells it.
func (o Options) Validate() error {
	var errs []error
	fault := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	switch o.Case {
	case "", Apart, Merge:
	default:
		fault("case: %q is none of apart, merge, off", o.Case)
	}
	if o.Longest != 0 && o.Longest < minLongest {
		fault("longest: %d is too short for names that stay apart: use %d or more, or 0 for the profile's", o.Longest, minLongest)
	}
	if _, known := alike[o.Separator]; o.Separator != "" && !known {
		fault(`separator: %q is none of / . \`, o.Separator)
	}
	if o.Prefix != "" && strings.Trim(o.Prefix, "./ ") == "" {
		fault("prefix: %q names no mailbox", o.Prefix)
	}
	for i, u := range o.Users {
		if u.User == "" || strings.Trim(u.Prefix, "./ ") == "" {
			fault("users: entry %d: needs user and prefix", i+1)
		}
	}
	for i, name := range o.Reserved {
		if name == "" || strings.Contains(name, "/") {
			fault("reserved: entry %d: %q is no name of the top level, such as Files", i+1, name)
		}
	}
	for i, p := range o.List {
		if p.From == "" || p.To == "" {
			fault("list: entry %d: needs from and to", i+1)
			continue
		}
		for j, other := range o.List[:i] {
			if fold(p.From) == fold(other.From) {
				fault("list: entry %d: from %q is taken by entry %d", i+1, p.From, j+1)
			}
			if fold(p.To) == fold(other.To) {
				fault("list: entry %d: to %q is taken by entry %d: two names would be one mailbox", i+1, p.To, j+1)
			}
		}
	}
	for i, p := range o.Patterns {
		if p.From == "" || (p.BackFrom == "") != (p.BackTo == "") {
			fault("patterns: entry %d: needs from and to, and of back_from and back_to both or none", i+1)
		}
		for key, expr := range map[string]string{"from": p.From, "back_from": p.BackFrom} {
			if _, err := regexp.Compile(expr); err != nil {
				fault("patterns: entry %d: %s: %w", i+1, key, err)
			}
		}
	}
	for i, class := range o.Hide {
		if !slices.Contains(Classes, class) {
			fault("hide: entry %d: %q is none of %s", i+1, class, joinClasses())
		}
	}
	return errors.Join(errs...)
}

func joinClasses() string {
	words := make([]string, len(Classes))
	for i, c := range Classes {
		words[i] = string(c)
	}
	return strings.Join(words, ", ")
}
