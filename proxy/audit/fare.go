package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"exgate/config/profile"
	"exgate/proxy/budget"
	"exgate/proxy/ledger"
	"exgate/proxy/mailbox"
	"exgate/proxy/report"
	"exgate/rewrite"
)

// Options say what the messages would meet.
type Options struct {
	Profile    profile.Profile
	Quarantine bool // there is a quarantine: what a repair takes out of a message can be kept
	Budget     budget.Limits
}

// Text is the text of a message.
type Text struct {
	io.ReaderAt
	Size int64
}

// refusedByAll are the fixes of what every Exchange refuses, as logs show
// (docs/exchange.md#ex-09). What the other fixes of further stages are for, only some versions
// refuse, or it is not known.
var refusedByAll = []string{"partial", "encoded-words"}

// fare is how a message would fare.
type fare struct {
	fixes    []string
	rule     string // that refuses it; "": it is stored
	reason   string
	remedy   string   // the setting with which it would arrive
	sent     int64    // bytes of the attempts
	attempts int      // APPENDs
	risks    []string // fixes of what Exchange may refuse in it; it is counted as stored
	escalate string   // the setting that mends the risks, if the profile does not
}

// forecast returns how a message fares on the way that delivery goes: it repairs the message
// stage by stage, as far as the profile escalates.
func (o *Options) forecast(ctx context.Context, text Text, flags []string, date *string) (f fare, err error) {
	p := o.Profile
	if p.IsTooBig(text.Size) && p.Message.Oversize != rewrite.OversizeDetach {
		return tooLarge(text.Size, p.MessageLimit), nil
	}
	if f, never := o.neverFits(text.Size); never && !p.IsTooBig(text.Size) {
		return f, nil
	}
	message := p.Message
	message.Seen = slices.ContainsFunc(flags, func(flag string) bool { return strings.EqualFold(flag, `\Seen`) })
	known, err := o.known(ctx, text)
	if err != nil {
		return f, err
	}
	certain, err := o.certain(text, known)
	if err != nil {
		return f, err
	}
	w := &way{Options: o, text: text, message: message, known: certain}
	last := rewrite.StageEnvelope // what would bring the message
	for w.stage = rewrite.StageProfile; w.stage <= last; w.stage++ {
		plan, err := w.attempt(ctx, &f)
		if err != nil {
			return f, err
		}
		if w.rule == "" {
			f.fixes = fixesOf(plan)
			break
		}
		if w.rule == ledger.RuleOversize {
			break
		}
		if plan != nil && plan.Report().SignedLeft > 0 && p.Escalate >= rewrite.StageEnvelope {
			w.stage = rewrite.StageEnvelope - 1 // as delivery goes on
		}
	}
	switch {
	case w.stage <= p.Escalate && w.rule == "":
		o.outside(&f, flags, date)
		o.addRisks(&f, known, w.stage)
	default:
		f.rule, f.reason, f.fixes = w.refusedBy, w.reason, nil
		if w.rule == "" {
			f.remedy = remedy(w.stage, w.lossy && !o.Quarantine)
		} else if w.refusedBy == ledger.RuleOversize {
			f.remedy = report.SwitchSize
		}
	}
	return f, nil
}

// way is the way of one message through the stages.
type way struct {
	*Options
	text    Text
	message rewrite.Options
	known   []string // what Exchange is sure to refuse, by the fix that mends it
	stage   rewrite.Stage
	fixed   []string // by the plan that was sent last
	isSent  bool
	lossy   bool

	rule              string // of the refusal at this stage; "": it is stored
	refusedBy, reason string // of the refusal that the client would read
}

