package ledger

import (
	"context"
	"strings"
)

// A gateway that takes the place of another one writes the same file while the other one drains. Package handover says
// when the other one has no session of an account any more, and has written all that it knows of it. Only then the
// account has messages here, so that each open row of it is one of the other gateway.

// where returns the condition for the rows of an account, and its arguments. nil stands for all accounts.
func (o *owner) where() (condition string, args []any) {
	if o == nil {
		return "", nil
	}
	return " AND session_id IN (SELECT id FROM sessions WHERE upstream = ? AND account = ? COLLATE NOCASE)",
		[]any{o.upstream, o.account}
}

// fold makes the names of one account equal.
func (o owner) fold() owner { return owner{o.upstream, strings.ToLower(o.account)} }

// Adopt remembers the attempts of an account that the gateway before this one has left.
func (l *Ledger) Adopt(upstream, account string) {
	if l == nil {
		return
	}
	l.do(func(s *store) error { return l.adoptOne(s, owner{upstream, account}) })
}

// AdoptRest remembers the attempts of all other accounts. The gateway before this one has ended.
func (l *Ledger) AdoptRest() {
	if l == nil {
		return
	}
	l.do(func(s *store) error {
		rest, err := l.owners(s)
		for _, o := range rest {
			if err == nil {
				err = l.adoptOne(s, o)
			}
		}
		return err
	})
}

// adoptOne runs in the writer.
func (l *Ledger) adoptOne(s *store, o owner) error {
	if l.adopted[o.fold()] {
		return nil
	}
	if err := l.load(s, &o); err != nil {
		return err
	}
	if l.adopted == nil {
		l.adopted = make(map[owner]bool)
	}
	l.adopted[o.fold()] = true
	return nil
}

const ownersQuery = `SELECT DISTINCT upstream, account FROM sessions
	WHERE id IN (SELECT session_id FROM messages WHERE proven = 0 AND at >= ?
		UNION ALL SELECT session_id FROM messages WHERE ` + isOpen + `
		UNION ALL SELECT session_id FROM intents)`

// owners returns the accounts that have rows which load takes.
func (l *Ledger) owners(s *store) (all []owner, err error) {
	rows, err := s.conn.QueryContext(context.Background(), ownersQuery, l.oldest())
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var o owner
		if err := rows.Scan(&o.upstream, &o.account); err != nil {
			return nil, err
		}
		all = append(all, o)
	}
	return all, rows.Err()
}
