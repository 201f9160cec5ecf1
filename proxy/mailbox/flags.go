package mailbox

import (
	"slices"
	"strings"
)

// SystemFlags are kept by every Exchange; with $MDNSent they are its
// PERMANENTFLAGS (docs/exchange.md#select).
var SystemFlags = []string{`\Seen`, `\Answered`, `\Flagged`, `\Deleted`, `\Draft`}

// CanKeep tells whether a mailbox with these PERMANENTFLAGS keeps a flag.
func CanKeep(permanent []string, flag string) bool {
	is := func(p string) bool { return strings.EqualFold(p, flag) }
	if strings.HasPrefix(flag, `\`) {
		return slices.ContainsFunc(SystemFlags, is) || slices.ContainsFunc(permanent, is)
	}
	return slices.ContainsFunc(permanent, is) || slices.Contains(permanent, `\*`)
}
