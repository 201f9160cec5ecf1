package folders

import (
	"crypto/sha256"
	"encoding/base32"
	"strings"
)

// What stands before the hash that proves a name to be one of ours.
const (
	apartMark = "_exgate_"      // the name before it is taken by another
	moreMark  = "_exgate_more_" // the name goes on in the next level
)

// hashLength are 35 bits: two names of one folder that differ in case only
// share them by no chance that matters, and if they do, the second is refused.
const hashLength = 7

// suffixLength is the longest that is added to a name, in characters.
const suffixLength = len(moreMark) + hashLength

var base32Lower = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base32Lower.EncodeToString(sum[:5])[:hashLength]
}

// cutMark splits a name that ends in mark and a hash. Whether the hash is that
// of anything is for the caller to prove.
func cutMark(name, mark string) (stem, sum string, ok bool) {
	at := len(name) - hashLength
	if at <= len(mark) {
		return "", "", false
	}
	stem, ok = strings.CutSuffix(name[:at], mark)
	return stem, name[at:], ok && stem != ""
}

// isMore tells whether a level is the beginning of one that goes on in the
// next, and returns it.
func isMore(level string) (beginning string, ok bool) {
	stem, sum, ok := cutMark(level, moreMark)
	return stem, ok && sum == hash(stem)
}

// splitLong cuts a level of more than longest characters into several, all but
// the last marked: one below the other they hold what one cannot. None begins
// with a blank, which Exchange would drop. ok is false where blanks are so many
// that this cannot be.
func splitLong(level string, longest int) (levels []string, ok bool) {
	for longer(level, longest-suffixLength) {
		at, n := 0, 0
		for i, r := range level {
			n += width(r)
			if n > longest-suffixLength {
				break
			}
			if i > 0 && r != ' ' {
				at = i
			}
		}
		if at == 0 {
			return nil, false
		}
		levels = append(levels, level[:at]+moreMark+hash(level[:at]))
		level = level[at:]
	}
	return append(levels, level), true
}

// longer tells whether s has more than n units of UTF-16, in which Exchange
// counts. It looks no farther than it has to.
func longer(s string, n int) bool {
	for _, r := range s {
		if n -= width(r); n < 0 {
			return true
		}
	}
	return false
}

func width(r rune) int {
	if r > 0xffff {
		return 2
	}
	return 1
}
