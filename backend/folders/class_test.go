package folders

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"
)

func TestHiddenAndSpecialUse(t *testing.T) {
	m := newMapper(t, Options{Hide: []Class{Calendar, Contacts, Tasks, Journal, Notes}, SpecialUse: true})
	english := []string{"INBOX", "Calendar", "Contacts", "Deleted Items", "Drafts", "Junk E-mail", "Sent Items", "Tasks"}
	german := []string{"INBOX", "Kalender", "Kontakte", "Gelöschte Elemente", "Entwürfe", "Gesendete Elemente", "Notes", "Journal"}
	for _, tt := range []struct {
		name     string
		have     []string
		upstream string
		hidden   bool
		use      string
	}{
		{"hidden", english, "Calendar", true, ""},
		{"below a hidden one", english, "Contacts/Suggested", true, ""},
		{"of that name below another", english, "Work/Calendar", false, ""},
		{"sent", english, "Sent Items", false, `\Sent`},
		{"junk", english, "Junk E-mail", false, `\Junk`},
		{"below a special one", english, "Sent Items/2026", false, ""},
		{"in German", german, "Kalender", true, ""},
		{"in German, sent", german, "Gesendete Elemente", false, `\Sent`},
		{"an English name in a German mailbox", german, "Notes", false, ""},
		{"a name of both languages", german, "Journal", true, ""},
		{"no mailbox of Exchange's", []string{"INBOX", "Sent", "Drafts", "Notes"}, "Notes", false, ""},
	} {
		have := listOf(tt.have...)
		if hidden, use := m.IsHidden(tt.upstream, have), m.SpecialUse(tt.upstream, have); hidden != tt.hidden || use != tt.use {
			t.Errorf("%s: hidden %v, %q", tt.name, hidden, use)
		}
	}
}

// Each language is told from the others, by its five most usual folders.
func TestLanguages(t *testing.T) {
	for i, l := range languages {
		have := NewList("")
		for name, class := range l {
			if slices.Contains([]Class{sent, trash, drafts, Calendar, Contacts}, class) {
				have.Add(name)
			}
		}
		if got := have.language(); got != &languages[i] {
			t.Errorf("language %d (%v) is taken for another", i, have.all())
		}
	}
}

func TestValidate(t *testing.T) {
	o := Options{
		Case: "loud", Longest: 10, Separator: "x", Prefix: "./", Reserved: []string{"a/b"}, Hide: []Class{"mail"},
		List:     []Pair{{"a", "b"}, {"A", "c"}, {"d", "B"}, {"", "x"}},
		Patterns: []Pattern{{From: "("}, {From: "a", BackFrom: "b"}},
	}
	err := o.Validate()
	if err == nil {
		t.Fatal("no error")
	}
	for _, key := range []string{"case:", "longest:", "separator:", "prefix:", "reserved: entry 1", "hide: entry 1", "list: entries 1 and 2 both have `from:", "list: entries 1 and 3 both have `to:", "list: entry 4", "patterns: entry 1: from", "patterns: entry 2: set"} {
		if !strings.Contains(err.Error(), key) {
			t.Errorf("nothing about %s in:\n%v", key, err)
		}
	}
	if _, err := NewMapper(o); err == nil {
		t.Error("a mapper was made of it")
	}
	per := Options{Prefix: "x/", Users: []UserPrefix{{"bob", "bob/"}, {"eve@example.com", "eve/"}}}
	for user, want := range map[string]string{"Bob": "bob/", "bob@example.com": "bob/", "eve": "x/", "eve@example.com": "eve/", "alice": "x/"} {
		if got := per.For(user).Prefix; got != want {
			t.Errorf("the prefix of %s is %q", user, got)
		}
	}
	if (Options{}).Validate() != nil || (Options{}).IsActive() || !exchange.IsActive() {
		t.Error("the zero value")
	}
}

