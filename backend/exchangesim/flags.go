package exchangesim

import "strings"

// flags of a message: Exchange keeps these six only (quirk EX-08).
type flags uint8

const (
	flagSeen flags = 1 << iota
	flagAnswered
	flagFlagged
	flagDeleted
	flagDraft
	flagMDNSent
)

// flagNames in the order in which Exchange lists them.
var flagNames = [...]string{`\Seen`, `\Answered`, `\Flagged`, `\Deleted`, `\Draft`, `$MDNSent`}

// names of the flags that are set, in Exchange's order.
func (f flags) names() []string {
	var names []string
	for i, name := range flagNames {
		if f&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}

func (f flags) String() string { return "(" + strings.Join(f.names(), " ") + ")" }

// parseFlags returns the flags of those names, and the first name that
// Exchange does not keep.
func parseFlags(names []string) (f flags, unknown string) {
next:
	for _, name := range names {
		for i, known := range flagNames {
			if strings.EqualFold(name, known) {
				f |= 1 << i
				continue next
			}
		}
		if unknown == "" {
			unknown = name
		}
	}
	return f, unknown
}
