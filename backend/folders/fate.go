package folders

import (
	"fmt"
	"slices"
	"strings"
)

// Fate is what becomes of an upstream mailbox on its way to clients.
type Fate struct {
	Upstream   string
	Client     string // "": clients are not shown it
	Holds      Class  // what Exchange has it for, where that is the reason for not showing it
	SpecialUse string // RFC 6154
	// By are the keys of the options that have a part in it: without any one of
	// them it would be called otherwise, or shown. "apart" stands for the suffix
	// by which one of two names is told from the other.
	By []string
}

const byApart = "apart"

// knobs switch one option off each.
var knobs = []struct {
	key string
	off func(*Options)
}{
	{"hide", func(o *Options) { o.Hide = nil }},
	{"prefix", func(o *Options) { o.Prefix = "" }},
	{"list", func(o *Options) { o.List = nil }},
	{"patterns", func(o *Options) { o.Patterns = nil }},
	{"separator", func(o *Options) { o.Separator = "" }},
	{"reserved", func(o *Options) { o.Reserved = nil }},
	{"longest", func(o *Options) { o.Longest = 0 }},
	{"characters", func(o *Options) { o.Characters = false }},
}

// Fates tells the fate of each of upstream, which are mailboxes of have.
func Fates(o Options, upstream []string, have *List) ([]Fate, error) {
	m, err := NewMapper(o)
	if err != nil {
		return nil, fmt.Errorf("names of mailboxes: %w", err)
	}
	without := make([]*Mapper, len(knobs))
	for i, knob := range knobs {
		other := o
		knob.off(&other)
		if without[i], err = NewMapper(other); err != nil {
			return nil, fmt.Errorf("names of mailboxes, without %s: %w", knob.key, err)
		}
	}
	fates := make([]Fate, 0, len(upstream))
	for _, name := range upstream {
		fate := Fate{Upstream: name, Client: m.shown(name, have)}
		for i, knob := range knobs {
			if without[i].shown(name, have) != fate.Client {
				fate.By = append(fate.By, knob.key)
			}
		}
		if strings.Count(name, apartMark) > strings.Count(fate.Client, apartMark) && fate.Client != "" {
			fate.By = append(fate.By, byApart)
		}
		if fate.Client != "" {
			fate.SpecialUse = m.SpecialUse(name, have)
		} else if slices.Contains(fate.By, "hide") {
			top, _, _ := strings.Cut(name, have.separator())
			fate.Holds, _ = have.language().class(top)
		}
		fates = append(fates, fate)
	}
	return fates, nil
}

// shown is what clients call an upstream mailbox; "" if they are not shown it.
func (m *Mapper) shown(upstream string, have *List) string {
	if !m.opts.Active() {
		return upstream
	}
	client, ok := m.Client(upstream, have)
	if !ok || m.Hidden(upstream, have) {
		return ""
	}
	return client
}
