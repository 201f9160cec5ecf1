package main

import (
	"encoding/json"
	"io"
)

// encodeJSON writes v for programs; < and > stay as they are.
func encodeJSON(out io.Writer, v any) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(v)
}
