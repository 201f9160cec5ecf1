package backend

import (
	"fmt"
	"io"
	"log/slog"
)

// Secret is a password, a token or a client secret. However it is printed,
// stars show; string(s) is the secret itself.
type Secret string

const stars = "***"

// String shows stars, or nothing for no secret.
func (s Secret) String() string {
	if s == "" {
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
