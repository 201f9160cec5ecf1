package delivery

import (
	"slices"
	"strings"

	"exgate/config/profile"
	"exgate/proxy/mailbox"
)

// sortedFlags are the flags of an APPEND, by what becomes of them.
type sortedFlags struct {
	keep    []string // sent with it
	replay  bool     // \Flagged is set by a STORE afterwards
	dropped []string // the mailbox does not keep them, and refuses the message
}

// fixes names the fixes that were used.
func (f *sortedFlags) fixes() []string {
	names := []string{}
	if f.replay {
		names = append(names, "flagged")
	}
	if len(f.dropped) > 0 {
		names = append(names, "keywords")
	}
	return names
}

// sortFlags decides on the flags of an APPEND under a policy. kept are the
// PERMANENTFLAGS of the mailbox. \Flagged is set by STORE, since Exchange 2010
// and 2013 show an APPENDed one to IMAP clients only (docs/exchange.md#flagged);
// a message that could not be found afterwards keeps the flag as it came. Keywords
// are dropped that Exchange answers with error 11 (docs/exchange.md#keywords),
// and on Exchange Online the one that becomes a category.
func sortFlags(prof *profile.Profile, flags, kept []string, findable bool) sortedFlags {
	var f sortedFlags
	for _, flag := range flags {
		switch {
		case prof.Flagged && findable && strings.EqualFold(flag, `\Flagged`):
			f.replay = true
		case prof.Keywords && (!mailbox.CanKeep(kept, flag) || prof.MDNSent && strings.EqualFold(flag, "$MDNSent")):
			f.dropped = append(f.dropped, flag)
		default:
			f.keep = append(f.keep, flag)
		}
	}
	return f
}

// sortFlags decides on the flags of an upload to this session's upstream.
func (s *Sender) sortFlags(up *Upload) sortedFlags {
	prof := s.Profile
	return sortFlags(prof, up.Flags, s.permanentFlags(up.Mailbox), s.HasUIDPlus() || s.Resumes)
}

// permanentFlags are those of a mailbox, as far as they are known.
func (s *Sender) permanentFlags(name string) []string {
	view := s.Selected()
	if view.IsSelected(name, s.Profile.IsExchange()) && view.PermanentFlags != nil {
		return view.PermanentFlags
	}
	return append(slices.Clone(mailbox.SystemFlags), "$MDNSent")
}
