package report

import (
	_ "embed"
	"strings"
	"time"
)

// sheet has the head of a report in HTML, with its style, and the script that sorts its tables.
//
//go:embed sheet.html
var sheet string

// Sheet returns the templates "head" (of a title) and "sorting" of a page in HTML, for the reports of other
// packages.
func Sheet() string { return sheet }

// When returns a time for people.
func When(t time.Time) string { return when(t) }

// ByCount returns the names of counts, the largest count first.
func ByCount(counts map[string]int64) []string { return byCount(counts) }

// PlainCells puts a ' before the cells of a row that a spreadsheet would take for formulas, and
// before those that begin with one, so that it can be taken away again.
func PlainCells(row []string) {
	for i, field := range row {
		if field != "" && strings.Contains("=+-@\t\r'", field[:1]) {
			row[i] = "'" + field
		}
	}
}
