package folders

import (
	"fmt"
	"strings"
)

// Fate says how clients see an upstream mailbox.
type Fate struct {
	Upstream   string
	Client     string // "": clients do not see it
	Holds      Class  // the class of the folder, if clients do not see it because of that
	SpecialUse string // RFC 6154
	// By are the keys of the options that have an effect: without one of them, the name
	// would differ, or clients would see the mailbox. "apart" stands for the suffix that
	// distinguishes two names.
	By []string
}

const (
	byApart = "apart"
	byHide  = "hide"
)

// Each of knobs switches off one option.
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

// Fates returns the fate of each mailbox in upstream. All of them must be in have.
func Fates(o Options, upstream []string, have *List) ([]Fate, error) {
	m, err := NewMapper(o)
	if err != nil {
		return nil, fmt.Errorf("cannot map names of mailboxes: %w", err)
	}
	o.Hide = nil // m hides; what is hidden has a name all the same
	all, err := NewMapper(o)
	if err != nil {
		return nil, fmt.Errorf("cannot map names of mailboxes: %w", err)
	}
	without := make([]*Mapper, len(knobs))
	for i, knob := range knobs {
		other := o
		knob.off(&other)
		if without[i], err = NewMapper(other); err != nil {
			return nil, fmt.Errorf("cannot map names of mailboxes without %s: %w", knob.key, err)
		}
	}
	fates := make([]Fate, len(upstream))
	for i, name := range upstream {
		fate := &fates[i]
		*fate = Fate{Upstream: name, Client: all.called(name, have)}
		if fate.Client != "" && m.IsHidden(name, have) {
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

// called returns the client's name of an upstream mailbox; "" if no name maps to it.
func (m *Mapper) called(upstream string, have *List) string {
	if !m.opts.IsActive() {
		return upstream
	}
	client, _ := m.Client(upstream, have)
	return client
}
