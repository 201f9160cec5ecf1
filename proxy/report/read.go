package report

import (
	"cmp"
	"context"
	"database/sql"
	"maps"
	"slices"
	"strings"
	"time"

	"exgate/proxy/ledger"
)

// Options select what a report is about.
type Options struct {
	Account string    // "": all
	Since   time.Time // zero: since the first row
	Now     time.Time // zero: time.Now()
}

// Read makes a report of a ledger, also while a gateway writes it. It needs memory for each
// account, not for each message.
func Read(ctx context.Context, file string, o Options) (*Report, error) {
	db, schema, err := ledger.OpenReader(ctx, file)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true}) // all queries see the same
	if err != nil {
		return nil, err
	}
	defer tx.Rollback()
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	r := &reader{ctx: ctx, tx: tx, o: o, schema: schema}
	r.groups, r.hours = make(map[[2]string]*Group), make(map[int64]*Hour)
	r.report = &Report{Made: o.Now, Since: o.Since, Only: o.Account, Left: []Message{}}
	for _, step := range []func() error{
		r.messages, r.intents, r.sessions, r.folders, r.failures, r.left, r.losses,
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return r.finish(), nil
}

// ReadAll makes one report of several ledgers, as those of several gateways: a message that one of them has left behind
// and another one has stored is not left behind. The ledgers must call an upstream by the same name.
func ReadAll(ctx context.Context, files []string, o Options) (r *Report, err error) {
	if len(files) == 1 {
		return Read(ctx, files[0], o)
	}
	merged, remove, err := ledger.Merge(ctx, files)
	if err != nil {
		return nil, err
	}
	defer remove()
	return Read(ctx, merged, o)
}

// reader makes one report.
type reader struct {
	ctx    context.Context
	tx     *sql.Tx
	o      Options
	schema ledger.Schema
	report *Report
	groups map[[2]string]*Group // by upstream and account
	hours  map[int64]*Hour
}

// sums is a number of messages that have all but their sizes in common.
type sums struct {
	outcome, fixes, rule, dateFrom string
	n, bytes                       int64
	throttled, paced               time.Duration
	first, last                    time.Time
}

// where returns the condition for the account and the time, and its arguments. at is the
// column of the time, account that of the account.
func (r *reader) where(at, account string) (condition string, args []any) {
	condition = "1"
	if !r.o.Since.IsZero() {
		condition += " AND " + at + " >= ?"
		args = append(args, r.o.Since.UnixMilli())
	}
	if r.o.Account != "" {
		condition += " AND " + account + " = ? COLLATE NOCASE"
		args = append(args, r.o.Account)
	}
	return condition, args
}

func (r *reader) group(upstream, account string) *Group {
	key := [2]string{upstream, strings.ToLower(account)} // gateways may have spelt it differently
	g := r.groups[key]
	if g == nil {
		g = &Group{Upstream: upstream, Account: account}
		r.groups[key] = g
	}
	return g
}

