package knowledge

import (
	"slices"
	"strings"
)

// maxAnswers bounds how many entries answer one question.
const maxAnswers = 3

// Ask returns the entries that answer a question best, none if nothing in it
// is known.
func Ask(question string) []Entry {
	asked := map[string]bool{}
	for _, word := range wordsOf(question) {
		asked[singular(word)] = true
	}
	var best []Entry
	most := 1
	for _, entry := range Entries() {
		switch score := entry.score(asked); {
		case score > most:
			best, most = []Entry{entry}, score
		case score == most && len(best) < maxAnswers:
			best = append(best, entry)
		}
	}
	return best
}

// ordinary are words that most questions have, whatever they are about.
var ordinary = []string{"sync", "transfer", "migrate", "how", "exchange", "office", "office365", "online", "imap",
	"account", "message", "mailbox"}

// telling is what a word counts that is not ordinary; those count 1.
const telling = 4

// score weighs the words of a question that the entry's keywords are made of.
func (e Entry) score(asked map[string]bool) int {
	matched := map[string]bool{}
	for _, set := range e.Keywords {
		list := wordsOf(set)
		for i := range list {
			list[i] = singular(list[i])
		}
		if !slices.ContainsFunc(list, func(word string) bool { return !asked[word] }) {
			for _, word := range list {
				matched[word] = true
			}
		}
	}
	score := 0
	for word := range matched {
		if slices.Contains(ordinary, word) {
			score++
		} else {
			score += telling
		}
	}
	return score
}

// singular lets "receipts" in a question be found as "receipt".
func singular(word string) string {
	if len(word) > 3 {
		return strings.TrimSuffix(word, "s")
	}
	return word
}
