package ledger

import (
	"path/filepath"
	"strings"
	"testing"
)

// What a gateway asks of its ledger at the start, and at a LOGOUT, scans no table of a million rows.
func TestPlans(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ledger.db")
	Open(Options{File: file}).Close()
	db, _, err := OpenReader(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, tt := range []struct{ query, index string }{
		{"UPDATE messages SET outcome = 'unknown' WHERE " + isOpen + " AND outcome = 'pending'", "messages_pending"},
		{"SELECT session_id FROM messages WHERE " + isOpen + " AND outcome = 'unknown'", "messages_pending"},
		{"SELECT id FROM messages WHERE proven = 0 AND at >= 1", "messages_unproven"},
		{"SELECT * FROM messages WHERE outcome NOT IN ('stored', 'found', 'resent', 'observed') AND " + refusedWhere +
			" ORDER BY at DESC LIMIT 50", "messages_left"},
		{"SELECT count(*) FROM messages m WHERE m.at >= 1 AND m.outcome = 'stored'", "messages_at"},
	} {
		rows, err := db.Query("EXPLAIN QUERY PLAN " + tt.query)
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
		if got := strings.Join(plan, "; "); !strings.Contains(got, tt.index) {
			t.Errorf("%s\ngoes by %s", tt.query, got)
		}
	}
}
