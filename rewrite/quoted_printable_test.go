package rewrite

import "testing"

// literals is held to its meaning for each byte, in each place of a word.
func TestLiterals(t *testing.T) {
	for c := range 256 {
		for at := range 17 {
			b := []byte("abcdefgh~ !ijklmn")
			b[at] = byte(c)
			want := len(b)
			if plain := c >= ' ' && c <= '~' && c != '=' || c == '\t'; !plain {
				want = at
			}
			for most := range len(b) + 1 {
				if got := literals(b, most); got != min(want, most) {
					t.Fatalf("byte %#x in place %d, %d at most: %d, want %d", c, at, most, got, min(want, most))
				}
			}
		}
	}
}