// query calls row for each row of a query.
func (r *reader) query(query string, args []any, row func(scan func(...any) error) error) error {
	rows, err := r.tx.QueryContext(r.ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// messages counts the messages. The index has all that this needs, in the order of the
// groups: a million rows take a second or two.
func (r *reader) messages() error {
	if r.schema.HasReportIndex() {
		return r.count("messages INDEXED BY messages_report")
	}
	return r.count("messages")
}

// intents counts the messages on their way.
func (r *reader) intents() error {
	if !r.schema.HasIntents() {
		return nil
	}
	return r.count("(SELECT *, 'pending' AS outcome, '' AS rule FROM intents)")
}

// count counts the messages of a table.
func (r *reader) count(table string) error {
	condition, args := r.where("at", "session_id IN (SELECT id FROM sessions WHERE account")
	if r.o.Account != "" {
		condition += ")"
	}
	return r.query(`SELECT coalesce(s.upstream, ''), coalesce(s.account, ''), g.* FROM (
		SELECT session_id, outcome, fixes, rule, date_from, at / 3600000 AS hour, count(*), sum(size),
			sum(throttled_ms), sum(paced_ms), min(at), max(at)
		FROM `+table+` WHERE `+condition+` GROUP BY session_id, outcome, fixes, rule, date_from, at / 3600000
		) g LEFT JOIN sessions s ON s.id = g.session_id`, args, func(scan func(...any) error) error {
		var (
			upstream, account                            string
			session, hour, throttled, paced, first, last int64
			m                                            sums
		)
		if err := scan(&upstream, &account, &session, &m.outcome, &m.fixes, &m.rule, &m.dateFrom, &hour, &m.n, &m.bytes,
			&throttled, &paced, &first, &last); err != nil {
			return err
		}
		m.throttled, m.paced = time.Duration(throttled)*time.Millisecond, time.Duration(paced)*time.Millisecond
		m.first, m.last = time.UnixMilli(first).UTC(), time.UnixMilli(last).UTC()
		r.group(upstream, account).add(&m)
		if m.outcome != string(ledger.Stored) {
			return nil
		}
		h := r.hours[hour]
		if h == nil {
			h = &Hour{At: time.UnixMilli(hour * 3_600_000).UTC()}
			r.hours[hour] = h
		}
		h.Messages += m.n
		h.Bytes += m.bytes
		return nil
	})
}

func (r *reader) sessions() error {
	condition, args := r.where("at", "account")
	return r.query("SELECT upstream, account, count(*) FROM sessions WHERE "+condition+
		" GROUP BY upstream, account", args, func(scan func(...any) error) error {
		var upstream, account string
		var n int64
		if err := scan(&upstream, &account, &n); err != nil {
			return err
		}
		r.group(upstream, account).Sessions += n
		return nil
	})
}

// folders counts the names that are mapped now, whenever they were first seen.
func (r *reader) folders() error {
	condition, args := "1", []any(nil)
	if r.o.Account != "" {
		condition, args = "account = ? COLLATE NOCASE", []any{r.o.Account}
	}
	return r.query("SELECT upstream, account, what, count(*) FROM folders WHERE "+condition+
		" GROUP BY upstream, account, what", args, func(scan func(...any) error) error {
		var upstream, account, what string
		var n int64
		if err := scan(&upstream, &account, &what, &n); err != nil {
			return err
		}
		switch g := r.group(upstream, account); what {
		case ledger.FolderHidden:
			g.Hidden += n
		case ledger.FolderRenamed:
			g.Renamed += n
		case ledger.FolderWouldHide:
			g.WouldHide += n
		case ledger.FolderWouldRename:
			g.WouldRename += n
		}
		return nil
	})
}

func (r *reader) failures() error {
	condition, args := r.where("at", "account")
	// With max(), SQLite takes the other columns from the row that has the maximum.
	return r.query("SELECT upstream, account, count(*), max(at), kind, reason FROM login_failures WHERE "+condition+
		" GROUP BY upstream, account", args, func(scan func(...any) error) error {
		var upstream, account, kind, reason string
		var n, at int64
		if err := scan(&upstream, &account, &n, &at, &kind, &reason); err != nil {
			return err
		}
		g := r.group(upstream, account)
		g.LoginFailures += n
		if at := time.UnixMilli(at).UTC(); at.After(g.FailedAt) {
			g.FailedAt, g.FailedKind, g.FailedReason = at, kind, reason
		}
		return nil
	})
}

// onItsWay is how long a message counts as on its way. An older one was left by a gateway that was
// killed.
const onItsWay = 10 * time.Minute

// left lists the messages that were left behind: those whose last attempt did not store them,
// and that no other attempt has stored. Attempts of one message are one message. A message
// that was not read has no SHA-256: its size, date and mailbox stand for it, and a later message
// with the same three is that message. A message that came without a date may have one in its
// row, of its header.
func (r *reader) left() error {
	condition, args := r.where("m.at", "s.account")
	const columns = "at, session_id, mailbox, exchange, message_id, subject, date, size, stage, sha256"
	from := "SELECT " + columns + ", outcome, rule, reason FROM messages " +
		"WHERE outcome NOT IN ('stored', 'found', 'resent', 'observed')"
	if r.schema.HasIntents() {
		from += " UNION ALL SELECT " + columns + ", 'pending', '', '' FROM intents"
	}
	return r.query(`SELECT max(m.at), count(*), coalesce(s.upstream, ''), coalesce(s.account, ''), m.mailbox,
		m.message_id, coalesce(m.subject, ''), m.date, m.size, m.outcome, m.rule, m.reason, m.stage,
		m.sha256 IS NULL AND m.message_id = ''
		FROM (`+from+`) m LEFT JOIN sessions s ON s.id = m.session_id
		LEFT JOIN (SELECT t.upstream, t.account, n.exchange, n.size, n.date, n.date_from, max(n.at) AS at
			FROM messages n JOIN sessions t ON t.id = n.session_id
			WHERE n.outcome IN ('stored', 'found') AND n.size IN (SELECT size FROM messages
				WHERE sha256 IS NULL AND outcome NOT IN ('stored', 'found', 'resent', 'observed'))
			GROUP BY 1, 2, 3, 4, 5, 6) late
			ON m.sha256 IS NULL AND late.size = m.size AND late.exchange = m.exchange AND late.upstream = s.upstream
			AND late.account = s.account COLLATE NOCASE AND late.at > m.at
			AND (late.date = m.date OR m.date = '' AND late.date_from <> 'client')
		WHERE late.size IS NULL AND `+condition+`
		AND (m.outcome <> 'pending' OR m.at < ?)
		AND NOT EXISTS (SELECT 1 FROM messages n JOIN sessions t ON t.id = n.session_id
			WHERE n.sha256 = m.sha256 AND n.outcome IN ('stored', 'found') AND n.exchange = m.exchange
			AND t.upstream = s.upstream AND t.account = s.account COLLATE NOCASE)
		GROUP BY s.upstream, lower(s.account), m.exchange, iif(m.sha256 IS NULL, m.date, hex(m.sha256)), m.size
		ORDER BY 4, 5, 1`, append(args, r.report.Made.Add(-onItsWay).UnixMilli()), func(scan func(...any) error) error {
		var m Message
		var at int64
		var stage int
		if err := scan(&at, &m.Attempts, &m.Upstream, &m.Account, &m.Mailbox, &m.MessageID, &m.Subject, &m.Date,
			&m.Size, &m.Outcome, &m.Rule, &m.Reason, &stage, &m.NotRead); err != nil {
			return err
		}
		m.At, m.Switch = time.UnixMilli(at).UTC(), switchOf(m.Outcome, m.Rule, stage)
		r.report.LeftCount++
		r.report.LeftBytes += m.Size
		r.group(m.Upstream, m.Account).Left++
		if len(r.report.Left) < MaxLeft {
			r.report.Left = append(r.report.Left, m)
		}
		return nil
	})
}

func (r *reader) losses() error {
	return r.tx.QueryRowContext(r.ctx, "SELECT coalesce(sum(rows), 0) FROM losses WHERE at >= ?",
		r.o.Since.UnixMilli()).Scan(&r.report.LedgerLost)
}

// finish sums up the accounts.
func (r *reader) finish() *Report {
	upstreams := make(map[string]*Group)
	for _, g := range r.groups {
		r.report.Accounts = append(r.report.Accounts, *g)
		upstream := upstreams[g.Upstream]
		if upstream == nil {
			upstream = &Group{Upstream: g.Upstream}
			upstreams[g.Upstream] = upstream
		}
		upstream.merge(g)
		r.report.Total.merge(&g.Counts)
	}
	for _, upstream := range upstreams {
		r.report.Upstreams = append(r.report.Upstreams, *upstream)
	}
	sortGroups(r.report.Accounts)
	sortGroups(r.report.Upstreams)
	for _, at := range slices.Sorted(maps.Keys(r.hours)) {
		r.report.Hours = append(r.report.Hours, *r.hours[at])
	}
	return r.report
}

// merge adds an account to its upstream.
func (g *Group) merge(o *Group) {
	g.Counts.merge(&o.Counts)
	g.Left += o.Left
	g.Sessions += o.Sessions
	g.Renamed += o.Renamed
	g.Hidden += o.Hidden
	g.WouldRename += o.WouldRename
	g.WouldHide += o.WouldHide
	g.LoginFailures += o.LoginFailures
	if o.FailedAt.After(g.FailedAt) {
		g.FailedAt, g.FailedKind, g.FailedReason = o.FailedAt, o.FailedKind, o.FailedReason
	}
}

// merge adds other counts.
func (c *Counts) merge(o *Counts) {
	for _, sum := range []struct {
		to *int64
		n  int64
	}{
		{&c.Stored, o.Stored}, {&c.Untouched, o.Untouched}, {&c.Repaired, o.Repaired}, {&c.Found, o.Found},
		{&c.Refused, o.Refused}, {&c.Rejected, o.Rejected}, {&c.TooLarge, o.TooLarge}, {&c.Limited, o.Limited},
		{&c.Failed, o.Failed},
		{&c.Unknown, o.Unknown}, {&c.Pending, o.Pending}, {&c.Observed, o.Observed}, {&c.WouldRefuse, o.WouldRefuse},
		{&c.Bytes, o.Bytes}, {&c.DatesKept, o.DatesKept}, {&c.DatesMade, o.DatesMade},
	} {
		*sum.to += sum.n
	}
	for _, by := range []struct {
		to   *map[string]int64
		from map[string]int64
	}{{&c.Fixes, o.Fixes}, {&c.WouldFix, o.WouldFix}, {&c.Rules, o.Rules}, {&c.WouldRules, o.WouldRules}} {
		for name, n := range by.from {
			count(by.to, name, n)
		}
	}
	c.Throttled += o.Throttled
	c.Paced += o.Paced
	if c.First.IsZero() || !o.First.IsZero() && o.First.Before(c.First) {
		c.First = o.First
	}
	if o.Last.After(c.Last) {
		c.Last = o.Last
	}
}

// byCount returns the names of counts, the largest count first.
func byCount(counts map[string]int64) []string {
	return slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), strings.Compare(a, b))
	})
}
