package rewrite

import (
	"mime"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzField holds what reads the values of fields to what must hold for any.
func FuzzField(f *testing.F) {
	for _, seed := range []string{
		"", `a/b; name="x;y\"z"; filename*0*=utf-8''%C3%A4; filename*1=b`, `J\x20 "a, b" <c@d>, (e (f)) g@h; i:`,
		"=?utf-8?Q?a_b?= =?utf-8?B?w6Q=?= =?TELETEX?Q?x?=", "word  word\t" + strings.Repeat("x", 200), "gr\xc3\xbc\xc3\x9fe \xfc <", `"unclosed`, "a;b*=;=c;*=d",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if strings.ContainsAny(value, "\r\n\x00") {
			return // which no unfolded value has
		}
		head, params := parseParams(value)
		again, same := parseParams(joinParams(head, params))
		if again != head || len(same) != len(params) {
			t.Errorf("%q: %q and %d parameters became %q and %d", value, head, len(params), again, len(same))
		}
		var joined strings.Builder
		for _, token := range addressTokens(value) {
			if token.text == "" {
				t.Fatalf("%q: an empty token", value)
			}
			joined.WriteString(token.text)
		}
		if joined.String() != value {
			t.Errorf("%q: the tokens are %q", value, joined.String())
		}
		if got := unfold(strings.TrimPrefix(fold("X", value), "X:")); got != value {
			t.Errorf("%q: folded and unfolded it is %q", value, got)
		}
		text := toUTF8(value, "")
		if !utf8.ValidString(text) {
			t.Errorf("%q: %q is no UTF-8", value, text)
		}
		words := encodeText(text, 20)
		if got := decodeText(words); got != text {
			t.Errorf("%q: encoded %q, decoded %q", text, words, got)
		}
		if got, err := new(mime.WordDecoder).DecodeHeader(words); err != nil || got != text {
			t.Errorf("%q: the library decodes %q as %q, %v", text, words, got, err)
		}
		field := &field{name: "X-Note", header: &header{limit: 998}}
		if encoded := eightBitWords(field, value, ""); has8bit([]byte(encoded)) {
			t.Errorf("%q: %q", value, encoded)
		}
		encoded, broken := eightBitAddresses(field, value, "")
		if has8bit([]byte(encoded)) || encoded == "" && len(broken) == 0 && strings.Trim(value, " \t,;:") != "" {
			t.Errorf("%q as addresses: %q, broken are %q", value, encoded, broken)
		}
		if !has8bit([]byte(value)) && len(broken) > 0 {
			t.Errorf("%q as addresses: broken are %q", value, broken)
		}
		if encoded := eightBitParams(value, ""); has8bit([]byte(encoded)) {
			t.Errorf("%q as parameters: %q", value, encoded)
		}
	})
}

// TestOnlyTheLastWordIsPadded: GMime 3.2.13 reads no word behind a padded one of the same
// charset.
func TestOnlyTheLastWordIsPadded(t *testing.T) {
	texts := []string{"A" + strings.Repeat("語", 70), "2026" + strings.Repeat("年", 70), "🎉" + strings.Repeat("語", 70)}
	for _, letters := range []string{"ä", "aä", "語", "a語", "🎉", "🎉ä語"} {
		texts = append(texts, strings.Repeat(letters, 70))
	}
	for _, letters := range texts {
		for behind := range 60 {
			words := strings.Fields(encodeText(letters, behind))
			decoded, err := new(mime.WordDecoder).DecodeHeader(strings.Join(words, " "))
			if len(words) < 3 || !strings.Contains(strings.Join(words[:3], " "), "=?utf-8?B?") || err != nil || decoded != letters {
				t.Fatalf("%s: %q, %v", letters, words, err)
			}
			for _, word := range words[:len(words)-1] {
				if strings.HasPrefix(word, "=?utf-8?B?") && strings.HasSuffix(word, "=?=") || len(word) > maxWord {
					t.Errorf("%s behind %d bytes: %q", letters, behind, word)
				}
			}
		}
	}
}

func TestFormatParam(t *testing.T) {
	for _, value := range []string{"", "a.pdf", `a"b\c`, "ü.pdf", strings.Repeat("x", 300), strings.Repeat("ü€😀", 100), "a;b", "%41"} {
		raw := formatParam("filename", value)
		_, params, err := mime.ParseMediaType("attachment;" + raw)
		if err != nil || params["filename"] != value {
			t.Errorf("%q: the library reads %q as %q, %v", value, raw, params["filename"], err)
		}
		_, own := parseParams("attachment;" + raw)
		if len(own) != 1 || own[0].value != value {
			t.Errorf("%q: %q is read as %+v", value, raw, own)
		}
		if longest := longestLine(fold("Content-Disposition", " attachment;"+raw)); longest > 78+20 {
			t.Errorf("%q: a line of %d bytes", value, longest)
		}
	}
}

// What folds a list of tags adds blanks only, and none within a name.
func TestFoldTags(t *testing.T) {
	for _, list := range []string{
		"v=1;a=rsa-sha256;h=" + strings.Repeat("from:to:subject:", 100) + "date;bh=" + strings.Repeat("Qm", 20) + "=;b=" +
			strings.Repeat("Rm/+", 200) + "==",
		"b=" + strings.Repeat("x", 73) + ";bh=" + strings.Repeat("y", 76), strings.Repeat("Qm", 500) + ";d=example.org",
		strings.Repeat("a;", 1000),
		"z=" + strings.Repeat("Subject:=20x|", 100), "d=" + strings.Repeat("x", 500), ";;", "",
	} {
		folded := foldTags(list)
		if got := strings.ReplaceAll(folded, " ", ""); got != list {
			t.Errorf("%q became %q", list, got)
		}
		for _, word := range strings.Fields(folded) {
			if len(word) > foldWidth && !strings.HasPrefix(word, "d=") {
				t.Errorf("%q has %q, of %d bytes", list, word, len(word))
			}
		}
		for tag := range strings.SplitSeq(list, ";") {
			if name, _, ok := strings.Cut(tag, "="); ok && !strings.Contains(folded, name+"=") {
				t.Errorf("%q: %q is cut in %q", list, name, folded)
			}
		}
	}
}
