package backend

import (
	"fmt"
	"io"
	"log/slog"
	"unique"
)

// Secret is a password, a token or a client secret. However it is printed,
// stars show. Its text is behind a pointer, since fmt asks no method of a field
// that is not exported, and prints it as it lies in memory. Two secrets of the
// same text are equal; the zero value is none.
type Secret struct {
	text unique.Handle[string]
}

// NewSecret holds text as a secret; "" is none.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{unique.Make(text)}
}

// Reveal is the text itself.
func (s Secret) Reveal() string {
	if s.None() {
		return ""
	}
	return s.text.Value()
}

// None tells whether there is no secret.
func (s Secret) None() bool { return s == Secret{} }

const stars = "***"

// String shows stars, or nothing for no secret.
func (s Secret) String() string {
	if s.None() {
		return ""
	}
	return stars
}

// Format shows stars under every verb.
func (s Secret) Format(f fmt.State, _ rune) { io.WriteString(f, s.String()) }

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText shows stars in JSON, YAML and the like.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
