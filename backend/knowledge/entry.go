// Package knowledge is what "exgate explain" knows: for each failure of
// Exchange and each question of its users an entry with the likely causes and
// their remedies, and a matcher that finds the entries in text as users paste
// it, a client's whole log included.
//
// Entries are data, in the files entries_*.go. They are tied to the failure
// kinds of package backend, whose one-line explanations the client reads: every
// kind has an entry, and every reply in an entry is classified as of its kind.
package knowledge

import (
	"slices"
	"strings"

	"exgate/backend"
)

//go:generate go test -run ^TestGenerated$ . -update

// Entry is what is known of one failure, or the answer to one question.
type Entry struct {
	ID    string         `json:"id"` // users may name it: "exgate explain throttled"
	Title string         `json:"title"`
	Kinds []backend.Kind `json:"kinds,omitempty"` // none: a question, or a client's own words

	// Replies are the server's, whole, as they stand on the wire after the tag.
	Replies []string `json:"replies,omitempty"`
	// Phrases are parts of those, and what clients and libraries say instead.
	// Case and punctuation do not count. "<*" stands for a word that begins an
	// HTML tag.
	Phrases []string `json:"-"`
	// Keywords find the entry in a question: each is a set of words, of which
	// one set must be there whole.
	Keywords []string `json:"-"`

	Meaning string   `json:"meaning"`
	Causes  []Cause  `json:"causes,omitempty"` // most likely first
	Exgate  string   `json:"exgate,omitempty"` // what exgate does about it by itself
	See     []string `json:"see,omitempty"`    // ids of other entries
	Source  string   `json:"source"`           // of Replies, Meaning and Exgate
}

// Cause is one reason for a failure, or one answer to a question, and what to
// do about it. PowerShell and Lines hold {user}, {admin}, {server} and
// {domain}, which Entry.With fills in.
type Cause struct {
	Title string `json:"title"`
	// Signs are words of an error, each of which makes this cause the likely one.
	Signs []string `json:"-"`
	Tell  string   `json:"tell,omitempty"`  // how to tell that this is it
	Do    string   `json:"do,omitempty"`    // the remedy in words
	Click string   `json:"click,omitempty"` // the remedy's path in Exchange's admin center
	// PowerShell is for the Exchange Management Shell, for Exchange Online
	// after Connect-ExchangeOnline.
	PowerShell []string `json:"powershell,omitempty"`
	Lines      []string `json:"lines,omitempty"` // of configuration or of a command, to be copied
	Source     string   `json:"source"`
}

// Unknown is the ID of the entry that says what to do where nothing is known.
const Unknown = "other"

// Entries returns all entries, grouped by subject.
func Entries() []Entry {
	return slices.Concat(syncEntries, loginEntries, adminEntries, gatewayEntries, onlineEntries, connectionEntries,
		tlsEntries, limitEntries, refusedEntries, messageEntries, questionEntries, folderEntries)
}

// CausesFor returns the causes of the entry, first those whose signs stand in the text of
// an error.
func (e Entry) CausesFor(text string) []Cause {
	causes := slices.Clone(e.Causes)
	slices.SortStableFunc(causes, func(a, b Cause) int { return b.signsIn(text) - a.signsIn(text) })
	return causes
}

// signsIn returns 1 if one of the cause's signs stands in the text, and 0 otherwise.
func (c Cause) signsIn(text string) int {
	if slices.ContainsFunc(c.Signs, func(sign string) bool { return strings.Contains(text, sign) }) {
		return 1
	}
	return 0
}

// ByID returns the entry that users name id, in any case.
func ByID(id string) (Entry, bool) {
	all := Entries()
	i := slices.IndexFunc(all, func(e Entry) bool { return equalFold(e.ID, id) })
	if i < 0 {
		return Entry{}, false
	}
	return all[i], true
}
