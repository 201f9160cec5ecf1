package replies

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"exgate/backend/wire"
	"exgate/proxy/testkit"
)

// repaired reads responses from src and returns them edited, and the number
// of repairs.
func repaired(src io.Reader) (out string, fixed int) {
	r := wire.NewResponseReader(src)
	defer r.Release()
	var b strings.Builder
	var e structureEditor
	for {
		for f, ok := r.Scan(); ok; f, ok = r.Scan() {
			text, _ := e.edit(f)
			b.Write(text)
			if f.Last {
				fixed += e.repairs
				e.reset()
			}
		}
		if r.Fill() != nil {
			return b.String(), fixed + e.repairs
		}
	}
}

var structures = []struct{ name, in, want string }{ // want "": unchanged
	{"no structure", "* 1 FETCH (FLAGS (\\Seen) UID 7)\r\n", ""},
	{"a string for the name of an item", "* 1 FETCH (\"a\"b\" 7 RFC822.SIZE -1)\r\n", ""},
	{"a list for the name of an item", "* 1 FETCH ((\"a\"b\") 7 RFC822.SIZE -1)\r\n", ""},
	{"a literal without its end", "* 1 FETCH (BODYSTRUCTURE {9223372036854775807\r\n", ""},
	{"header fields", "* 1 FETCH (BODY[HEADER.FIELDS (A \"B)\")] {4}\r\n) \")\r\n UID 7)\r\n", ""},
	{"single part", "* 1 FETCH (BODYSTRUCTURE " + testkit.TextPart + ` NIL ("inline" NIL) NIL NIL) UID 7)` + "\r\n", ""},
	{"not extended", "* 1 FETCH (BODY (" + testkit.TextPart + ")" + testkit.TextPart + `) "mixed"))` + "\r\n", ""},
	{"not extended, dsp's place", "* 1 FETCH (BODY " + testkit.TextPart + "))\r\n", ""},
	{"envelope", "* 1 FETCH (ENVELOPE " + testkit.Envelope + ")\r\n", ""},
	{"bare in text", "* 1 FETCH (BODYSTRUCTURE " + testkit.TextPart + ` NIL "inline" NIL NIL) UID 7)` + "\r\n",
		"* 1 FETCH (BODYSTRUCTURE " + testkit.TextPart + ` NIL ("inline" NIL) NIL NIL) UID 7)` + "\r\n"},
	{"bare at the end", "* 1 FETCH (BODYSTRUCTURE " + testkit.TextPart + ` NIL "inline"))` + "\r\n",
		"* 1 FETCH (BODYSTRUCTURE " + testkit.TextPart + ` NIL ("inline" NIL)))` + "\r\n"},
	{"bare in an application", `* 1 FETCH (bodystructure ("application" "pdf" NIL NIL NIL "base64" 9 NIL "attachment" ` +
		`NIL NIL))` + "\r\n",
		`* 1 FETCH (bodystructure ("application" "pdf" NIL NIL NIL "base64" 9 NIL ("attachment" NIL) NIL NIL))` + "\r\n"},
	{"bare literal", "* 1 FETCH (BODYSTRUCTURE (\"image\" \"png\" NIL NIL NIL \"base64\" 9 NIL {6}\r\ninline NIL " +
		"NIL))\r\n",
		"* 1 FETCH (BODYSTRUCTURE (\"image\" \"png\" NIL NIL NIL \"base64\" 9 NIL ({6}\r\ninline NIL) NIL NIL))\r\n"},
	{"literals elsewhere", "* 1 FETCH (BODYSTRUCTURE (\"image\" \"png\" (\"name\" {7}\r\na(b\".pn) NIL {3}\r\nd)e " +
		"\"base64\" 9 NIL \"inline\" NIL NIL) FLAGS ())\r\n",
		"* 1 FETCH (BODYSTRUCTURE (\"image\" \"png\" (\"name\" {7}\r\na(b\".pn) NIL {3}\r\nd)e \"base64\" 9 NIL " +
			"(\"inline\" NIL) NIL NIL) FLAGS ())\r\n"},
	{"multipart, no disposition", "* 1 FETCH (BODYSTRUCTURE (" + testkit.TextPart +
		` NIL NIL NIL NIL) "mixed" ("boundary" "x") "S/MIME Encrypted Message" NIL NIL))` + "\r\n",
		"* 1 FETCH (BODYSTRUCTURE (" + testkit.TextPart + ` NIL NIL NIL NIL) "mixed" ("boundary" "x") NIL NIL NIL))` +
			"\r\n"},
	{"multipart in multipart", "* 1 FETCH (UID 3 BODYSTRUCTURE ((" + testkit.TextPart + ` NIL "inline" NIL NIL)` +
		testkit.TextPart + ` NIL NIL NIL NIL) "alternative" NIL "inline" NIL NIL)("a" "b" NIL NIL NIL "7bit" 1 NIL ` +
		`"attachment" NIL NIL) "mixed" NIL NIL NIL NIL))` + "\r\n",
		"* 1 FETCH (UID 3 BODYSTRUCTURE ((" + testkit.TextPart + ` NIL ("inline" NIL) NIL NIL)` + testkit.TextPart +
			` NIL NIL NIL NIL) "alternative" NIL ("inline" NIL) NIL NIL)("a" "b" NIL NIL NIL "7bit" 1 NIL ("attachment" ` +
			`NIL) NIL NIL) "mixed" NIL NIL NIL NIL))` + "\r\n"},
	{"attached message", `* 1 FETCH (BODYSTRUCTURE ("message" "rfc822" NIL NIL NIL "7bit" 100 ` + testkit.Envelope +
		" " + testkit.TextPart + ` NIL "inline" NIL NIL) 9 NIL "attachment" NIL NIL))` + "\r\n",
		`* 1 FETCH (BODYSTRUCTURE ("message" "rfc822" NIL NIL NIL "7bit" 100 ` + testkit.Envelope + " " +
			testkit.TextPart + ` NIL ("inline" NIL) NIL NIL) 9 NIL ("attachment" NIL) NIL NIL))` + "\r\n"},
	{"attached message without a structure", `* 1 FETCH (BODYSTRUCTURE ("message" "rfc822" NIL NIL NIL "7bit" 100 NIL ` +
		`"attachment" NIL NIL))` + "\r\n",
		`* 1 FETCH (BODYSTRUCTURE ("message" "rfc822" NIL NIL NIL "7bit" 100 NIL ("attachment" NIL) NIL NIL))` + "\r\n"},
	{"blank between addresses", `* 1 FETCH (ENVELOPE (NIL "x" (("a" NIL "b" "c") ("d" NIL "e" "f")) NIL NIL NIL NIL ` +
		`NIL NIL NIL))` + "\r\n",
		`* 1 FETCH (ENVELOPE (NIL "x" (("a" NIL "b" "c")("d" NIL "e" "f")) NIL NIL NIL NIL NIL NIL NIL))` + "\r\n"},
	{"blank between addresses of an attached message", `* 1 FETCH (BODYSTRUCTURE ("message" "rfc822" NIL NIL NIL ` +
		`"7bit" 100 (NIL NIL NIL NIL NIL (("a" NIL "b" "c") ("d" NIL "e" "f")) NIL NIL NIL NIL) ` + testkit.TextPart +
		`) 9))` + "\r\n",
		`* 1 FETCH (BODYSTRUCTURE ("message" "rfc822" NIL NIL NIL "7bit" 100 (NIL NIL NIL NIL NIL (("a" NIL "b" "c")("d" ` +
			`NIL "e" "f")) NIL NIL NIL NIL) ` + testkit.TextPart + `) 9))` + "\r\n"},
	{"encoding", `* 1 FETCH (BODYSTRUCTURE ("text" "plain" NIL NIL NIL NIL 12 1 NIL NIL NIL NIL))` + "\r\n",
		`* 1 FETCH (BODYSTRUCTURE ("text" "plain" NIL NIL NIL "7BIT" 12 1 NIL NIL NIL NIL))` + "\r\n"},
	{"type is a literal", "* 1 FETCH (BODYSTRUCTURE ({4}\r\ntext \"plain\" NIL NIL NIL \"7bit\" 12 1 \"x\" \"y\" NIL " +
		"NIL))\r\n", ""},
	{"never ends", "* 1 FETCH (BODYSTRUCTURE ((((\r\n", ""},
	{"ends in a string", "* 1 FETCH (BODYSTRUCTURE (\"a\" \"b\" NIL NIL NIL \"7bit\" 1 NIL \"inli\r\n", ""},
	{"too many ends", "* 1 FETCH (BODYSTRUCTURE NIL))))) \"inline\"\r\n", ""},
	{"no list", "* 1 FETCH\r\n", ""},
	{"nothing to say", "* 1 FETCH ()\r\n", ""},
	{"very deep", "* 1 FETCH (BODYSTRUCTURE " + strings.Repeat("(", 500) + strings.Repeat(")", 500) + ")\r\n", ""},
	{"description of quotes", `* 1 FETCH (BODY ("a" "b" NIL NIL """" "7bit" 9))` + "\r\n",
		`* 1 FETCH (BODY ("a" "b" NIL NIL "\"\"" "7bit" 9))` + "\r\n"},
	{"name with a quote", `* 1 FETCH (ENVELOPE (NIL "x" (("a"b" NIL "c" "d")) NIL NIL NIL NIL NIL NIL NIL))` + "\r\n",
		`* 1 FETCH (ENVELOPE (NIL "x" (("a\"b" NIL "c" "d")) NIL NIL NIL NIL NIL NIL NIL))` + "\r\n"},
	{"envelope without its last field", `* 1 FETCH (ENVELOPE (NIL "x" NIL NIL NIL NIL NIL NIL NIL))` + "\r\n",
		`* 1 FETCH (ENVELOPE (NIL "x" NIL NIL NIL NIL NIL NIL NIL NIL))` + "\r\n"},
	{"empty lists of addresses", `* 1 FETCH (ENVELOPE (NIL "x" () () (NIL) (NIL ("a" NIL "b" "c")) () () "" ""))` + "\r\n",
		`* 1 FETCH (ENVELOPE (NIL "x" NIL NIL NIL (("a" NIL "b" "c")) NIL NIL "" ""))` + "\r\n"},
	{"size of -1", `* 1 FETCH (RFC822.SIZE -1 BODYSTRUCTURE ("a" "b" NIL NIL NIL "7bit" -1 NIL NIL NIL NIL))` + "\r\n",
		`* 1 FETCH (RFC822.SIZE 0 BODYSTRUCTURE ("a" "b" NIL NIL NIL "7bit" 0 NIL NIL NIL NIL))` + "\r\n"},
	{"size of NIL", `* 1 FETCH (BODYSTRUCTURE ("a" "b" NIL NIL NIL "7bit" NIL NIL NIL NIL NIL))` + "\r\n",
		`* 1 FETCH (BODYSTRUCTURE ("a" "b" NIL NIL NIL "7bit" 0 NIL NIL NIL NIL))` + "\r\n"},
	{"lines of -1", `* 1 FETCH (BODY ("text" "plain" NIL NIL NIL "7bit" 3 -1))` + "\r\n",
		`* 1 FETCH (BODY ("text" "plain" NIL NIL NIL "7bit" 3 0))` + "\r\n"},
	{"lines of -1 of an attached message", `* 1 FETCH (BODY ("message" "rfc822" NIL NIL NIL "7bit" 100 ` +
		testkit.Envelope + " " + testkit.TextPart + ") -1))\r\n",
		`* 1 FETCH (BODY ("message" "rfc822" NIL NIL NIL "7bit" 100 ` + testkit.Envelope + " " + testkit.TextPart +
			") 0))\r\n"},
	{"disposition of NILs", "* 1 FETCH (BODYSTRUCTURE " + testkit.TextPart + " NIL (NIL NIL) NIL NIL))\r\n",
		"* 1 FETCH (BODYSTRUCTURE " + testkit.TextPart + " NIL NIL NIL NIL))\r\n"},
	{"empty disposition", "* 1 FETCH (BODYSTRUCTURE " + testkit.TextPart + " NIL () NIL NIL))\r\n",
		"* 1 FETCH (BODYSTRUCTURE " + testkit.TextPart + " NIL NIL NIL NIL))\r\n"},
	{"disposition without parameters", "* 1 FETCH (BODYSTRUCTURE " + testkit.TextPart + ` NIL ("inline") NIL NIL))` + "\r\n",
		"* 1 FETCH (BODYSTRUCTURE " + testkit.TextPart + ` NIL ("inline" NIL) NIL NIL))` + "\r\n"},
	{"disposition that is an atom", "* 1 FETCH (BODYSTRUCTURE " + testkit.TextPart + " NIL inline NIL NIL))\r\n",
		"* 1 FETCH (BODYSTRUCTURE " + testkit.TextPart + ` NIL ("inline" NIL) NIL NIL))` + "\r\n"},
	{"bare parameters", "* 1 FETCH (BODYSTRUCTURE " + testkit.TextPart +
		` NIL "attachment" ("filename" "x.txt" "size" NIL) NIL NIL))` + "\r\n",
		"* 1 FETCH (BODYSTRUCTURE " + testkit.TextPart + ` NIL ("attachment" ("filename" "x.txt" "size" "")) NIL NIL))` +
			"\r\n"},
	{"bare parameters of a multipart", "* 1 FETCH (BODYSTRUCTURE (" + testkit.TextPart +
		` NIL NIL NIL NIL) "mixed" NIL "attachment" ("FileName*" "x.txt") NIL NIL))` + "\r\n",
		"* 1 FETCH (BODYSTRUCTURE (" + testkit.TextPart +
			` NIL NIL NIL NIL) "mixed" NIL ("attachment" ("FileName*" "x.txt")) NIL NIL))` + "\r\n"},
	{"languages behind a bare disposition", "* 1 FETCH (BODYSTRUCTURE " + testkit.TextPart +
		` NIL "inline" ("de" "en") NIL))` + "\r\n",
		"* 1 FETCH (BODYSTRUCTURE " + testkit.TextPart + ` NIL ("inline" NIL) ("de" "en") NIL))` + "\r\n"},
	{"part of NILs", `* 1 FETCH (BODYSTRUCTURE ((NIL NIL NIL NIL NIL "7bit" 0 NIL NIL NIL NIL)(NIL NIL NIL NIL NIL "7bit" 0 0 ` +
		`NIL NIL NIL NIL) "mixed" NIL NIL NIL NIL))` + "\r\n",
		`* 1 FETCH (BODYSTRUCTURE (("application" "octet-stream" NIL NIL NIL "7bit" 0 NIL NIL NIL NIL)("text" "plain" NIL NIL ` +
			`NIL "7bit" 0 0 NIL NIL NIL NIL) "mixed" NIL NIL NIL NIL))` + "\r\n"},
	{"multipart without parts", `* 1 FETCH (BODYSTRUCTURE ((NIL "alternative" ("boundary" "x") NIL NIL NIL)(NIL NIL) "mixed" ` +
		`NIL NIL NIL NIL))` + "\r\n",
		`* 1 FETCH (BODYSTRUCTURE (("text" "plain" NIL NIL NIL "7bit" 0 0)("text" "plain" NIL NIL NIL "7bit" 0 0) "mixed" ` +
			`NIL NIL NIL NIL))` + "\r\n"},
	{"parameter of NIL", `* 1 FETCH (BODYSTRUCTURE ("a" "b" ("name" NIL) NIL NIL "7bit" 3 NIL NIL NIL NIL))` + "\r\n",
		`* 1 FETCH (BODYSTRUCTURE ("a" "b" ("name" "") NIL NIL "7bit" 3 NIL NIL NIL NIL))` + "\r\n"},
	{"parameters without pairs", `* 1 FETCH (BODYSTRUCTURE ("a" "b" ("name") NIL NIL "7bit" 3 NIL NIL NIL NIL))` + "\r\n",
		`* 1 FETCH (BODYSTRUCTURE ("a" "b" NIL NIL NIL "7bit" 3 NIL NIL NIL NIL))` + "\r\n"},
	{"encoding that is an atom", `* 1 FETCH (BODYSTRUCTURE ("a" "b" NIL NIL NIL base64 3 NIL NIL NIL NIL))` + "\r\n",
		`* 1 FETCH (BODYSTRUCTURE ("a" "b" NIL NIL NIL "base64" 3 NIL NIL NIL NIL))` + "\r\n"},
	{"encoding with a blank", `* 1 FETCH (BODYSTRUCTURE ("a" "b" NIL NIL NIL "base64 " 3 NIL NIL NIL NIL))` + "\r\n",
		`* 1 FETCH (BODYSTRUCTURE ("a" "b" NIL NIL NIL "base64" 3 NIL NIL NIL NIL))` + "\r\n"},
	{"structure around a text", "* 1 FETCH (BODYSTRUCTURE (\"a\" \"b\" NIL NIL NIL \"7bit\" -1) BODY[TEXT] {16}\r\n(RFC822.SIZE -1) " +
		"RFC822.SIZE -1)\r\n",
		"* 1 FETCH (BODYSTRUCTURE (\"a\" \"b\" NIL NIL NIL \"7bit\" 0) BODY[TEXT] {16}\r\n(RFC822.SIZE -1) RFC822.SIZE 0)\r\n"},
	{"a long disposition", `* 1 FETCH (BODYSTRUCTURE ("a" "b" NIL NIL NIL "7bit" 1 NIL "` + strings.Repeat("x",
		900) + `" NIL))` + "\r\n",
		`* 1 FETCH (BODYSTRUCTURE ("a" "b" NIL NIL NIL "7bit" 1 NIL ("` + strings.Repeat("x", 900) + `" NIL) NIL))` + "\r\n"},
}

