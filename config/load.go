package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-viper/mapstructure/v2"
	"github.com/spf13/viper"

	"exgate/backend"
)

// delimiter separates the words of a key inside viper. With viper's default, the
// dot, viper would read "upstream.address: x" in a file as a nested key.
const delimiter = "::"

// Find returns the path of the configuration file. If named is not "", it is that
// file, which must exist. Else it is the first that exists of ./exgate.yaml,
// exgate/exgate.yaml in the user's configuration directory, and
// /etc/exgate/exgate.yaml; "" if there is none.
func Find(named string) (string, error) {
	if named != "" {
		if _, err := os.Stat(named); err != nil {
			return "", fmt.Errorf("configuration file: %w", err)
		}
		return named, nil
	}
	places := []string{"exgate.yaml"}
	if dir, err := os.UserConfigDir(); err == nil {
		places = append(places, filepath.Join(dir, "exgate", "exgate.yaml"))
	}
	for _, place := range append(places, "/etc/exgate/exgate.yaml") {
		if _, err := os.Stat(place); err == nil {
			return place, nil
		} else if !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("configuration file: %w", err)
		}
	}
	return "", nil
}

// Load reads the YAML file at path ("" is none), then the environment, then
// settings, each "key=value" with a key of docs/config.md. A later source
// overrides an earlier one. The error joins all problems, including those of
// Validate; the Config contains everything that could be read.
func Load(path string, settings []string) (*Config, error) {
	var file io.Reader = strings.NewReader("")
	if path != "" {
		f, err := os.Open(path)
		if err != nil {
			return nil, fmt.Errorf("configuration file: %w", err)
		}
		defer f.Close()
		file = f
	}
	c, err := decode(file, settings)
	if c == nil {
		return nil, fmt.Errorf("configuration file %s: %w", path, err)
	}
	return c, errors.Join(err, unknownEnv(os.Environ()), c.Validate())
}

// decode is the only function that uses viper. It returns a nil Config if the
// file is not YAML.
func decode(file io.Reader, settings []string) (*Config, error) {
	v := viper.NewWithOptions(viper.KeyDelimiter(delimiter))
	// AutomaticEnv ignores a variable whose key the file does not name
	// (measured, viper 1.21).
	keys, _ := keyNames()
	for _, key := range keys {
		if err := v.BindEnv(strings.ReplaceAll(key, ".", delimiter), envName(key)); err != nil {
			return nil, err
		}
	}
	v.SetConfigType("yaml")
	if err := v.ReadConfig(file); err != nil {
		var parse viper.ConfigParseError
		if errors.As(err, &parse) {
			err = parse.Unwrap() // YAML's own words, with the line
		}
		// YAML's message quotes the file, which may contain an unquoted password.
		return nil, errors.New(quotedByYAML.ReplaceAllString(err.Error(), "***"))
	}
	var errs []error
	for _, setting := range settings {
		key, value, ok := strings.Cut(setting, "=")
		if !ok {
			errs = append(errs, fmt.Errorf("--set %s: use KEY=VALUE, such as upstream.profile=exchange2016", setting))
			continue
		}
		v.Set(strings.ReplaceAll(key, ".", delimiter), value)
	}

	errs = append(errs, unknownKeys(v.AllKeys(), v.Get)...)

	c, found := Default(), new(mapstructure.Metadata)
	err := v.Unmarshal(c, func(d *mapstructure.DecoderConfig) {
		d.Metadata = found
		d.TagName = "key"
		d.WeaklyTypedInput = false
		d.DecodeHook = exactValue
	})
	errs = append(errs, decodeErrors(err)...)
	for _, unused := range found.Unused {
		if strings.Contains(unused, "[") { // in an entry of a list, which unknownKeys cannot see
			errs = append(errs, fmt.Errorf("%s: unknown key: the keys are header, pattern and replacement", unused))
		}
	}
	return c, errors.Join(errs...)
}

// quotedByYAML matches the parts of the file that an error of YAML repeats.
var quotedByYAML = regexp.MustCompile("'[^']*'|`[^`]*`")

// unknownKeys returns an error with a suggestion for each unknown key. Unlike
// viper's UnmarshalExact, it does not stop at the first. Values of the wrong
// shape, such as text in the place of a section, are left to decoding. The errors
// do not show a key without a value: in { admin_password: one,two }, that key is
// the end of a password.
func unknownKeys(found []string, value func(key string) any) []error {
	keys, sections := keyNames()
	valid := append(keys, sections...)
	remedies := map[string]string{}
	for _, key := range found {
		name := ""
		for _, word := range strings.Split(key, delimiter) {
			name += word
			if word == "" || strings.Contains(word, ".") || !slices.Contains(valid, name) {
				remedies[name] = "unknown key: " + suggest(name, valid)
				if value(key) == nil {
					delete(remedies, name)
					remedies[strings.TrimSuffix(name, word)+"***"] = "unknown key without a value: " +
						"if it is part of a password, put the whole password in quotes"
				}
				break
			}
			if slices.Contains(keys, name) {
				break
			}
			name += "."
		}
	}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(remedies)) {
		errs = append(errs, fmt.Errorf("%s: %s", name, remedies[name]))
	}
	return errs
}

