// Package words writes numbers for people: sizes, and counts with their noun.
package words

import "fmt"

// Size returns a number of bytes.
func Size(n int64) string {
	units := []string{"bytes", "kB", "MB", "GB", "TB"}
	f, unit := float64(n), 0
	for f >= 1000 && unit < len(units)-1 {
		f /= 1000
		unit++
	}
	if unit == 0 {
		return Count(n, "byte")
	}
	return fmt.Sprintf("%.1f %s", f, units[unit])
}

// Count returns a number with its noun, which gets an s unless the number is 1.
func Count(n int64, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}
