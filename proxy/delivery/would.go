package delivery

import (
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"

	"exgate/config/profile"
	"exgate/rewrite"
)

// WouldDo returns attributes for the log: what the fixes of a profile would have
// done to a message.
func (s *Sender) WouldDo(wanted *profile.Profile, e *Examined) []any {
	flags := sortFlags(wanted, e.Upload.Flags, s.permanentFlags(e.Upload.Mailbox), s.HasUIDPlus())
	switch {
	case wanted.IsTooBig(e.Size):
		return []any{"would_refuse", TooBigText(e.Size, wanted.MessageLimit)}
	case e.Err != nil:
		return []any{"would_fix", flags.fixes(), "not_examined", e.Err}
	case e.Upload.Spool.Size() < e.Size:
		return []any{"would_fix", flags.fixes(), "not_examined", "it was not sent"}
	}
	message := wanted.Message
	message.Seen = slices.ContainsFunc(e.Upload.Flags,
		func(f string) bool { return strings.EqualFold(f, string(imap.FlagSeen)) })
	plan, err := rewrite.NewPlan(s.Context(), e.Upload.Spool, e.Upload.Spool.Size(), message)
	if err != nil {
		return []any{"would_refuse", err}
	}
	attrs := []any{"would_fix", append(fixesOf(plan), flags.fixes()...), "would_send", plan.Size()}
	if report := plan.Report(); len(report.Unrepaired) > 0 {
		attrs = append(attrs, "would_refuse", report.Unrepaired[0].String())
	} else if wanted.IsTooBig(plan.Size()) {
		attrs = append(attrs, "would_refuse", TooBigText(plan.Size(), wanted.MessageLimit))
	}
	return attrs
}
