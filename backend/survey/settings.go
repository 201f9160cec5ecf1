package survey

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"exgate/config/profile"
)

// Settings returns the keys by which exgate follows the findings, for a configuration that has the profile p.
func Settings(state *State, p profile.Profile) []Setting {
	list := []Setting{{"upstream.profile", p.Name}}
	for _, probe := range table() {
		f, ok := state.Find(probe.id)
		if ok && f.Answer != Unknown && probe.set != nil {
			list = append(list, probe.set(f, p)...)
		}
	}
	return sorted(list)
}

// sorted orders settings by key. Two quirks may need the same repair: each key is there once.
func sorted(list []Setting) []Setting {
	slices.SortStableFunc(list, func(a, b Setting) int { return cmp.Compare(a.Key, b.Key) })
	return slices.CompactFunc(list, func(a, b Setting) bool { return a.Key == b.Key })
}

// YAML writes settings as a configuration file.
func YAML(settings []Setting) string {
	var b strings.Builder
	var at []string
	settings = sorted(slices.Clone(settings))
	for _, s := range settings {
		path := strings.Split(s.Key, ".")
		sections := path[:len(path)-1]
		for i, section := range sections {
			if i >= len(at) || !slices.Equal(at[:i+1], sections[:i+1]) {
				fmt.Fprintf(&b, "%s%s:\n", strings.Repeat("  ", i), section)
			}
		}
		at = sections
		fmt.Fprintf(&b, "%s%s: %s\n", strings.Repeat("  ", len(sections)), path[len(path)-1], yamlValue(s.Value))
	}
	return b.String()
}

func yamlValue(v any) string {
	if list, ok := v.([]string); ok {
		quoted := make([]string, len(list))
		for i, item := range list {
			quoted[i] = yamlValue(item)
		}
		return "[" + strings.Join(quoted, ", ") + "]"
	}
	if text, ok := v.(string); ok {
		return "'" + strings.ReplaceAll(text, "'", "''") + "'" // off would else be false
	}
	return fmt.Sprint(v)
}
