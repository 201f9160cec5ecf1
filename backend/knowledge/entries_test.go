package knowledge

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"exgate/backend"
	"exgate/config"
)

func TestEntries(t *testing.T) {
	ids := map[string]bool{}
	for _, e := range Entries() {
		if !regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`).MatchString(e.ID) || ids[e.ID] {
			t.Errorf("id %q: no plain word, or there twice", e.ID)
		}
		ids[e.ID] = true
		if e.Title == "" || e.Meaning == "" || e.Source == "" || len(e.Causes) == 0 {
			t.Errorf("%s: title, meaning, source or causes are missing", e.ID)
		}
		if len(e.Replies)+len(e.Phrases)+len(e.Keywords) == 0 && e.ID != Unknown {
			t.Errorf("%s: nothing finds it", e.ID)
		}
		for _, c := range e.Causes {
			// Whoever reads a number or a remedy can look up where it is from.
			if c.Title == "" || c.Source == "" {
				t.Errorf("%s: %q: title or source are missing", e.ID, c.Title)
			}
		}
		for _, text := range e.texts() {
			if strings.TrimSpace(text) != text || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
				t.Errorf("%s: %q has blanks at its ends, or characters that do not print", e.ID, text)
			}
		}
	}
	if !ids[Unknown] {
		t.Errorf("no entry %q", Unknown)
	}
}

// Each kind of failure has an entry, so that "exgate explain" answers to each.
func TestEachKindHasAnEntry(t *testing.T) {
	code, err := os.ReadFile("../failure.go")
	if err != nil {
		t.Fatal(err)
	}
	explained := map[backend.Kind]bool{}
	for _, e := range Entries() {
		for _, kind := range e.Kinds {
			explained[kind] = true
		}
	}
	kinds := regexp.MustCompile(`(?m)^\tKind\w+\s+Kind = "([^"]+)"`).FindAllSubmatch(code, -1)
	if len(kinds) == 0 {
		t.Fatal("../failure.go has no kinds")
	}
	for _, m := range kinds {
		if kind := backend.Kind(m[1]); !explained[kind] {
			t.Errorf("no entry for the kind %s", kind)
		}
	}
}

// texts are all texts of an entry that people read.
func (e Entry) texts() []string {
	all := []string{e.Title, e.Meaning, e.Exgate, e.Source}
	for _, c := range e.Causes {
		all = append(all, c.Title, c.Tell, c.Do, c.Click, c.Source)
		all = append(all, c.Lines...)
		all = append(all, c.PowerShell...)
	}
	return all
}

// References to other entries, in See and in the texts, lead somewhere.
func TestReferences(t *testing.T) {
	command := regexp.MustCompile(`exgate explain ([a-z0-9-]+)`)
	for _, e := range Entries() {
		named := slices.Clone(e.See)
		for _, text := range e.texts() {
			for _, m := range command.FindAllStringSubmatch(text, -1) {
				named = append(named, m[1])
			}
		}
		for _, id := range named {
			if _, ok := ByID(id); !ok || id == e.ID {
				t.Errorf("%s: refers to %q", e.ID, id)
			}
		}
	}
}

// The keys of the configuration that the texts name are there, with the values
// that they name.
func TestKeysOfTheConfiguration(t *testing.T) {
	key := regexp.MustCompile(`\b(?:upstream|fixes|listen|limits|log)\.[a-z0-9_.-]*[a-z0-9]`)
	set := regexp.MustCompile(`\b((?:upstream|fixes|listen|limits|log)\.[a-z0-9_.-]*[a-z0-9])(?:: |=)([a-zA-Z0-9.:-]*[a-zA-Z0-9])`)
	settings := config.Default().Effective().Settings()
	for _, e := range Entries() {
		for _, text := range e.texts() {
			for _, name := range key.FindAllString(text, -1) {
				if _, ok := settings[name]; !ok && !strings.HasSuffix(name, ".md") {
					t.Errorf("%s: no key %q: %q", e.ID, name, text)
				}
			}
			for _, m := range set.FindAllStringSubmatch(text, -1) {
				_, err := config.Load("", []string{"upstream.address=localhost:993", m[1] + "=" + m[2]})
				if err != nil && strings.Contains(err.Error(), m[1]) {
					t.Errorf("%s: %s: %v", e.ID, m[0], err)
				}
			}
		}
	}
}

// No two entries have the same phrase: the second would never be found by it.
func TestPhrases(t *testing.T) {
	owner := map[string]string{}
	for _, e := range Entries() {
		own := map[string]bool{}
		for _, phrase := range slices.Concat(e.Phrases, e.Replies) {
			list := strings.Join(wordsOf(phrase), " ")
			if list == "" {
				t.Errorf("%s: phrase %q", e.ID, phrase)
			}
			if strings.HasPrefix(phrase, anyTag) {
				list = anyTag + " " + list
			}
			if own[list] {
				continue // a reply is a phrase as well
			}
			own[list] = true
			if other := owner[list]; other != "" {
				t.Errorf("%s: %s has %q too", e.ID, other, phrase)
			}
			owner[list] = e.ID
		}
		for _, word := range strings.Fields(strings.Join(e.Keywords, " ")) {
			if word != strings.ToLower(word) {
				t.Errorf("%s: keyword %q", e.ID, word)
			}
		}
	}
}

// Placeholders are those that names can fill in, and PowerShell lines have no
// quotes around them.
func TestPlaceholders(t *testing.T) {
	known := regexp.MustCompile(`\{(user|admin|server|domain)\}`)
	names := Names{User: "USER", Admin: "ADMIN", Server: "SERVER", Domain: "DOMAIN"}
	for _, e := range Entries() {
		for _, c := range e.With(names).Causes {
			for _, line := range append(c.Lines, c.PowerShell...) {
				if known.MatchString(line) {
					t.Errorf("%s: not filled in: %s", e.ID, line)
				}
			}
			for _, line := range c.PowerShell {
				if strings.Count(line, "'")%2 != 0 || strings.Contains(line, "''") {
					t.Errorf("%s: quotes: %s", e.ID, line)
				}
			}
		}
		texts := []string{e.Title, e.Meaning, e.Exgate, e.Source}
		for _, c := range e.Causes {
			texts = append(texts, c.Title, c.Tell, c.Do, c.Click, c.Source)
		}
		for _, text := range texts {
			if known.MatchString(text) {
				t.Errorf("%s: a name cannot be filled in here: %s", e.ID, text)
			}
		}
	}
}
