package report

import (
	_ "embed"
	"strings"
	"time"
)

// sheet has the style of a report in HTML, and the script that sorts its tables.
//
//go:embed sheet.html
var sheet string

// Sheet returns the templates "style" and "sorting" of a page in HTML, for the reports of other
// packages.
func Sheet() string { return sheet }

// When returns a time for people.
func When(t time.Time) string { return when(t) }

// ByCount returns the names of counts, the largest count first.
func ByCount(counts map[string]int64) []string { return byCount(counts) }

// PlainCells marks the cells of a row that a spreadsheet would take for formulas.
func PlainCells(row []string) {
	for i, field := range row {
		if field != "" && strings.Contains("=+-@\t\r", field[:1]) {
			row[i] = "'" + field
		}
	}
}
