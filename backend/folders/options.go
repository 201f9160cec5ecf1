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

// Options configure the mapping of names. The zero value maps nothing.
type Options struct {
	Case       Case // "": no mapping of case
	Characters bool // replace characters that Exchange refuses or drops
	Longest    int  // the maximum number of characters in one level, counted in UTF-16; 0: no limit
	// Reserved are the names at the top level, in any case, that Exchange refuses.
	// They get the name that imapsync uses, Files_renamed_by_imapsync
	// (docs/exchange.md#reserved-names).
	Reserved []string
	// Prefix is the upstream mailbox that contains all mailboxes of the client, such as
	// "INBOX." or "backup/bob". If the prefix is below INBOX, the client's INBOX is
	// still Exchange's INBOX.
	Prefix string
	Users  []UserPrefix // the prefixes of single users, instead of Prefix
	// Separator is what clients see between levels; "": the upstream's.
	Separator string
	List      []Pair    // single mailboxes, with the mailboxes below them
	Patterns  []Pattern // applied to the client's name, in order
	// Hide are the classes of folders that clients do not see.
	Hide []Class
	// SpecialUse adds the attributes of RFC 6154.
	SpecialUse bool
	// RefuseBlankEnd forbids opening a mailbox whose name ends in a blank, for which
	// Exchange 2007 closes the connection (docs/exchange.md#blank-end).
	RefuseBlankEnd bool
}

// Pair gives one mailbox, and those below it, another name upstream.
type Pair struct {
	From string // as clients name it
	To   string // as Exchange does
}

// UserPrefix is the prefix of one user.
type UserPrefix struct{ User, Prefix string }

// For returns the options for one user. An entry of Users without a domain matches
// the user in any domain.
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

// Pattern renames by regular expression (RE2). BackFrom and BackTo restore the
// client's name from the upstream's. Without them, clients see the upstream's name,
// and two names may become one mailbox.
type Pattern struct {
	From, To         string
	BackFrom, BackTo string
}

// IsActive reports whether the options map any names.
func (o Options) IsActive() bool {
	return o.Case != "" || o.Characters || o.Longest > 0 || len(o.Reserved) > 0 || o.Prefix != "" ||
		o.Separator != "" || len(o.Users) > 0 || len(o.List) > 0 || len(o.Patterns) > 0 || len(o.Hide) > 0 ||
		o.SpecialUse || o.RefuseBlankEnd
}

// minLongest leaves room for a suffix, and for enough characters to distinguish names.
const minLongest = 64

// problems has the problems that Validate has found.
type problems []error

func (p *problems) add(format string, args ...any) { *p = append(*p, fmt.Errorf(format, args...)) }

// Validate returns every problem of the options at once. Each begins with its key, as
// the configuration spells it.
func (o Options) Validate() error {
	var found problems
	switch o.Case {
	case "", Apart, Merge:
	default:
		found.add("case: %q is not one of apart, merge, off", o.Case)
	}
	if o.Longest != 0 && o.Longest < minLongest {
		found.add("longest: %d is too short to keep names distinct: use %d or more, or 0 for the profile's value",
			o.Longest, minLongest)
	}
	if _, known := alike[o.Separator]; o.Separator != "" && !known {
		found.add(`separator: %q is not one of / . \`, o.Separator)
	}
	if o.Prefix != "" && !isPrefix(o.Prefix) {
		found.add("prefix: %q names no mailbox", o.Prefix)
	}
	for i, u := range o.Users {
		if u.User == "" || !isPrefix(u.Prefix) {
			found.add("users: entry %d: set user and prefix", i+1)
		}
	}
	for i, name := range o.Reserved {
		if name == "" || strings.Contains(name, "/") {
			found.add("reserved: entry %d: %q is not a name at the top level, such as Files", i+1, name)
		}
	}
	o.validateList(&found)
	o.validatePatterns(&found)
	for i, class := range o.Hide {
		if !slices.Contains(Classes, class) {
			found.add("hide: entry %d: %q is not one of %s", i+1, class, joinClasses())
		}
	}
	return errors.Join(found...)
}

// isPrefix reports whether the prefix names a mailbox.
func isPrefix(prefix string) bool { return strings.Trim(prefix, "./ ") != "" }

// validateList finds the entries of List that lack a name or have the name of another entry.
func (o Options) validateList(found *problems) {
	for i, p := range o.List {
		if p.From == "" || p.To == "" {
			found.add("list: entry %d: set from and to", i+1)
			continue
		}
		for j, other := range o.List[:i] {
			if fold(p.From) == fold(other.From) {
				found.add("list: entries %[3]d and %[1]d both have `from: %[2]q`", i+1, p.From, j+1)
			}
			if fold(p.To) == fold(other.To) {
				found.add("list: entries %[3]d and %[1]d both have `to: %[2]q`, so two names would be one mailbox",
					i+1, p.To, j+1)
			}
		}
	}
}

// validatePatterns finds the entries of Patterns that are incomplete or are no regular expression.
func (o Options) validatePatterns(found *problems) {
	for i, p := range o.Patterns {
		if p.From == "" || (p.BackFrom == "") != (p.BackTo == "") {
			found.add("patterns: entry %d: set from and to, and either both or none of back_from and back_to", i+1)
		}
		for key, expr := range map[string]string{"from": p.From, "back_from": p.BackFrom} {
			if _, err := regexp.Compile(expr); err != nil {
				found.add("patterns: entry %d: %s: %w", i+1, key, err)
			}
		}
	}
}

func joinClasses() string {
	words := make([]string, len(Classes))
	for i, c := range Classes {
		words[i] = string(c)
	}
	return strings.Join(words, ", ")
}
