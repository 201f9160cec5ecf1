package rewrite

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden messages anew")

// goldenLimit keeps golden messages readable: profiles have 9,900.
const goldenLimit = 200

// goldenOptions has the options for a golden message by the first word of its
// name.
var goldenOptions = map[string]Options{
	"clean":   {LongLines: LongLinesRecode, LineLimit: goldenLimit, ReadReceipt: ReadReceiptAll},
	"recode":  {LongLines: LongLinesRecode, LineLimit: goldenLimit},
	"wrap":    {LongLines: LongLinesWrap, LineLimit: goldenLimit},
	"receipt": {ReadReceipt: ReadReceiptAll},
	"both":    {LongLines: LongLinesRecode, LineLimit: goldenLimit, ReadReceipt: ReadReceiptAll},
}

// TestGolden compares what becomes of NAME.in.eml with NAME.out.eml; without
// the latter the message must leave as it came.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("../testdata/messages/*.in.eml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden messages: %v", err)
	}
	for _, in := range files {
		name := strings.TrimSuffix(filepath.Base(in), ".in.eml")
		t.Run(name, func(t *testing.T) {
			word, _, _ := strings.Cut(name, "-")
			o, ok := goldenOptions[word]
			if !ok {
				t.Fatalf("no options for %q: see testdata/messages/README.md", word)
			}
			message, err := os.ReadFile(in)
			if err != nil {
				t.Fatal(err)
			}
			got, _, err := rewriteBytes(t, message, o)
			if err != nil {
				t.Fatal(err)
			}
			out := strings.TrimSuffix(in, ".in.eml") + ".out.eml"
			if *update && !bytes.Equal(got, message) {
				if err := os.WriteFile(out, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(out)
			if os.IsNotExist(err) {
				want, err = message, nil
			}
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			checkContract(t, message, o)

			// A fix that is off, or that does not apply, changes nothing.
			off, p, err := rewriteBytes(t, message, Options{ReadReceipt: ReadReceiptSeen})
			if err != nil || p.Changed() || !bytes.Equal(off, message) {
				t.Errorf("changed with all fixes off: %v", err)
			}
		})
	}
}
