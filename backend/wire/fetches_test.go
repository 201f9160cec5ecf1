package wire

import (
	"strings"
	"testing"
)

func TestFetches(t *testing.T) {
	const flags = "* 12 FETCH (UID 7 FLAGS (\\Seen))\r\n"
	const texts = "* 14 FETCH (BODY[HEADER] {4}\r\nA: b)\r\n" + "* 14 FETCH (BODY[HEADER] {4}\r\nA: b)\r\n"
	for name, tt := range map[string]struct {
		in, run string
		highest uint32
		isTidy  bool
	}{
		"one":             {flags, flags, 12, true},
		"until the reply": {flags + "* 9 FETCH (UID 4)\r\n" + "a1 OK\r\n", flags + "* 9 FETCH (UID 4)\r\n", 12, true},
		"until a literal": {flags + "* 13 FETCH (BODY[] {2}\r\nab)\r\n", flags, 12, true},
		"until EXPUNGE":   {flags + "* 1 EXPUNGE\r\n", flags, 12, true},
		"until the end":   {flags + flags[:12], flags, 12, true},
		"bare LF":         {"* 3 FETCH (UID 4)\n", "* 3 FETCH (UID 4)\n", 3, true},
		"a literal alone": {"* 3 FETCH (BODY[] {0}\n)\n", "", 0, true},
		"texts":           {texts, texts, 14, true},
		"an empty text":   {"* 3 FETCH (BODY[] {0}\r\n)\r\n", "* 3 FETCH (BODY[] {0}\r\n)\r\n", 3, true},
		"until a line":    {texts + flags, texts, 14, true},
		"until a part":    {texts + texts[:len(texts)-1], texts + texts[:len(texts)/2], 14, true},
		"of other length": {texts + "* 15 FETCH (BODY[] {2}\r\nabc)\r\n" + texts, texts, 14, true},
		"items behind":    {texts + "* 15 FETCH (BODY[] {2}\r\nab UID 5)\r\n" + texts, texts, 14, true},
		"no text":         {texts + "* 15 FETCH (ENVELOPE {2}\r\nab)\r\n" + texts, texts, 14, true},
		"binary":          {texts + "* 15 FETCH (BINARY[1] ~{2}\r\nab)\r\n" + texts, texts, 14, true},
		"blanks in one":   {"* 1 FETCH (UID  3 BODY[] {2}\r\nab)\r\n", "* 1 FETCH (UID  3 BODY[] {2}\r\nab)\r\n", 1, false},
		"blanks in text":  {"* 1 FETCH (BODY[] {4}\r\na  b)\r\n", "* 1 FETCH (BODY[] {4}\r\na  b)\r\n", 1, true},
		"no number":       {"* 0 FETCH (UID 4)\r\n", "", 0, true},
		"a large number":  {"* 99999999999 FETCH (UID 4)\r\n", "", 0, true},
		"a blank before":  {" " + flags, "", 0, true},
		"two blanks":      {"* 3 FETCH (UID  4)\r\n", "* 3 FETCH (UID  4)\r\n", 3, false},
		"a blank behind":  {"* 3 FETCH (UID 4) \r\n", "* 3 FETCH (UID 4) \r\n", 3, false},
		"blanks inside":   {"* 3 FETCH ( UID 4 )\n", "* 3 FETCH ( UID 4 )\n", 3, false},
	} {
		r := NewResponseReader(strings.NewReader(tt.in))
		if err := r.Fill(); err != nil {
			t.Fatal(err)
		}
		run := r.Fetches()
		if string(run.Data) != tt.run || run.Highest != tt.highest || run.IsTidy() != tt.isTidy {
			t.Errorf("%s: %q, %d, %t", name, run.Data, run.Highest, run.IsTidy())
		}
		r.TakeFetches(run)
		if f, ok := r.Scan(); ok && !strings.HasPrefix(tt.in[len(tt.run):], string(f.Data)) {
			t.Errorf("%s: then %q", name, f.Data)
		}
		r.Release()
	}
}
