package cluster

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"exgate/proxy/budget"
)

// ShareBudgets has all gateways keep to the budgets of a day together.
func (c *Cluster) ShareBudgets(b *budget.Books) {
	if c == nil {
		return
	}
	b.Share(books{c})
	c.books.add(b)
	c.chores.add(settleBooks{c})
}

// settleBooks is a chore: it tells of what was used while Redis was lost, or before.
type settleBooks struct{ c *Cluster }

func (s settleBooks) do() {
	for _, b := range s.c.books.all() {
		b.Settle()
	}
}

// books implements budget.Peers.
type books struct{ c *Cluster }

// Losses implements budget.Peers.
func (b books) Losses() (n int, ok bool) {
	link := b.c.now()
	return link.losses, link.lost.IsZero()
}

// Take implements budget.Peers.
func (b books) Take(upstream, user string, quarter int64, change budget.Amount, limits budget.Limits) (
	taken budget.Taken, ok bool,
) {
	c := b.c
	cmd, ok := c.run(spendScript, []string{c.budgetKey(upstream, user), c.budgetKey(upstream, "")},
		change.Messages, change.Bytes, limits.Each.Messages, limits.Each.Bytes, limits.All.Messages, limits.All.Bytes,
		quarter)
	if !ok {
		return taken, false
	}
	said, err := cmd.StringSlice()
	if err == nil {
		taken, err = takenOf(said)
	}
	if err != nil {
		c.log.Error("exgate does not understand Redis's answer about a budget", "err", err)
		return taken, false
	}
	return taken, true
}

// takenOf reads spend.lua's answer.
func takenOf(said []string) (taken budget.Taken, err error) {
	if len(said) < 3 {
		return taken, fmt.Errorf("%d words", len(said))
	}
	taken.Fits = said[0] == "1"
	if taken.Quarter, err = strconv.ParseInt(said[1], 10, 64); err != nil {
		return taken, err
	}
	n, err := strconv.Atoi(said[2])
	if err != nil || n < 0 || n > len(said)-3 {
		return taken, fmt.Errorf("%q quarters", said[2])
	}
	if taken.Each, err = quartersOf(said[3 : 3+n]); err != nil {
		return taken, err
	}
	taken.All, err = quartersOf(said[3+n:])
	return taken, err
}

func quartersOf(said []string) (map[int64]budget.Amount, error) {
	all := make(map[int64]budget.Amount, len(said))
	for _, one := range said {
		var q int64
		var n budget.Amount
		if _, err := fmt.Sscan(one, &q, &n.Messages, &n.Bytes); err != nil {
			return nil, err
		}
		all[q] = n
	}
	return all, nil
}

// Tell implements budget.Peers.
func (b books) Tell(upstream, user string, before, untold map[int64]budget.Amount) (ok bool) {
	var args []any
	for q, n := range before {
		more := untold[q]
		args = append(args, q, n.Messages, n.Bytes, more.Messages, more.Bytes)
	}
	_, ok = b.c.run(spentScript, []string{b.c.budgetKey(upstream, user)}, args...)
	return ok
}

// budgetKey returns the key of the budget of an account, or of its upstream.
func (c *Cluster) budgetKey(upstream, user string) string {
	upstream = cmp.Or(upstream, "default")
	if user == "" {
		return c.keys.budget(upstream)
	}
	return c.keys.budget(upstream + " " + strings.ToLower(user))
}
