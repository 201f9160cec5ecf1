package ledger

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// What a gateway asks of its ledger at the start, at a LOGOUT and after a lost connection scans no table of a million
// rows.
func TestPlans(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ledger.db")
	Open(Options{File: file}).Close()
	db, _, err := OpenReader(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	whereOne, _ := (&owner{"u", "a"}).where()
	for _, tt := range []struct{ query, index string }{
		{loadQuery + " ORDER BY m.at", "messages_unproven"},
		{loadQuery + whereOne + " ORDER BY m.at", "messages_unproven"},
		{insertPending + "1" + whereOne, "sessions_account"},
		{"UPDATE messages SET outcome = 'unknown' WHERE " + isOpen + " AND outcome = 'pending'", "messages_pending"},
		{"UPDATE messages SET outcome = 'unknown' WHERE " + isOpen + " AND outcome = 'pending'" + whereOne, "session_id=?"},
		{unsettledQuery, "messages_pending"},
		{ownersQuery, "messages_unproven"},
		{othersQuery, "messages_report (session_id=? AND outcome=?)"},
		{"SELECT * FROM messages WHERE outcome NOT IN ('stored', 'found', 'resent', 'observed') AND " + refusedWhere +
			" ORDER BY at DESC LIMIT 50", "messages_left"},
		{"SELECT count(*) FROM messages m WHERE m.at >= 1 AND m.outcome = 'stored'", "messages_at"},
	} {
		rows, err := db.Query("EXPLAIN QUERY PLAN " + placeholders.ReplaceAllString(tt.query, "1"))
		if err != nil {
			t.Fatal(err)
		}
		var plan []string
		for rows.Next() {
			var id, parent, unused int
			var step string
			if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
				t.Fatal(err)
			}
			plan = append(plan, step)
		}
		rows.Close()
		got := strings.Join(plan, "; ")
		if !strings.Contains(got, tt.index) || slices.ContainsFunc(plan, isLongScan) {
			t.Errorf("%s\ngoes by %s", tt.query, got)
		}
	}
}

var placeholders = regexp.MustCompile(`\?1?`)

// isPartial matches a step that reads an index of few rows.
var isPartial = regexp.MustCompile(`messages_(unproven|pending|left)`)

// isLongScan reports whether a step of a plan reads a whole table that may have millions of rows, or an index of all.
func isLongScan(step string) bool {
	table, isScan := strings.CutPrefix(step, "SCAN ")
	table, _, _ = strings.Cut(table, " ")
	return isScan && !isPartial.MatchString(step) && slices.Contains([]string{"messages", "m", "sessions", "s"}, table)
}
