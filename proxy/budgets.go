package proxy

import (
	"time"

	"exgate/backend/wire"
	"exgate/proxy/budget"
	"exgate/proxy/delivery"
	"exgate/proxy/ledger"
	"exgate/proxy/status"
	"exgate/rewrite"
)

// newBudgets returns what was stored within the last day, as far as the ledger knows.
func newBudgets(opts *Options) *budget.Books {
	books := budget.New(time.Now)
	spent, err := opts.Ledger.Spent(time.Now().Add(-budget.Day-budget.Quarter), budget.Quarter)
	if err != nil {
		opts.Log.Warn("the budgets of a day (upstream.pace) begin anew: it is not known what was stored before",
			"err", err)
	}
	for _, s := range spent {
		books.Add(s.Upstream, s.Account, s.At, budget.Amount{Messages: s.Messages, Bytes: s.Bytes})
	}
	return books
}

// takeShare takes the share of a message in the budget, as large as it is announced. A message
// whose attachments may be detached is at most as large as the limit.
func (c *conn) takeShare(up *delivery.Upload, size int64) (over *budget.Over) {
	prof := c.login.profile
	if prof.IsTooBig(size) && prof.Message.Oversize == rewrite.OversizeDetach {
		size = prof.MessageLimit
	}
	up.Share, over = c.srv.budgets.Take(c.login.target.Name, c.login.identity.User, size)
	return over
}

// overBudget refuses a message for which the budget is used up, before it is read. It ends the
// session if that is configured: mbsync never sends a message again that got a NO. A message
// that never fits gets its NO in any case, or the client would stop there at each run.
func (c *conn) overBudget(cmd *command, up *delivery.Upload, lit *wire.Literal, over *budget.Over) error {
	reply := c.login.sender.OverBudget(up, lit.Size, over)
	c.login.sender.RecordRefused(up, lit.Size, reply.Text)
	c.noteRefusedMessage(up, lit.Size, reply)
	if !over.At.IsZero() && c.srv.budgets.Limits(c.login.target.Name).Disconnect {
		return c.bye("[%s] %s", reply.Code, reply.Text)
	}
	if err := c.takeUnwanted(lit); err != nil {
		return err
	}
	return c.refuse(lit, "%s NO [%s] %s", cmd.tag, reply.Code, reply.Text)
}

// observeBudget counts a message that mode observe has passed on, if Exchange has stored it. It
// adds to would that the budget would have refused the message.
func (c *conn) observeBudget(size int64, stored bool, would *delivery.Would) {
	upstream, user := c.login.target.Name, c.login.identity.User
	share, over := c.srv.budgets.Take(upstream, user, size)
	if over != nil && would.Rule == "" {
		would.Rule, would.Reason = ledger.RuleBudget, over.Error()
	}
	switch {
	case !stored:
		share.Close()
	case over != nil:
		c.srv.budgets.Add(upstream, user, time.Now(), budget.Amount{Messages: 1, Bytes: size})
	default:
		share.Spend()
	}
}

// shownBudget returns the state of a budget for the operator; nil if there is no limit.
func shownBudget(s budget.State) *status.Budget {
	if s.Limit == (budget.Amount{}) {
		return nil
	}
	return &status.Budget{
		Messages: s.Used.Messages, MessageLimit: s.Limit.Messages,
		Bytes: s.Used.Bytes, ByteLimit: s.Limit.Bytes, Until: s.Until,
	}
}