// attempt plans the message for the stage, and says in w.rule what becomes of it.
func (w *way) attempt(ctx context.Context, f *fare) (*rewrite.Plan, error) {
	p := &w.Profile
	w.message.Stage = w.stage
	plan, err := rewrite.NewPlan(ctx, w.text.ReaderAt, w.text.Size, w.message)
	var refused *rewrite.RefusedError
	if errors.As(err, &refused) {
		w.refuse(refused.Rule, refused.Reason)
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	report := plan.Report()
	w.lossy = report.Lossy
	isForeseen := w.stage <= p.Escalate
	switch {
	case p.IsTooBig(plan.Size()):
		w.refuse(ledger.RuleOversize, tooLarge(plan.Size(), p.MessageLimit).reason+", after the repair")
		return plan, nil
	case len(report.Unrepaired) > 0 && p.Message.LongLines != "" && p.Message.LongLines != rewrite.LongLinesOff:
		w.refuse(report.Unrepaired[0].Rule, report.Unrepaired[0].String())
		return plan, nil
	case isForeseen && (report.Lossy || len(report.Detached) > 0) && !w.Quarantine:
		w.refuse(ledger.RuleQuarantine, "what would be taken out of the message cannot be kept (quarantine.dir)")
		return plan, nil
	}
	fixed := fixesOf(plan)
	if w.isSent && slices.Equal(fixed, w.fixed) {
		return plan, nil // the same bytes are not sent again: w.rule stays
	}
	w.isSent, w.fixed = true, fixed
	if isForeseen {
		f.attempts++
		f.sent += plan.Size()
	}
	for _, rule := range w.known {
		if w.stage < rewrite.StageEnvelope && !slices.Contains(fixed, rule) {
			w.refuse(ledger.RuleExchange,
				"Exchange refuses what the fix "+rule+" is for (docs/exchange.md#refused-content)")
			return plan, nil
		}
	}
	w.rule = ""
	return plan, nil
}

// refuse notes a refusal. As in delivery, a later one replaces one of exgate's own, and
// Exchange's stays.
func (w *way) refuse(rule, reason string) {
	w.rule = rule
	if w.stage <= w.Profile.Escalate && (w.refusedBy != ledger.RuleExchange || rule == ledger.RuleExchange) {
		w.refusedBy, w.reason = rule, reason
	}
}

func tooLarge(size, limit int64) fare {
	return fare{
		rule: ledger.RuleOversize, remedy: report.SwitchSize,
		reason: fmt.Sprintf("the message has %d bytes, the limit is %d", size, limit),
	}
}

// remedy is the setting of the last stage that is needed.
func remedy(last rewrite.Stage, keeps bool) string {
	text := map[rewrite.Stage]string{
		rewrite.StageRefused: "fixes.escalate: repair", rewrite.StageShed: "fixes.escalate: shed",
		rewrite.StageEnvelope: "fixes.escalate: envelope",
	}[last]
	if keeps {
		text += ", and quarantine.dir"
	}
	return text
}

// known returns, by the fixes that mend it, all that Exchange may refuse in a message.
func (o *Options) known(ctx context.Context, text Text) ([]string, error) {
	all := o.Profile.Message
	all.Stage, all.Uses, all.Signed = rewrite.StageShed, rewrite.UsesAt, rewrite.SignedRepair
	all.Oversize, all.ReadReceipt, all.HeaderRules = rewrite.OversizeRefuse, rewrite.ReadReceiptOff, nil
	plan, err := rewrite.NewPlan(ctx, text.ReaderAt, text.Size, all)
	var refused *rewrite.RefusedError
	if errors.As(err, &refused) {
		return nil, nil // the way through the stages says so
	}
	if err != nil {
		return nil, err
	}
	return fixesOf(plan), nil
}

// certain returns those of known that every Exchange refuses. The fix encoded-words also mends
// the charsets of texts, which are a risk only (docs/exchange.md#ex-39).
func (o *Options) certain(text Text, known []string) (certain []string, err error) {
	if !o.Profile.IsExchange() {
		return nil, nil
	}
	for _, rule := range refusedByAll {
		if !slices.Contains(known, rule) {
			continue
		}
		if rule == "encoded-words" {
			top, err := head(text)
			if err != nil {
				return nil, err
			}
			if end := bytes.Index(top, []byte("\r\n\r\n")); end >= 0 {
				top = top[:end]
			}
			if !bytes.Contains(top, []byte("=?")) {
				continue
			}
		}
		certain = append(certain, rule)
	}
	return certain, nil
}

// outside adds the fixes outside the message. Keywords that Exchange lacks are not among them:
// clients send only what the PERMANENTFLAGS have (RFC 9051 section 7.1). date is nil if the
// source has no dates of its own.
func (o *Options) outside(f *fare, flags []string, date *string) {
	p := &o.Profile
	has := func(name string) bool {
		return slices.ContainsFunc(flags, func(flag string) bool { return strings.EqualFold(flag, name) })
	}
	if p.Flagged && has(`\Flagged`) {
		f.fixes = append(f.fixes, "flagged")
	}
	if p.Keywords && p.MDNSent && has("$MDNSent") {
		f.fixes = append(f.fixes, "keywords")
	}
	if p.InternalDate && date != nil {
		if legal, _ := mailbox.LegalDate(*date); legal != *date || legal == "" {
			f.fixes = append(f.fixes, "internal-date")
		}
	}
}

// addRisks adds what Exchange may refuse in what is sent, and the setting that mends it.
func (o *Options) addRisks(f *fare, known []string, stage rewrite.Stage) {
	if !o.Profile.IsExchange() || stage == rewrite.StageEnvelope {
		return
	}
	last := rewrite.StageProfile
	for _, rule := range known {
		if slices.Contains(f.fixes, rule) {
			continue
		}
		f.risks = append(f.risks, rule)
		last = max(last, stageOf(rule))
	}
	if last > o.Profile.Escalate {
		f.escalate = remedy(last, false)
	}
}

// stageOf returns the stage at which a fix mends what Exchange may refuse.
func stageOf(fix string) rewrite.Stage {
	if slices.Contains([]string{"header-lines", "eight-bit", "encoded-words"}, fix) {
		return rewrite.StageRefused
	}
	return rewrite.StageShed
}

func fixesOf(plan *rewrite.Plan) []string {
	var names []string
	for _, fix := range plan.Report().Fixes {
		names = append(names, fix.Name)
	}
	return names
}

// head returns the beginning of a message, which has its header.
func head(text Text) ([]byte, error) {
	top := make([]byte, min(text.Size, maxHeader))
	if _, err := text.ReadAt(top, 0); err != nil && err != io.EOF {
		return nil, err
	}
	return top, nil
}

// maxHeader is larger than the header of most messages.
const maxHeader = 64 << 10

// count adds n to a number of the map that to points to.
func count(to *map[string]int64, name string, n int64) {
	if *to == nil {
		*to = make(map[string]int64)
	}
	(*to)[name] += n
}

// merge adds the numbers of from.
func merge(to *map[string]int64, from map[string]int64) {
	for name, n := range maps.All(from) {
		count(to, name, n)
	}
}
