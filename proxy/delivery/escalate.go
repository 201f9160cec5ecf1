package delivery

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"

	"exgate/backend"
	"exgate/proxy/ledger"
	"exgate/proxy/spool"
	"exgate/proxy/status"
	"exgate/rewrite"
)

// contentRefused is Exchange's answer to the content of a message.
type contentRefused struct {
	failure  backend.Failure
	reply    *imap.Error // what the client reads, if that is the end of it
	poisoned bool        // it took the message for commands, and the connection is lost
}

func (e *contentRefused) Error() string { return e.reply.Error() }

// blamesContent tells whether a refusal may be for what is in the message.
// What is refused before all of it was sent is refused for its size, its flags
// or its mailbox.
func blamesContent(f backend.Failure, sent bool) bool {
	return sent && (f.Kind == backend.KindArgument || f.Kind == backend.KindCommand)
}

// delivery is the way of one message through the stages of its repair. Each is
// one APPEND: first what the profile does to every message; then, where Exchange
// refuses the content and the policy goes that far, further repairs, shedding,
// and the envelope. What would be sent again unchanged is left out.
type delivery struct {
	s       *Sender
	up      *Upload
	options rewrite.Options
	flags   []string
	sent    map[[sha256.Size]byte]bool // by content
	reply   *imap.Error                // to the client, if nothing more is tried
	rule    string                     // for which
	lost    bool                       // the last refusal cost the connection
	kept    bool                       // the original is in the quarantine

	examination string // of the original, once it was refused
}

// deliver sends the message of an upload, and returns the plan that Exchange
// took.
func (s *Sender) deliver(up *Upload, o rewrite.Options, flags []string) (*imap.AppendData, *rewrite.Plan, error) {
	d := &delivery{s: s, up: up, options: o, flags: flags, sent: make(map[[sha256.Size]byte]bool)}
	if err := d.filter(FilterAlways); err != nil {
		return nil, nil, err
	}
	d.options.Stage = rewrite.StageProfile
	if stored, plan, err := d.resent(); stored != nil || err != nil {
		return stored, plan, err
	}
	for {
		stored, plan, err := d.attempt()
		if err == nil {
			return stored, plan, nil
		}
		var (
			byExchange *contentRefused
			byUs       *ownRefusal
		)
		switch {
		case errors.As(err, &byExchange):
			d.refusedByExchange(byExchange)
		case errors.As(err, &byUs):
			d.refusedHere(byUs)
		default:
			return nil, nil, err
		}
		if !d.next(plan, byUs) {
			s.TurnAway(up, up.Spool.Size(), d.rule, d.reply.Text)
			return nil, nil, d.reply
		}
	}
}

// errUnchanged says that a stage has nothing that was not sent already.
var errUnchanged = refuseBy("poisoned", imap.ResponseCodeCannot,
	"Exchange took this very message for commands before; it is not sent again, and stays where it is")

// errNotKept says that a stage needs a quarantine that there is none of.
var errNotKept = refuseBy(ledger.RuleQuarantine, imap.ResponseCodeCannot,
	"what would be taken out of the message cannot be kept (quarantine.dir); it stays where it is")

// attempt plans the message for the stage and sends it. The plan is nil if it
// comes to none.
func (d *delivery) attempt() (*imap.AppendData, *rewrite.Plan, error) {
	plan, err := rewrite.NewPlan(d.s.Context(), d.up.Body, d.up.Body.Size(), d.options)
	if err != nil {
		return nil, nil, d.s.unplanned(err)
	}
	if plan.Report().LongestLine > 0 && !d.up.filtered {
		if err := d.filter(FilterLongLines); err != nil {
			return nil, nil, err
		}
		if d.up.filtered {
			return d.attempt()
		}
	}
	if err := d.s.acceptable(plan); err != nil {
		return nil, plan, err
	}
	sum, err := d.seen(plan)
	if err != nil {
		return nil, plan, err
	}
	if err := d.keep(plan); err != nil {
		return nil, plan, err
	}
	if over := d.up.Share.Resize(plan.Size()); over != nil { // the repair has made it larger
		return nil, plan, d.s.OverBudget(d.up, d.up.Spool.Size(), over)
	}
	d.up.Record.Stage = int(d.options.Stage)
	stored, err := d.s.sendMessage(d.up, plan, d.flags)
	var refused *contentRefused
	if errors.As(err, &refused) {
		if sum == nil { // nothing was refused before
			if sum, err = sumOf(plan); err != nil {
				return nil, plan, err
			}
		}
		d.sent[*sum] = true
		if refused.poisoned {
			if err := d.s.Poisons.Add(plan.Size(), *sum); err != nil {
				d.s.Log.Error("a message that cost a connection may be sent again after a restart", "err", err)
			}
		}
		return nil, plan, refused
	}
	return stored, plan, err
}

// seen tells, by errUnchanged, whether these very bytes were refused already:
// in this delivery, or in an earlier one by losing a connection. Most often
// there is nothing of that size to compare with, and no sum is made.
func (d *delivery) seen(plan *rewrite.Plan) (*[sha256.Size]byte, error) {
	if len(d.sent) == 0 && !d.s.Poisons.HasSize(plan.Size()) {
		return nil, nil
	}
	sum, err := sumOf(plan)
	if err == nil && (d.sent[*sum] || d.s.Poisons.Has(plan.Size(), *sum)) {
		err = errUnchanged
	}
	return sum, err
}

