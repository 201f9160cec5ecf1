package proxy

import (
	"context"
	"crypto/sha256"
	"errors"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"

	"exgate/backend"
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
	c       *conn
	up      *upload
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
func (c *conn) deliver(up *upload, o rewrite.Options, flags []string) (*imap.AppendData, *rewrite.Plan, error) {
	d := &delivery{c: c, up: up, options: o, flags: flags, sent: make(map[[sha256.Size]byte]bool)}
	if err := d.filter(FilterAlways); err != nil {
		return nil, nil, err
	}
	for d.options.Stage = rewrite.StageProfile; ; {
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
			c.turnAway(up.mailbox, up.spool.size, d.rule, d.reply.Text)
			return nil, nil, d.reply
		}
	}
}

// errUnchanged says that a stage has nothing that was not sent already.
var errUnchanged = refuseBy("poisoned", imap.ResponseCodeCannot,
	"Exchange took this very message for commands before; it is not sent again, and stays where it is")

// errNotKept says that a stage needs a quarantine that there is none of.
var errNotKept = refuseBy("quarantine", imap.ResponseCodeCannot,
	"what would be taken out of the message cannot be kept (quarantine.dir); it stays where it is")

// attempt plans the message for the stage and sends it. The plan is nil if it
// comes to none.
func (d *delivery) attempt() (*imap.AppendData, *rewrite.Plan, error) {
	c := d.c
	plan, err := rewrite.NewPlan(c.ctx, d.up.body, d.up.body.size, d.options)
	if err != nil {
		return nil, nil, c.unplanned(err)
	}
	if plan.Report().LongestLine > 0 && !d.up.filtered {
		if err := d.filter(FilterLongLines); err != nil {
			return nil, nil, err
		}
		if d.up.filtered {
			return d.attempt()
		}
	}
	if err := c.acceptable(plan); err != nil {
		return nil, plan, err
	}
	sum, err := d.seen(plan)
	if err != nil {
		return nil, plan, err
	}
	if err := d.keep(plan); err != nil {
		return nil, plan, err
	}
	stored, err := c.sendMessage(d.up, plan, d.flags)
	var refused *contentRefused
	if errors.As(err, &refused) {
		if sum == nil { // nothing was refused before
			if sum, err = sumOf(plan); err != nil {
				return nil, plan, err
			}
		}
		d.sent[*sum] = true
		if refused.poisoned {
			if err := c.srv.poisons.add(plan.Size(), *sum); err != nil {
				c.log.Error("a message that cost a connection may be sent again after a restart", "err", err)
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
	if len(d.sent) == 0 && !d.c.srv.poisons.hasSize(plan.Size()) {
		return nil, nil
	}
	sum, err := sumOf(plan)
	if err == nil && (d.sent[*sum] || d.c.srv.poisons.has(plan.Size(), *sum)) {
		err = errUnchanged
	}
	return sum, err
}

func sumOf(plan *rewrite.Plan) (*[sha256.Size]byte, error) {
	hash := sha256.New()
	if _, err := plan.WriteTo(hash); err != nil {
		return nil, err
	}
	sum := [sha256.Size]byte(hash.Sum(nil))
	return &sum, nil
}

// next goes on to the next stage, if the policy has one that can help, and the
// connection can bear another error.
func (d *delivery) next(plan *rewrite.Plan, byUs *ownRefusal) bool {
	if byUs != nil && byUs.reply.Code != imap.ResponseCodeCannot || d.c.ctx.Err() != nil {
		return false // no repair makes a message smaller, or a spool readable
	}
	policy := d.c.login.policy
	d.options.Stage++
	if plan != nil && plan.Report().SignedLeft > 0 && policy.Escalate >= rewrite.StageEnvelope {
		d.options.Stage = rewrite.StageEnvelope // whatever is left alone is still in the way
	}
	if d.options.Stage > policy.Escalate {
		return false
	}
	if d.options.Stage == rewrite.StageRefused {
		if err := d.filter(FilterRefused); err != nil {
			return false
		}
	}
	if err := d.c.spareError(d.lost); err != nil {
		d.c.log.Warn("no further repair is tried, for want of a connection to Exchange that can bear another error", "err", err)
		return false
	}
	d.lost = false
	d.c.waiting.set("exgate repairs a message that Exchange has refused", time.Time{})
	return true
}

// ruleExchange is the rule of a message that Exchange itself refused.
const ruleExchange = "refused by Exchange"

// refusedByExchange records a refusal, and what looks wrong with the message.
func (d *delivery) refusedByExchange(refused *contentRefused) {
	d.lost = d.lost || refused.poisoned
	if d.examination == "" {
		d.examination = examination(d.c.ctx, d.up.spool, d.options)
		d.c.log.Warn("examined a refused message", "mailbox", d.up.mailbox, "size", d.up.spool.size, "found", d.examination)
	}
	reply := *refused.reply
	reply.Text += "; exgate examined the message: " + oneLine(d.examination)
	d.reply, d.rule = &reply, ruleExchange
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

// examination says what looks wrong with a message.
func examination(ctx context.Context, message *spool, o rewrite.Options) string {
	x, err := rewrite.Examine(ctx, message, message.size, o)
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

// spareError sees to it that another error does not cost the connection: it is
// made anew if it is lost, and before Exchange's tenth error.
func (c *conn) spareError(lost bool) error {
	c.mu.Lock()
	lost = lost || c.upErr != nil
	errs := c.errors
	c.mu.Unlock()
	if !lost && errs < renewAt {
		return nil
	}
	if !c.login.resume || c.bound != "" {
		return errors.New("sessions are not resumed")
	}
	if lost {
		return c.restore()
	}
	c.stats.renewed++
	return c.replace(c.ctx)
}
