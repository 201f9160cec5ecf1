package rewrite

import (
	"bytes"
	"encoding/base64"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"golang.org/x/text/transform"
)

// Labels that programs write, and the names that others know them by.
func TestSpellings(t *testing.T) {
	for label, want := range map[string]string{
		"cp932": "shift_jis", "CP949": "ks_c_5601-1987", "cp950": "big5", "windows936": "gbk", "cp874": "windows-874",
		"eucjp": "euc-jp", "EUC_JP": "euc-jp",
		"koi8r": "koi8-r", "iso-2022-jp-ms": "iso-2022-jp", "cp50220": "iso-2022-jp", "cp50221": "iso-2022-jp",
		"cp50222":  "iso-2022-jp",
		"win-1250": "windows-1250", "win1251": "windows-1251", "Windows_1252": "windows-1252", "cp-1253": "windows-1253",
		"ansi-1254": "windows-1254",
		"latin-1":   "iso-8859-1", "latin_9": "iso-8859-15", "iso8859_1": "iso-8859-1", "iso8859_15": "iso-8859-15",
		"8859_2": "iso-8859-2", "ISO 8859-1": "iso-8859-1",
		"utf_8": "utf-8", "UTF 8": "utf-8", "utf7": "utf-7", "unicode-1-1-utf-7": "utf-7", "dos-850": "ibm850",
		"cp857": "", "ansi-x3.4-1968": "us-ascii",
		"iso-8859-2*sl": "iso-8859-2",
		"134":           "gb2312", "gb2312-80": "gb2312", "GB18030-2000": "gb18030", "sjis-win": "shift_jis", "204": "windows-1251",
		"ms932": "shift_jis", "big5hkscs": "big5-hkscs", "130": "johab", "ibm-1252": "windows-1252", "65001": "utf-8",
		"28591": "iso-8859-1", "28605": "iso-8859-15", "28600": "", "UTF32": "utf-32", "utf_32le": "utf-32le",
		"_iso-2022-jp$ESC": "iso-2022-jp", "x-tis-620": "windows-874", "dos-862": "ibm862", "cp-850": "ibm850",
		"ks_c_5601": "ks_c_5601-1987", "866": "ibm866", "x-x-big5": "big5", "sun_eu_greek": "iso-8859-7",
		// Those that are registered stay.
		"cp1252": "cp1252", "koi8-r": "koi8-r", "iso-8859-1": "iso-8859-1", "UTF-8": "utf-8",
		"ks_c_5601-1987": "ks_c_5601-1987", "cp866": "cp866", "iso-2022-kr": "iso-2022-kr",
		// Nobody knows these.
		"teletex": "", "x-unknown": "", "unknown-8bit": "", "default": "", "x-user-defined": "", "": "", "iso-8859-17": "",
		strings.Repeat("x", 100): "",
	} {
		if name, _, known := findCharset(label); known != (want != "") || known && name != want {
			t.Errorf("%.40q: %q, %t, want %q", label, name, known, want)
		}
	}
	for spelling, name := range spellings {
		if _, known := registered(name); !known {
			t.Errorf("%q stands for %q, which nobody knows", spelling, name)
		}
		if noLetters.ReplaceAllString(spelling, "") != spelling {
			t.Errorf("%q is never found", spelling)
		}
	}
}

