package audit

import (
	"slices"
	"strings"

	"exgate/backend/folders"
)

// Folder is a mailbox of the source.
type Folder struct {
	Name       string
	Separator  string
	Attributes []string
}

// Name is a mailbox whose name changes, or that cannot be stored. docs/names.md describes the keys.
type Name struct {
	Source   string   `json:"source"`
	Exchange string   `json:"exchange,omitzero"` // "": the name cannot be mapped
	By       []string `json:"by,omitzero"`       // the keys of names that change it
	With     string   `json:"with,omitzero"`     // the mailbox of the source that has the same name in Exchange
	Problem  string   `json:"problem,omitzero"`
}

// Special is a mailbox for sent mail, drafts and so on.
type Special struct {
	Use      string `json:"use"` // RFC 6154
	Source   string `json:"source"`
	Exchange string `json:"exchange"` // Exchange's own
	Same     bool   `json:"same"`     // the mailbox becomes Exchange's own without further measures
}

// ownFolders are those that Exchange makes in English. Another language has the same folders
// under other names (Set-MailboxRegionalConfiguration).
var ownFolders = []string{
	"INBOX", "Drafts", "Sent Items", "Deleted Items", "Junk Email", "Archive", "Outbox", "Calendar", "Contacts",
	"Tasks", "Journal", "Notes",
}

// ownByUse are Exchange's own folders by their special use.
var ownByUse = map[string]string{
	`\Drafts`: "Drafts", `\Sent`: "Sent Items", `\Trash`: "Deleted Items", `\Junk`: "Junk Email", `\Archive`: "Archive",
}

// usualNames are the names under which servers without SPECIAL-USE keep such mail.
var usualNames = map[string]string{
	"drafts": `\Drafts`, "sent": `\Sent`, "sent messages": `\Sent`, "sent mail": `\Sent`, "sent items": `\Sent`,
	"trash": `\Trash`, "deleted messages": `\Trash`, "deleted items": `\Trash`, "bin": `\Trash`, "junk": `\Junk`,
	"spam": `\Junk`, "junk email": `\Junk`, "junk e-mail": `\Junk`, "bulk mail": `\Junk`, "archive": `\Archive`,
	"archives": `\Archive`,
}

// Folders says what becomes of the names of all mailboxes. Of two names that Exchange takes for
// one, the first in the order of their bytes keeps its name: imapsync makes them in this order.
func (c *Counter) Folders(all []Folder) error {
	c.Account.Mailboxes = int64(len(all))
	all = slices.SortedFunc(slices.Values(all), func(a, b Folder) int { return strings.Compare(a.Name, b.Name) })
	prefix := commonPrefix(all)
	have := folders.NewList("/")
	for _, name := range ownFolders {
		have.Add(name)
	}
	taken := make(map[string]string) // by the name in Exchange
	var mapped []Name
	var clients []string
	for _, f := range all {
		name := Name{Source: f.Name}
		client := clientName(f, prefix)
		to, err := c.names.Upstream(client, have)
		if err != nil {
			name.Problem = err.Error()
			c.Account.Refusals++
			c.listName(name)
			continue
		}
		have.Add(to)
		name.Exchange, name.With = to, taken[to]
		if _, again := taken[to]; !again {
			taken[to] = f.Name
		}
		mapped, clients = append(mapped, name), append(clients, client)
		c.special(f, client, to)
	}
	names := make([]string, len(mapped))
	for i, name := range mapped {
		names[i] = name.Exchange
	}
	fates, err := folders.Fates(c.options.Profile.Names.For(c.Account.Name), names, have)
	if err != nil {
		return err
	}
	for i, name := range mapped {
		name.By = fates[i].By
		if len(name.By) == 0 && strings.Contains(name.Exchange, "_exgate_") {
			name.By = []string{"hide"} // beside a folder of Exchange that clients do not see
		}
		if name.Exchange == clients[i] && name.With == "" {
			continue
		}
		c.Account.Changed++
		c.listName(name)
	}
	return nil
}

func separatorOf(all []Folder) string {
	for _, f := range all {
		if f.Separator != "" {
			return f.Separator
		}
	}
	return ""
}

func (c *Counter) listName(n Name) {
	if len(c.Account.Names) < maxListed {
		c.Account.Names = append(c.Account.Names, n)
	}
}

// clientName is the name under which a migration stores a mailbox: without the source's prefix,
// and with "/" between levels, as imapsync writes it. A "/" within a level becomes the source's
// separator.
func clientName(f Folder, prefix string) string {
	name := f.Name
	if len(name) > len(prefix) && strings.EqualFold(name[:len(prefix)], prefix) {
		name = name[len(prefix):]
	}
	if strings.EqualFold(name, "INBOX") {
		return "INBOX"
	}
	if f.Separator == "" || f.Separator == "/" {
		return name
	}
	return strings.NewReplacer(f.Separator, "/", "/", f.Separator).Replace(name)
}

// commonPrefix is the prefix of a source that has all mailboxes below INBOX.
func commonPrefix(all []Folder) string {
	sep := separatorOf(all)
	prefix := "INBOX" + sep
	for _, f := range all {
		if sep == "" || !strings.EqualFold(f.Name, "INBOX") &&
			(len(f.Name) <= len(prefix) || !strings.EqualFold(f.Name[:len(prefix)], prefix)) {
			return ""
		}
	}
	if len(all) < 2 {
		return ""
	}
	return prefix
}

// special notes a mailbox for sent mail and so on.
func (c *Counter) special(f Folder, client, to string) {
	use := usualNames[strings.ToLower(client)]
	for known := range ownByUse {
		if slices.ContainsFunc(f.Attributes, func(a string) bool { return strings.EqualFold(a, known) }) {
			use = known
		}
	}
	if use == "" || len(c.Account.Special) == maxListed {
		return
	}
	own := ownByUse[use]
	c.Account.Special = append(c.Account.Special, Special{
		Use: use, Source: f.Name, Exchange: own, Same: strings.EqualFold(to, own),
	})
}
