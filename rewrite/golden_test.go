package rewrite

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden messages anew")

// goldenLimit keeps golden messages readable: profiles have 9,900.
const goldenLimit = 200

// everything has all fixes on, and those for refused messages.
var everything = Options{
	LongLines: LongLinesRecode, LineLimit: goldenLimit, ReadReceipt: ReadReceiptAll, Uses: UsesAt, Stage: StageShed,
}

// onlyAt has one fix on, at every stage.
func onlyAt(set func(*Uses)) Options {
	o := Options{LineLimit: goldenLimit}
	set(&o.Uses)
	return o
}

// goldenOptions has the options for a golden message by the first word of its
// name.
var goldenOptions = map[string]Options{
	"clean":       everything,
	"kept":        {LongLines: LongLinesRecode, LineLimit: goldenLimit, ReadReceipt: ReadReceiptAll},
	"recode":      {LongLines: LongLinesRecode, LineLimit: goldenLimit},
	"wrap":        {LongLines: LongLinesWrap, LineLimit: goldenLimit},
	"receipt":     {ReadReceipt: ReadReceiptAll},
	"both":        {LongLines: LongLinesRecode, LineLimit: goldenLimit, ReadReceipt: ReadReceiptAll},
	"ends":        onlyAt(func(u *Uses) { u.LineEndings = Always }),
	"nul":         onlyAt(func(u *Uses) { u.NULBytes = Always }),
	"header":      onlyAt(func(u *Uses) { u.LongHeaders = Always }),
	"eightbit":    onlyAt(func(u *Uses) { u.EightBit = Always }),
	"words":       onlyAt(func(u *Uses) { u.EncodedWords = Always }),
	"references":  onlyAt(func(u *Uses) { u.References = Always }),
	"subject":     onlyAt(func(u *Uses) { u.Subject = Always }),
	"addresses":   onlyAt(func(u *Uses) { u.Addresses = Always }),
	"filenames":   onlyAt(func(u *Uses) { u.FileNames = Always }),
	"attachments": onlyAt(func(u *Uses) { u.Attachments = Always }),
	"nesting":     onlyAt(func(u *Uses) { u.Nesting = Always }),
	"appledouble": onlyAt(func(u *Uses) { u.AppleDouble = Always }),
	"partial":     onlyAt(func(u *Uses) { u.Partial = Always }),
	"broken":      onlyAt(func(u *Uses) { u.BrokenEncoding = Always }),
	"received":    onlyAt(func(u *Uses) { u.ReceivedDate = Always }),
	"rules":       {HeaderRules: []HeaderRule{{"Subject", regexp.MustCompile(`^ \[SPAM\] *`), " "}, {"X-Old", regexp.MustCompile(`(\w+)@old\.example`), "$1@new.example"}}},
	"detach":      {Oversize: OversizeDetach, SizeLimit: 20_000, Note: noteOfFile + "\n\nAsk postmaster@example.org for it."},
	"envelope":    {Stage: StageEnvelope, LineLimit: goldenLimit},
	"left":        {LongLines: LongLinesRecode, LineLimit: goldenLimit, Signed: SignedLeave, Uses: UsesAt, Stage: StageRefused},
	"mixed":       everything,
}

// TestGolden compares what becomes of NAME.in.eml with NAME.out.eml; without
// the latter the message must leave as it came.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("../testdata/messages/*.in.eml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden messages: %v", err)
	}
	shown := map[string]bool{} // the fixes that change a golden message
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
			got, plan, err := rewriteBytes(t, message, o)
			if err != nil {
				t.Fatal(err)
			}
			for _, fix := range plan.Report().Fixes {
				shown[fix.Name] = true
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
			if err != nil || p.HasChanged() || !bytes.Equal(off, message) {
				t.Errorf("changed with all fixes off: %v", err)
			}
		})
	}
	for _, name := range FixNames() {
		if !shown[name] {
			t.Errorf("no golden message shows %s", name)
		}
	}
}