func TestDecodeCharset(t *testing.T) {
	for _, test := range []struct {
		label, bytes, want string
		ok                 bool
	}{
		{"cp932", "\x93\xfa\x96\x7b", "日本", true},
		{"cp949", "\xb0\xa1\x81\x41", "가갂", true},
		{"win-1251", "\xcf\xf0\xe8\xe2\xe5\xf2", "Привет", true},
		{"iso-2022-jp-ms", "\x1b$BF|K\\\x1b(B", "日本", true},
		{"iso-2022-kr", "\x1b$)C\x0e0!\x0f a", "가 a", true},
		{"iso-2022-kr", "\x0e0! 3*\x0f!", "가 나!", true},
		{"utf_8", "\xc3\xa4", "ä", true},
		{"134", "\xc4\xe3", "你", true},
		{"utf-32", "\x00\x00\x00\xe4\x00\x01\xf6\x00", "ä😀", true},
		{"utf-32", "\xff\xfe\x00\x00\xe4\x00\x00\x00", "ä", true},
		{"utf-32le", "\xe4\x00\x00\x00", "ä", true},
		{"utf-32be", "\x00\x00\x00\xe4", "ä", true},
		{"utf-8", "\xe4", "\uFFFD", false},
		{"us-ascii", "\xe4", "ä", false},
		{"x-nobody", "\xe4", "ä", false},
		{"utf-7", "M+APw-nchen, Gr+APYA3w-e +- 1+", "München, Größe + 1+", true},
	} {
		if got, ok := decodeCharset([]byte(test.bytes), test.label); got != test.want || ok != test.ok {
			t.Errorf("%s %q: %q, %t, want %q, %t", test.label, test.bytes, got, ok, test.want, test.ok)
		}
	}
}

// The examples of RFC 2152, and what is not well formed.
func TestUTF7(t *testing.T) {
	for text, want := range map[string]string{
		"A+ImIDkQ.":         "A≢Α.",
		"Hi Mom -+Jjo--!":   "Hi Mom -☺-!",
		"+ZeVnLIqe-":        "日本語",
		"Item 3 is +AKM-1.": "Item 3 is £1.",
		"+2D3eAA-!":         "😀!",
		"":                  "", "+": "+", "+-": "+", "+-+-": "++", "a+!b": "a+!b", "+AGE": "a", "+AGE ": "a ", "-": "-",
		"\xe4": "\uFFFD", "+2D0-": "\uFFFD", "+3gA-": "\uFFFD", "+2D0AYQ-": "\uFFFDa", "+AGE\r\n+AGI-\r\n": "a\r\nb\r\n",
	} {
		read := func() io.Reader { return transform.NewReader(strings.NewReader(text), new(utf7)) }
		got, err := io.ReadAll(read())
		if err != nil || string(got) != want {
			t.Errorf("%q: %q, %v, want %q", text, got, err, want)
		}
		if err := iotest.TestReader(progressing{read()}, []byte(want)); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
	// Nothing depends on where the reader's buffer ends.
	for lead := 4085; lead < 4100; lead++ {
		text := strings.Repeat("x", lead) + "+2D3eAGXlZyyKng- +-" + strings.Repeat("y", 5000)
		got, err := io.ReadAll(transform.NewReader(strings.NewReader(text), new(utf7)))
		if want := strings.Repeat("x", lead) + "😀日本\u8caa +" + strings.Repeat("y", 5000); err != nil ||
			len(got) != len(want) {
			t.Errorf("%d: %d bytes, %v, want %d", lead, len(got), err, len(want))
		}
	}
}

// A text in UTF-7 becomes UTF-8, in each encoding.
func TestUTF7Text(t *testing.T) {
	const text, want = "Gr+APYA3w-e\r\n+AKM-1\r\n", "Größe\r\n£1\r\n"
	for encoding, body := range map[string]string{
		"": text, "7bit": text, "quoted-printable": "Gr=2BAPYA3w-=\r\ne\r\n+AKM-1\r\n",
		"base64": base64.StdEncoding.EncodeToString([]byte(text)),
	} {
		message := "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-7\r\nContent-Transfer-Encoding: " +
			encoding + "\r\n\r\n" + body
		out, _, err := rewriteBytes(t, []byte(message), Options{Uses: UsesAt, Stage: StageRefused})
		if err != nil {
			t.Fatal(err)
		}
		bodies, err := readBodies(out)
		if err != nil || len(bodies) != 1 || string(bodies[0].content) != want || bodies[0].charset != "utf-8" {
			t.Errorf("%q: %q, %v", encoding, out, err)
		}
		if again, _, err := rewriteBytes(t, out, Options{Uses: UsesAt, Stage: StageRefused}); err != nil ||
			!bytes.Equal(again, out) {
			t.Errorf("%q: twice is not once: %q, %v", encoding, again, err)
		}
	}
}
