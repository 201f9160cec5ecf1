package knowledge

import (
	"strings"
	"sync"

	"exgate/backend"
)

// node is a node of the tree of phrases, word by word.
type node struct {
	next  map[string]*node
	entry int // number of the entry whose phrase ends here; -1: none does
}

// anyTag is the word of a phrase that every word of an HTML tag matches.
const anyTag = "<*"

func newNode() *node { return &node{next: map[string]*node{}, entry: -1} }

// phraseTree is the tree of the phrases of all entries.
var phraseTree = sync.OnceValue(func() *node {
	root := newNode()
	for i, entry := range Entries() {
		for _, phrase := range entry.allPhrases() {
			root.insert(phrase, i)
		}
	}
	return root
})

// allPhrases are the texts that an entry is found by. Besides its own those
// are what exgate itself says of its kinds, to clients and in the log.
func (e Entry) allPhrases() []string {
	all := append([]string{}, e.Phrases...)
	all = append(all, e.Replies...)
	for _, kind := range e.Kinds {
		if explanation := (backend.Failure{Kind: kind}).Explanation(); explanation != "" {
			all = append(all, explanation, "kind="+string(kind))
		}
	}
	return all
}

// insert adds a phrase of the entry with that number. The first entry that has
// a phrase keeps it; TestPhrases checks that no two have the same.
func (n *node) insert(phrase string, entry int) {
	rest, tag := strings.CutPrefix(phrase, anyTag)
	list := wordsOf(rest)
	if tag {
		list = append([]string{anyTag}, list...)
	}
	for _, word := range list {
		child := n.next[word]
		if child == nil {
			child = newNode()
			n.next[word] = child
		}
		n = child
	}
	if n.entry < 0 && len(list) > 0 {
		n.entry = entry
	}
}