func TestStructure(t *testing.T) {
	for _, tt := range structures {
		t.Run(tt.name, func(t *testing.T) {
			want := tt.want
			if want == "" {
				want = tt.in
			}
			for reader, src := range map[string]io.Reader{
				"whole": strings.NewReader(tt.in), "by bytes": iotest.OneByteReader(strings.NewReader(tt.in)),
			} {
				got, fixed := repaired(src)
				if got != want || (fixed > 0) != (tt.want != "") {
					t.Errorf("%s: %d repairs\n got %q\nwant %q", reader, fixed, got, want)
				}
			}
			if twice, fixed := repaired(strings.NewReader(want)); twice != want || fixed != 0 {
				t.Errorf("once more: %d repairs, %q", fixed, twice)
			}
		})
	}
}

// A line longer than the reader's buffer comes in several fragments.
func TestStructureCutByTheBuffer(t *testing.T) {
	for n := 65400; n < 65600; n++ {
		in := `* 1 FETCH (BODYSTRUCTURE ("a" "b" ("x" "` + strings.Repeat("y", n) +
			`") NIL NIL "7bit" 1 NIL "inline" NIL NIL))` + "\r\n"
		want := strings.Replace(in, `"inline"`, `("inline" NIL)`, 1)
		if got, _ := repaired(strings.NewReader(in)); got != want {
			t.Fatalf("cut after %d: %q", n, got[len(got)-60:])
		}
	}
}

func FuzzStructure(f *testing.F) {
	for _, tt := range structures {
		f.Add(tt.in)
	}
	f.Fuzz(func(t *testing.T, in string) {
		once, fixed := repaired(strings.NewReader(in))
		if !isComplete(in) { // the editor may hold the rest
			return
		}
		if fixed == 0 && once != in {
			t.Fatalf("without a repair %q became %q", in, once)
		}
		bytewise, _ := repaired(iotest.OneByteReader(strings.NewReader(in)))
		if bytewise != once {
			t.Fatalf("%q: whole %q, by bytes %q", in, once, bytewise)
		}
		if twice, again := repaired(strings.NewReader(once)); twice != once {
			t.Fatalf("%q: once %q, twice %q (%d, %d repairs)", in, once, twice, fixed, again)
		}
	})
}

// isComplete reports whether the text ends with the end of a response.
func isComplete(text string) bool {
	r := wire.NewResponseReader(strings.NewReader(text))
	defer r.Release()
	end := 0
	for {
		for f, ok := r.Scan(); ok; f, ok = r.Scan() {
			end += len(f.Data)
		}
		if r.Fill() != nil {
			return end == len(text) && !r.IsInside()
		}
	}
}
