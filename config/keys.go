package config

import (
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"time"

	"exgate/backend"
)

const envPrefix = "EXGATE"

// envReplacer turns a key into the rest of its environment variable's name.
var envReplacer = strings.NewReplacer(".", "_", "-", "_", delimiter, "_")

// walk visits every key of the struct v in the order of the fields: first a
// section, then its keys. Names have dots: upstream.login.domains.
func walk(v reflect.Value, prefix string, visit func(name string, field reflect.StructField, value reflect.Value)) {
	for i := range v.NumField() {
		field := v.Type().Field(i)
		name := prefix + field.Tag.Get("key")
		visit(name, field, v.Field(i))
		if isSection(field) {
			walk(v.Field(i), name+".", visit)
		}
	}
}

// isSection reports whether a field is a section, and not a single key.
func isSection(field reflect.StructField) bool {
	return field.Type.Kind() == reflect.Struct && field.Type != reflect.TypeFor[backend.Secret]()
}

// keyNames returns the names of all keys, and of the sections that contain them.
func keyNames() (keys, sections []string) {
	walk(reflect.ValueOf(*Default()), "", func(name string, field reflect.StructField, _ reflect.Value) {
		if isSection(field) {
			sections = append(sections, name)
		} else {
			keys = append(keys, name)
		}
	})
	return keys, sections
}

// envName returns the name of a key's environment variable.
func envName(key string) string {
	return envPrefix + "_" + strings.ToUpper(envReplacer.Replace(key))
}

// suggest returns the remedy for a name that is not valid: the same word in
// another section, else the most similar name, else a reference to the sample.
func suggest(name string, valid []string) string {
	if slices.Contains(valid, name) {
		return "write it as nested sections, one name on each line"
	}
	word := name[strings.LastIndexByte(name, '.')+1:]
	best, least := "", 1+max(2, len(word)/3)
	for _, v := range valid {
		if v[strings.LastIndexByte(v, '.')+1:] == word {
			return "did you mean " + v + "?"
		}
		if d := distance(name, v); d < least {
			best, least = v, d
		}
	}
	if best != "" {
		return "did you mean " + best + "?"
	}
	return "exgate check --print-sample shows all keys"
}

// distance returns the number of bytes to insert, delete or replace in order to
// turn a into b (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// Settings returns the values of all keys by their names. Values that JSON would
// spell differently are spelt as in the file.
func (c *Config) Settings() map[string]any { return settings(reflect.ValueOf(*c)) }

func settings(of reflect.Value) map[string]any {
	all := map[string]any{}
	walk(of, "", func(name string, field reflect.StructField, value reflect.Value) {
		switch v := value.Interface().(type) {
		case time.Duration:
			all[name] = v.String()
		case slog.Level:
			all[name] = strings.ToLower(v.String())
		case []FurtherUpstream:
			entries := []map[string]any{}
			for _, u := range v {
				entry := settings(reflect.ValueOf(u.Upstream))
				entry["name"], entry["match"] = u.Name, u.Match
				entries = append(entries, entry)
			}
			all[name] = entries
		case []Alias:
			entries := []map[string]string{}
			for _, a := range v {
				entries = append(entries, map[string]string{"user": a.User, "alias": a.Alias})
			}
			all[name] = entries
		default:
			if !isSection(field) {
				all[name] = v
			}
		}
	})
	return all
}