// Every language has a name for every folder, but for a Greek journal and a Slovenian outbox,
// which nobody has told us; and the names are found however they are written.
func TestLocalizedNames(t *testing.T) {
	m := newMapper(t, Options{Hide: Classes, SpecialUse: true})
	unknown := map[Class]string{Journal: "Επαφές", Outbox: "Stiki"} // with the contacts of their languages
	for i, l := range languages {
		for _, class := range []Class{Calendar, Contacts, Tasks, Journal, Notes, SyncIssues, Conversation, Outbox, drafts, sent, trash, junk, archive} {
			_, isUnknown := l[folded(unknown[class])]
			if slices.Contains(slices.Collect(maps.Values(l)), class) == isUnknown {
				t.Errorf("language %d has no name for %s", i, class)
			}
		}
		for form, write := range map[string]func(string) string{
			"as listed": func(s string) string { return s }, "upper case": strings.ToUpper, "NFD": norm.NFD.String,
			"modified UTF-7": func(s string) string { name, _ := Decode(Encode(s)); return name },
		} {
			have := NewList("")
			for name := range l {
				have.AddWire(Encode(write(name)))
			}
			for name, class := range l {
				if fold(strings.ToUpper(name)) != name && form == "upper case" {
					continue // not in every language is there a way back
				}
				if use := m.SpecialUse(write(name), have); use != specialUse[class] {
					t.Errorf("%s, %q: %q, want %q", form, name, use, specialUse[class])
				}
				if hidden := m.IsHidden(write(name), have); hidden != slices.Contains(Classes, class) {
					t.Errorf("%s, %q: hidden %v", form, name, hidden)
				}
			}
		}
	}
}

// The Danish, Turkish, French, Russian and Japanese names were seen by owners of mailboxes; the
// others are unverified.
func TestMailboxesOfOtherLanguages(t *testing.T) {
	m := newMapper(t, Options{Hide: []Class{Calendar, Contacts, Outbox, Conversation}, SpecialUse: true})
	for _, tt := range []struct {
		names []string
		sent  string
		trash string
		hides string
	}{
		{[]string{"INBOX", "Kladder", "Sendt post", "Slettet post", "Kalender", "Kontaktpersoner"}, "Sendt post", "Slettet post", "Kontaktpersoner"},
		{[]string{"INBOX", "Taslaklar", "Gönderilmiş Öğeler", "Silinmiş Öğeler", "Takvim", "Kişiler"}, "Gönderilmiş Öğeler", "Silinmiş Öğeler", "Kişiler"},
		{[]string{"INBOX", "Brouillons", "Éléments envoyés", "Éléments supprimés", "Boîte d’envoi", "Calendrier"}, "Éléments envoyés", "Éléments supprimés", "Boîte d’envoi"},
		{[]string{"INBOX", "Черновики", "Отправленные", "Удаленные", "Календарь"}, "Отправленные", "Удаленные", "Календарь"},
		{[]string{"INBOX", "Ciorne", "Elemente trimise", "Elemente șterse", "Persoane de contact"}, "Elemente trimise", "Elemente șterse", "Persoane de contact"},
		{[]string{"INBOX", "Πρόχειρα", "Απεσταλμένα", "Διαγραμμένα", "Ημερολόγιο"}, "Απεσταλμένα", "Διαγραμμένα", "Ημερολόγιο"},
		{[]string{"INBOX", "Чернетки", "Надіслані", "Видалені", "Контакти"}, "Надіслані", "Видалені", "Контакти"},
		{[]string{"INBOX", "下書き", "送信済みアイテム", "削除済みアイテム", "予定表"}, "送信済みアイテム", "削除済みアイテム", "予定表"},
	} {
		have := listOf(tt.names...)
		if m.SpecialUse(tt.sent, have) != `\Sent` || m.SpecialUse(tt.trash, have) != `\Trash` || !m.IsHidden(tt.hides, have) || m.IsHidden("INBOX", have) {
			t.Errorf("%q", tt.names)
		}
	}
}
