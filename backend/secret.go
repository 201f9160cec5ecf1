package backend

import (
	"fmt"
	"io"
	"log/slog"
	"unique"
)

// Secret is a password, a token or a client secret. Every way to print it shows stars.
// Its text is behind a pointer, because fmt calls no method of an unexported field, and
// would print its memory. Two secrets with the same text are equal. The zero value is no
// secret.
type Secret struct {
	text unique.Handle[string]
}

// NewSecret returns a secret with this text; "" is no secret.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{unique.Make(text)}
}

// Reveal returns the text of the secret.
func (s Secret) Reveal() string {
	if s.IsNone() {
		return ""
	}
	return s.text.Value()
}

// IsNone reports whether there is no secret.
func (s Secret) IsNone() bool { return s == Secret{} }

const stars = "***"

// String returns stars, or "" for no secret.
func (s Secret) String() string {
	if s.IsNone() {
		return ""
	}
	return stars
}

// Format writes stars for every verb.
func (s Secret) Format(f fmt.State, _ rune) { io.WriteString(f, s.String()) }

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText returns stars, for JSON, YAML and similar formats.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
