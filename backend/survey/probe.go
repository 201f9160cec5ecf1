package survey

import (
	"context"
	"slices"

	"exgate/config/profile"
)

// probe is one question to the server.
type probe struct {
	id   string // the quirk of docs/exchange.md, or M-nn for a measurement beside the quirks
	name string // the quirk's name in the simulator
	asks string // what it finds out
	cost string // what it costs beside a few commands; "": nothing
	run  func(context.Context, *surveyor) (Finding, error)

	// prepared reports whether exgate handles the quirk with a profile; nil: always, or there is nothing to handle.
	prepared func(profile.Profile) bool
	reaches  int64 // a limit below this number is one that exgate's repair does not know; 0: none
	// set returns the settings by which exgate follows the finding, or nil if the profile has them already.
	set func(Finding, profile.Profile) []Setting
}

// Setting is one key of the configuration with its value.
type Setting struct {
	Key   string
	Value any // a string, a number, true or a list of strings
}

// table returns all probes, in the order of the run: the cheap ones first, those that wear out connections late, and
// those that go by what the others have heard last.
func table() []probe {
	return slices.Concat(connectionProbes(), replyProbes(), fetchProbes(), structureProbes(), searchProbes(),
		copyProbes(), nameProbes(), dateProbes(), appendProbes(), contentProbes(), outlookProbes(), refusedProbes(),
		limitProbes(), strayProbes())
}

// Costs lists what the probes cost, for the help of the command.
func Costs() []string {
	var list []string
	for _, p := range table() {
		if p.cost != "" {
			list = append(list, p.id+" "+p.asks+": "+p.cost)
		}
	}
	return list
}

// one returns a single setting, if it is needed.
func one(needed bool, key string, value any) []Setting {
	if !needed {
		return nil
	}
	return []Setting{{key, value}}
}
