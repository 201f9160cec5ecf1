package delivery

import (
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"

	"exgate/config/profile"
	"exgate/proxy/ledger"
	"exgate/rewrite"
)

// Would is what the fixes of a profile would have done to a message.
type Would struct {
	Fixes  []string
	Size   int64  // after the repair; 0: it would not have been sent, or that is not known
	Rule   string // the rule that would have refused the message; "": none
	Reason string // of the refusal
	Unread string // why the message could not be examined; "": it could
}

// Attrs returns attributes for the log.
func (w *Would) Attrs() (attrs []any) {
	if w.Rule == "" || w.Fixes != nil {
		attrs = append(attrs, "would_fix", w.Fixes)
	}
	if w.Size > 0 {
		attrs = append(attrs, "would_send", w.Size)
	}
	if w.Rule != "" {
		attrs = append(attrs, "would_refuse", w.Reason)
	}
	if w.Unread != "" {
		attrs = append(attrs, "not_examined", w.Unread)
	}
	return attrs
}

// WouldDo returns what the fixes of a profile would have done to a message.
func (s *Sender) WouldDo(wanted *profile.Profile, e *Examined) Would {
	flags := sortFlags(wanted, e.Upload.Flags, s.permanentFlags(e.Upload.Mailbox), s.HasUIDPlus())
	switch {
	case wanted.IsTooBig(e.Size):
		return Would{Rule: ledger.RuleOversize, Reason: TooBigText(e.Size, wanted.MessageLimit)}
	case e.Err != nil:
		return Would{Fixes: flags.fixes(), Unread: e.Err.Error()}
	case e.Upload.Spool.Size() < e.Size:
		return Would{Fixes: flags.fixes(), Unread: "it was not sent"}
	}
	message := wanted.Message
	message.Seen = slices.ContainsFunc(e.Upload.Flags,
		func(f string) bool { return strings.EqualFold(f, string(imap.FlagSeen)) })
	plan, err := rewrite.NewPlan(s.Context(), e.Upload.Spool, e.Upload.Spool.Size(), message)
	if err != nil {
		refused := s.unplanned(err)
		return Would{Rule: refused.rule, Reason: err.Error()}
	}
	would := Would{Fixes: append(fixesOf(plan), flags.fixes()...), Size: plan.Size()}
	if report := plan.Report(); len(report.Unrepaired) > 0 {
		would.Rule, would.Reason = report.Unrepaired[0].Rule, report.Unrepaired[0].String()
	} else if wanted.IsTooBig(plan.Size()) {
		would.Rule, would.Reason = ledger.RuleOversize, TooBigText(plan.Size(), wanted.MessageLimit)
	}
	return would
}
