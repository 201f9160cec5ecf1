package folders

import (
	"fmt"
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

const (
	byApart = "apart"
	byHide  = "hide"
)

// knobs switch one option off each.
var knobs = []struct {
	key string
	off func(*Options)
}{
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
	o.Hide = nil // m hides; what is hidden has a name all the same
	all, err := NewMapper(o)
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
	fates := make([]Fate, len(upstream))
	for i, name := range upstream {
		fate := &fates[i]
		*fate = Fate{Upstream: name, Client: all.called(name, have)}
		if fate.Client != "" && m.Hidden(name, have) {
			top, _, _ := strings.Cut(name, have.separator())
			fate.Client, fate.By = "", []string{byHide}
			fate.Holds, _ = have.language().class(top)
			continue
		}
		for i, knob := range knobs {
			if without[i].called(name, have) != fate.Client {
				fate.By = append(fate.By, knob.key)
			}
		}
		if fate.Client == "" {
			continue
		}
		if strings.Count(name, apartMark) > strings.Count(fate.Client, apartMark) {
			fate.By = append(fate.By, byApart)
		}
		fate.SpecialUse = m.SpecialUse(name, have)
	}
	return fates, nil
}

// called is what clients call an upstream mailbox; "" if no name leads to it.
func (m *Mapper) called(upstream string, have *List) string {
	if !m.opts.Active() {
		return upstream
	}
	client, _ := m.Client(upstream, have)
	return client
}