func sumOf(message io.WriterTo) (*[sha256.Size]byte, error) {
	hash := sha256.New()
	if _, err := message.WriteTo(hash); err != nil {
		return nil, err
	}
	sum := [sha256.Size]byte(hash.Sum(nil))
	return &sum, nil
}

// next goes on to the next stage, if the policy has one that can help, and the
// connection can bear another error.
func (d *delivery) next(plan *rewrite.Plan, byUs *ownRefusal) bool {
	if byUs != nil && byUs.reply.Code != imap.ResponseCodeCannot || d.s.Context().Err() != nil {
		return false // no repair makes a message smaller, or a spool readable
	}
	prof := d.s.Profile
	d.options.Stage++
	if plan != nil && plan.Report().SignedLeft > 0 && prof.Escalate >= rewrite.StageEnvelope {
		d.options.Stage = rewrite.StageEnvelope // whatever is left alone is still in the way
	}
	if d.options.Stage > prof.Escalate {
		return false
	}
	if d.options.Stage == rewrite.StageRefused {
		if err := d.filter(FilterRefused); err != nil {
			return false
		}
	}
	if err := d.s.spareError(d.lost); err != nil {
		d.s.Log.Warn("no further repair is tried: no connection to Exchange can bear another error",
			"err", err)
		return false
	}
	d.lost = false
	d.s.Waits(status.StateSending, "exgate repairs a message that Exchange has refused", time.Time{})
	return true
}

// refusedByExchange records a refusal, and what looks wrong with the message.
func (d *delivery) refusedByExchange(refused *contentRefused) {
	d.lost = d.lost || refused.poisoned
	if d.examination == "" {
		d.examination = Examination(d.s.Context(), d.up.Spool, d.options)
		d.s.Log.Warn("examined a refused message", append(d.s.about(d.up), "size", d.up.Spool.Size(),
			"found", d.examination)...)
	}
	reply := *refused.reply
	reply.Text += "; exgate examined the message: " + oneLine(d.examination) + furtherSteps(d.s.Profile.Escalate)
	d.reply, d.rule = &reply, ledger.RuleExchange
}

// furtherSteps names the switch that has exgate go further with a message that Exchange
// refuses, for the user of a client that stops at the message (docs/fixes.md#escalation).
func furtherSteps(last rewrite.Stage) string {
	switch {
	case last < rewrite.StageShed:
		return "; fixes.escalate: shed or envelope has exgate try more, and needs quarantine.dir"
	case last < rewrite.StageEnvelope:
		return "; fixes.escalate: envelope has exgate store the message as a file of a small one"
	}
	return ""
}

// refusedHere records a refusal of our own. What Exchange has said of an
// earlier stage comes first.
func (d *delivery) refusedHere(refused *ownRefusal) {
	switch {
	case d.reply == nil || d.examination == "":
		d.reply, d.rule = refused.reply, refused.rule
	case refused != errUnchanged:
		reply := *d.reply
		reply.Text += "; " + refused.reply.Text
		d.reply = &reply
	}
}

// Examination says what looks wrong with a message.
func Examination(ctx context.Context, message *spool.Spool, o rewrite.Options) string {
	x, err := rewrite.Examine(ctx, message, message.Size(), o)
	if err != nil {
		return "it cannot be examined: " + err.Error()
	}
	return x.String()
}

// maxExamination bounds what a client is told of a message.
const maxExamination = 400

func oneLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	s = strings.ToValidUTF8(s[:min(len(s), maxExamination)], "?")
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
}

// keep stores the original of a message that loses something by the plan, and
// what is taken out of it, before it is sent.
func (d *delivery) keep(plan *rewrite.Plan) error {
	report := plan.Report()
	q := d.s.Quarantine
	for _, part := range report.Detached {
		file, err := q.Keep(part.Name, part.Size, part.WriteTo)
		if err != nil {
			return d.notKept(err)
		}
		d.s.Log.Info("kept an attachment", append(d.s.about(d.up), "file", file, "size", part.Size)...)
	}
	if d.kept || !report.Lossy {
		return nil
	}
	file, err := q.Keep("message.eml", d.up.Spool.Size(), d.up.Spool.WriteTo)
	if err != nil {
		return d.notKept(err)
	}
	d.kept = true
	d.s.Log.Info("kept the original of a message", append(d.s.about(d.up), "file", file, "size", d.up.Spool.Size())...)
	return nil
}

func (d *delivery) notKept(err error) error {
	d.s.Log.Error("cannot keep the original of a message", append(d.s.about(d.up), "err", err)...)
	return errNotKept
}

// spareError replaces a connection that is lost, and one that Exchange would close at
// another error.
func (s *Sender) spareError(lost bool) error {
	if !lost && s.CanBearError() {
		return nil
	}
	if s.IsPinned() {
		return errors.New("sessions are not resumed")
	}
	if lost || s.IsLost() {
		return s.Restore()
	}
	s.Stats.Renewed++
	return s.Replace()
}