// exactValue converts a value of the file (typed by YAML) or of the environment
// (text) to the type of its key. It is stricter than mapstructure, which reads a
// duration without a unit as nanoseconds, 1.5 as 1, and true as "1".
func exactValue(from, to reflect.Type, value any) (any, error) {
	if to == reflect.TypeFor[backend.Secret]() {
		// A number would lose its zeros. The error must not contain the value.
		if from.Kind() != reflect.String {
			return nil, errors.New("the value is not text: put it in quotes")
		}
		return backend.NewSecret(value.(string)), nil
	}
	if to == reflect.TypeFor[FurtherUpstream]() && from.Kind() == reflect.Map {
		return furtherUpstream(value)
	}
	switch to.Kind() {
	case reflect.Struct:
		if from.Kind() != reflect.Map {
			return nil, errors.New("this is a section: write its keys below it")
		}
		return value, nil
	case reflect.Slice:
		return exactList(from, value)
	}
	return exactScalar(from, to, value)
}

// exactList converts a list of the file, or a list of the environment: words with commas or
// blanks between them.
func exactList(from reflect.Type, value any) (any, error) {
	switch from.Kind() {
	case reflect.Slice:
		return value, nil
	case reflect.String:
		return strings.FieldsFunc(value.(string), func(r rune) bool { return r == ',' || r == ' ' }), nil
	}
	return nil, fmt.Errorf("%q is not a list, such as [a, b]", fmt.Sprint(value))
}

// exactScalar converts a value that is no section and no list.
func exactScalar(from, to reflect.Type, value any) (any, error) {
	text := fmt.Sprint(value)
	var parsed any
	var wanted string
	var err error
	switch to {
	case reflect.TypeFor[time.Duration]():
		parsed, err = time.ParseDuration(text)
		wanted = "a duration with a unit, such as 90s or 15m"
	case reflect.TypeFor[slog.Level]():
		var level slog.Level
		err = level.UnmarshalText([]byte(text))
		parsed, wanted = level, "a level: use debug, info, warn or error"
	default:
		parsed, wanted, err = exactKind(from.Kind(), to.Kind(), text)
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("%q is not %s", text, wanted)
	case parsed == nil: // exgate has no key of such a type
		return value, nil
	}
	return parsed, nil
}

// exactKind converts the text to a kind of basic type; wanted describes such values. parsed is
// nil for any other kind.
func exactKind(from, to reflect.Kind, text string) (parsed any, wanted string, err error) {
	switch to {
	case reflect.String:
		if from != reflect.String && from != reflect.Bool && from != reflect.Int {
			err = errors.ErrUnsupported
		}
		return text, "text (put a number in quotes)", err
	case reflect.Bool:
		parsed, err = strconv.ParseBool(text)
		return parsed, "a switch: use true or false", err
	case reflect.Int, reflect.Int64:
		parsed, err = strconv.ParseInt(text, 0, 64)
		return parsed, "a whole number", err
	case reflect.Float64:
		parsed, err = strconv.ParseFloat(text, 64)
		return parsed, "a number", err
	}
	return nil, "", nil
}

// furtherUpstream decodes an entry of upstreams on top of the defaults. It also
// finds unknown keys in the entry, which unknownKeys cannot see.
func furtherUpstream(value any) (any, error) {
	type entry FurtherUpstream // which exactValue does not know
	u := entry{Upstream: Default().Upstream}
	decoder, err := mapstructure.NewDecoder(&mapstructure.DecoderConfig{
		Result: &u, TagName: "key", DecodeHook: exactValue, ErrorUnused: true,
	})
	if err != nil {
		return nil, err
	}
	for _, problem := range decodeErrors(decoder.Decode(value)) {
		err = errors.Join(err, errors.New(strings.TrimPrefix(problem.Error(), ": ")))
	}
	return FurtherUpstream(u), err
}

// decodeErrors takes mapstructure's errors apart, so that each begins with its
// key, like all other problems.
func decodeErrors(err error) []error {
	switch e := err.(type) {
	case nil:
		return nil
	case interface{ Unwrap() []error }:
		var errs []error
		for _, err := range e.Unwrap() {
			errs = append(errs, decodeErrors(err)...)
		}
		return errs
	case *mapstructure.DecodeError:
		return []error{fmt.Errorf("%s: %w", e.Name(), e.Unwrap())}
	case interface{ Unwrap() error }:
		return decodeErrors(e.Unwrap())
	}
	return []error{err}
}

// unknownEnv returns an error for each variable with exgate's prefix that names
// no key, most often because of a typing mistake.
func unknownEnv(environ []string) error {
	keys, _ := keyNames()
	var valid []string
	for _, key := range keys {
		valid = append(valid, envName(key))
	}
	var errs []error
	for _, variable := range environ {
		name, _, _ := strings.Cut(variable, "=")
		if strings.HasPrefix(name, envPrefix+"_") && !slices.Contains(valid, name) {
			errs = append(errs, fmt.Errorf("%s: unknown environment variable: %s", name, suggest(name, valid)))
		}
	}
	return errors.Join(errs...)
}
