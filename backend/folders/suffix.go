package folders

import (
	"crypto/sha256"
	"encoding/base32"
	"strings"
)

// These marks stand before the hash of a suffix.
const (
	apartMark = "_exgate_"      // another mailbox has the name before it
	moreMark  = "_exgate_more_" // the name continues in the next level
)

// hashLength letters are 35 bits. It is very unlikely that two names that differ only in
// case have the same hash. If they do, the second one is refused.
const hashLength = 7

// suffixLength is the maximum length of a suffix, in characters.
const suffixLength = len(moreMark) + hashLength

var base32Lower = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base32Lower.EncodeToString(sum[:5])[:hashLength]
}

// cutMark splits a name that ends in mark and a hash. The caller must verify the hash.
func cutMark(name, mark string) (stem, sum string, ok bool) {
	at := len(name) - hashLength
	if at <= len(mark) {
		return "", "", false
	}
	stem, ok = strings.CutSuffix(name[:at], mark)
	return stem, name[at:], ok && stem != ""
}

// The marks that a level of a name can have from exgate.
const (
	MarkNone  = ""
	MarkApart = apartMark
	MarkMore  = moreMark
)

// Mark returns the mark of a level. A user may have chosen the name: only Fates tells whether
// exgate made it.
func Mark(level string) string {
	if _, ok := isMore(level); ok {
		return MarkMore
	}
	if _, _, ok := cutMark(level, apartMark); ok {
		return MarkApart
	}
	return MarkNone
}

// isMore reports whether a level continues in the next one, and returns its beginning
// without the mark.
func isMore(level string) (beginning string, ok bool) {
	stem, sum, ok := cutMark(level, moreMark)
	return stem, ok && sum == hash(stem)
}

// splitLong splits a level of more than longest characters into several levels, one below
// the other. All except the last have a mark. None begins with a blank, which Exchange
// would drop. ok is false if there are too many blanks for this.
func splitLong(level string, longest int) (levels []string, ok bool) {
	for isLonger(level, longest-suffixLength) {
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

// isLonger reports whether s has more than n units of UTF-16, in which Exchange
// counts. It reads no more of s than it needs.
func isLonger(s string, n int) bool {
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
