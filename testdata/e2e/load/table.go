package main

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// table counts what clients saw, by kind.
type table struct {
	mu     sync.Mutex
	counts map[string]int
}

var (
	anyID     = regexp.MustCompile(`<?[\w.-]+@[\w.-]+>?`)
	anyPath   = regexp.MustCompile(`/[\w./-]{3,}`)
	anyBox    = regexp.MustCompile(`\b(load|alone|attacked|mbsync)-\d+\b`)
	anyNumber = regexp.MustCompile(`\d+(\.\d+)*`)
	anySpace  = regexp.MustCompile(`\s+`)
)

// add counts one, without what differs from one to the next.
func (t *table) add(text string) {
	text = anyID.ReplaceAllString(text, "ID")
	text = anyPath.ReplaceAllString(text, "PATH")
	text = anyBox.ReplaceAllString(text, "BOX")
	text = anyNumber.ReplaceAllString(text, "N")
	text = strings.TrimSpace(anySpace.ReplaceAllString(text, " "))
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.counts == nil {
		t.counts = map[string]int{}
	}
	t.counts[text]++
}

// allowed are the errors that a client may see of the gateway, whatever
// happens to Exchange: a refusal that says to try again, or that of Exchange
// itself in its own words; a session ended with its reason, or without it amid
// a literal of FETCH, where nothing can be said. What mbsync says of them is in
// its own words: unexpected EOF is the last one.
var allowed = regexp.MustCompile(`^[A-Z ]+: (NO \[(UNAVAILABLE|OVERQUOTA)\]|NO Server Unavailable\.|BYE )|^APPEND: BAD \[UNAVAILABLE\]|^(UID )?FETCH: closed without BYE$|^mbsync: (Maildir notice: .*|.*(NO|BAD) \[(UNAVAILABLE|OVERQUOTA)\].*|.*NO Server Unavailable\..*|Notice: .*|Warning: lost track of .*|Warning: far side refuses to store .*|Error: channel .* cannot be opened\.|.*\bBYE\b.*|IMAP error: unexpected EOF from .*|exit status N)$`)

// print writes the table, what is most first, and returns how many errors were
// not allowed.
func (t *table) print(title string, judge bool) (wrong int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	kinds := slices.SortedFunc(maps.Keys(t.counts), func(a, b string) int {
		return cmp.Or(t.counts[b]-t.counts[a], strings.Compare(a, b))
	})
	if len(kinds) == 0 {
		fmt.Printf("%s: none\n", title)
		return 0
	}
	fmt.Printf("%s:\n", title)
	for _, kind := range kinds {
		mark := ""
		if judge && !allowed.MatchString(kind) {
			mark, wrong = "   <- not allowed", wrong+t.counts[kind]
		}
		fmt.Printf("%7d  %.180s%s\n", t.counts[kind], kind, mark)
	}
	return wrong
}
