package survey

import (
	"regexp"
	"strconv"
	"strings"
)

// item returns the number behind a word of the responses, such as UIDNEXT, or 0.
func item(lines []string, word string) int64 {
	found := regexp.MustCompile(`(?i)[( ]` + word + ` (\d+)`)
	for _, line := range lines {
		if m := found.FindStringSubmatch(line); m != nil {
			return parsed(m[1])
		}
	}
	return 0
}

// numberOf returns the number of a response such as "* 2 EXISTS", or 0 for another response.
func numberOf(line, word string) int64 {
	words := strings.SplitN(line, " ", 4)
	if len(words) < 3 || words[0] != "*" || !strings.EqualFold(strings.TrimSpace(words[2]), word) {
		return 0
	}
	return parsed(words[1])
}

// parsed returns the number that a server has written, or 0 where it has none or one that is too large.
func parsed(digits string) int64 {
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}
