package names

import (
	"context"
	"log/slog"
	"slices"

	"exgate/backend/folders"
)

// hiddenBy is a reason why clients do not see mailboxes.
type hiddenBy struct {
	reason, remedy string
	level          slog.Level
}

var (
	hiddenByClass  = hiddenBy{"they are Exchange's own folders", "names.hide: [off] shows them", slog.LevelInfo}
	hiddenByPrefix = hiddenBy{"they are outside names.prefix", "names.prefix: off shows all mailboxes", slog.LevelWarn}
	hiddenByName   = hiddenBy{"another mailbox has the same name for clients", "rename them in Outlook", slog.LevelWarn}
)

// maxHiddenNamed limits the names of hidden mailboxes in a line of the log.
const maxHiddenNamed = 20

// LogHidden logs the mailboxes of a list that clients do not see, once for each
// reason: a client that copies all mailboxes leaves these behind.
func (m *Mapping) LogHidden(log *slog.Logger, list *folders.List, message string) {
	hidden := make(map[hiddenBy][]string)
	for _, name := range list.All() {
		if _, ok := m.Client(name, list); ok && !m.IsHidden(name, list) {
			continue
		}
		by := hiddenByName
		switch {
		case m.IsHidden(name, list):
			by = hiddenByClass
		case m.Options.Prefix != "":
			by = hiddenByPrefix
		}
		hidden[by] = append(hidden[by], name)
	}
	for _, by := range []hiddenBy{hiddenByClass, hiddenByPrefix, hiddenByName} {
		list := hidden[by]
		if len(list) == 0 || !m.IsNews("hidden: "+by.reason) {
			continue
		}
		slices.Sort(list)
		log.Log(context.Background(), by.level, message, "count", len(list),
			"mailboxes", list[:min(len(list), maxHiddenNamed)], "reason", by.reason, "remedy", by.remedy)
	}
}
