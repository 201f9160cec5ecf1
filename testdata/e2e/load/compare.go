package main

import (
	"fmt"
	"maps"
	"slices"
)

// difference is what is wrong with one message.
type difference struct {
	kind string // lost, doubled, wrong flags, not wanted
	id   string
	what string
}

// compare holds a mailbox against what it should hold: flags by Message-ID. A
// message may be there once.
func compare(want map[string]string, found map[string][]string) (list []difference) {
	for _, id := range slices.Sorted(maps.Keys(want)) {
		copies := found[id]
		switch {
		case len(copies) == 0:
			list = append(list, difference{"lost", id, "is not there"})
		case len(copies) > 1:
			list = append(list, difference{"doubled", id, fmt.Sprintf("is there %d times", len(copies))})
		case copies[0] != want[id]:
			list = append(list, difference{
				"wrong flags", id, fmt.Sprintf("has (%s), should have (%s)", copies[0], want[id]),
			})
		}
	}
	for _, id := range slices.Sorted(maps.Keys(found)) {
		if _, ok := want[id]; !ok {
			list = append(list, difference{"not wanted", id, "should not be there"})
		}
	}
	return list
}
