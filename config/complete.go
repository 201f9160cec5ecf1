package config

import (
	"reflect"

	"exgate/config/profile"
)

// Keys returns the names of all keys, such as upstream.address.
func Keys() []string {
	keys, _ := keyNames()
	return keys
}

// Values returns the values of a key that has few, for the completion in a shell; none for any other key.
func Values(key string) (values []string) {
	switch key {
	case "mode":
		return []string{string(Enforce), string(Observe)}
	case "upstream.profile":
		return profile.Names()
	case "log.format":
		return []string{string(FormatAuto), string(FormatText), string(FormatJSON)}
	}
	walk(reflect.ValueOf(*Default()), "", func(name string, field reflect.StructField, _ reflect.Value) {
		if name == key && field.Type.Kind() == reflect.Bool {
			values = []string{"true", "false"}
		}
	})
	return values
}
