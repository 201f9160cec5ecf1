package capability

import (
	"slices"
	"strings"
	"testing"
)

func TestMemory(t *testing.T) {
	own := []string{"IMAP4rev1", "ID"}
	many := make([]string, 200)
	for i := range many {
		many[i] = "X-" + strings.Repeat("a", 14)
	}
	for name, tt := range map[string]struct{ offered, want []string }{
		"none":             {nil, nil},
		"own ones":         {[]string{"imap4REV1", "id"}, nil},
		"others, in order": {[]string{"IMAP4rev1", "UIDPLUS", "ID", "IDLE"}, []string{"UIDPLUS", "IDLE"}},
		"no atoms":         {[]string{"X]", "X(", "X\"", "X\x01", "IDLE"}, []string{"IDLE"}},
		"too many":         {many, many[:64]},
	} {
		t.Run(name, func(t *testing.T) {
			var m Memory
			m.Keep([]string{"STALE"})
			m.Keep(tt.offered)
			if got := m.Beside(own); !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	if got := new(Memory).Beside(own); got != nil {
		t.Errorf("the zero value has %q", got)
	}
}
