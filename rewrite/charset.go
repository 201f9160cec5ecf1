package rewrite

import (
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/unicode/utf32"
)

// decodable is a charset that text can be read in.
type decodable interface{ NewDecoder() *encoding.Decoder }

// undecoded are charsets that Windows knows and the library does not.
var undecoded = map[string]bool{
	"iso-2022-cn": true, "x-mac-japanese": true, "x-mac-ce": true, "x-euc-tw": true, "johab": true,
}

// findCharset returns the name by which others know the charset of a label,
// which is the label itself, in lower case, or another where that is a spelling
// of its own; and its decoder. known is true also for some that have none here.
func findCharset(label string) (name string, e decodable, known bool) {
	name = strings.ToLower(strings.TrimSpace(label))
	if e, known = registered(name); known {
		return name, e, true
	}
	if name = spelledOut(name); name == "" {
		return "", nil, false
	}
	e, known = registered(name)
	return name, e, known
}

// registered looks up a name of the IANA's registry or of the WHATWG's.
func registered(name string) (e decodable, known bool) {
	switch name {
	case "us-ascii", "ascii", "utf-8", "utf8":
		return nil, true
	case "utf-7":
		return utf7Encoding{}, true
	case "iso-2022-kr":
		return iso2022KR{}, true
	case "utf-32":
		return utf32.UTF32(utf32.BigEndian, utf32.UseBOM), true
	case "utf-32be":
		return utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM), true
	case "utf-32le":
		return utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM), true
	case "x-user-defined", "replacement": // of browsers, for what is no text
		return nil, false
	case "ms932", "866", "dos-874", "iso885911", "x-x-big5", "sun_eu_greek", "unicode11utf8", "unicode20utf8",
		"x-unicode20utf8": // of browsers: neither the IANA nor Windows has these names
		return nil, false
	}
	if e, err := ianaindex.IANA.Encoding(name); err == nil && e != nil {
		return e, true
	}
	if e, err := htmlindex.Get(name); err == nil && e != encoding.Replacement {
		return e, true
	}
	return nil, undecoded[name]
}

// spellings are labels that programs write, without what is no letter or
// digit, for charsets whose registered name is another. Sources: the tables of
// Python's codecs, of ICU's converters and of Java's charsets; the numbers of
// Windows's code pages; and those of the character sets of its fonts (MS-WMF
// section 2.1.1.5), which some programs write in place of a name
// (zbateson/mail-mime-parser#79, ddeboer/imap#270).
var spellings = func() map[string]string {
	all := map[string]string{}
	for _, charset := range spelled {
		for spelling := range strings.FieldsSeq(charset.as) {
			all[spelling] = charset.name
		}
	}
	return all
}()

var spelled = []struct{ name, as string }{
	{"shift_jis", "128 932 cp932 ms932 ibm943 cp943 sjis sjiswin shiftjis xshiftjis windows932 win31j cswindows31j " +
		"mskanji"},
	{"gbk", "936 cp936 ms936 windows936 xgbk"},
	{"gb2312", "134 gb2312 gb231280 xgb2312 euccn"},
	{"gb18030", "54936 cp54936 gb18030 gb180302000"},
	{"hz-gb-2312", "52936 hz"},
	{"ks_c_5601-1987", "129 949 cp949 ms949 windows949 uhc ksc5601 ks5601 ksc56011987 ksc56011992 xwindows949"},
	{"euc-kr", "51949 euckr"},
	{"johab", "130 1361 cp1361"},
	{"big5", "136 950 cp950 ms950 windows950 big5 xbig5 xxbig5 big5tw chinesebig5"},
	{"big5-hkscs", "big5hkscs"},
	{"euc-jp", "51932 eucjp ujis eucjpms eucjpwin cp51932 xeucjp"},
	{"iso-2022-jp", "50220 50221 50222 iso2022jp iso2022jpms iso2022jp1 iso2022jp3 iso2022jpesc jis jis7 cp50220 " +
		"cp50221 cp50222"},
	{"iso-2022-kr", "50225 iso2022kr cp50225"},
	{"koi8-r", "20866 koi8 koi8r koi cp20866"},
	{"koi8-u", "21866 koi8u cp21866"},
	{"windows-874", "222 tis620 xtis620 tis6202533 iso885911 thai"},
	{"windows-1250", "238"},
	{"windows-1251", "204"},
	{"windows-1252", "msansi"},
	{"windows-1253", "161"},
	{"windows-1254", "162"},
	{"windows-1255", "177"},
	{"windows-1256", "178"},
	{"windows-1257", "186"},
	{"windows-1258", "163"},
	{"macintosh", "77 10000 macroman xmacintosh mac"},
	{"x-mac-cyrillic", "maccyrillic"},
	{"utf-8", "65001 utf8 xutf8 utf8mb4 utf8n utf8bom cp65001 unicode11utf8 unicode20utf8 xunicode20utf8"},
	{"utf-7", "65000 utf7 xutf7 cp65000 unicode11utf7 csunicode11utf7 xunicode11utf7 unicode20utf7"},
	{"utf-16", "utf16"},
	{"utf-16le", "1200 utf16le"},
	{"utf-16be", "1201 utf16be"},
	{"utf-32", "utf32"},
	{"utf-32le", "12000 utf32le"},
	{"utf-32be", "12001 utf32be"},
	{"us-ascii", "20127 646 iso646us ansix341968 usascii ascii usasci 7bit"},
	{"iso-8859-1", "latin1 isolatin1"},
	{"iso-8859-2", "latin2 isolatin2"},
	{"iso-8859-3", "latin3"},
	{"iso-8859-4", "latin4"},
	{"iso-8859-7", "suneugreek"},
	{"iso-8859-9", "latin5"},
	{"iso-8859-10", "latin6"},
	{"iso-8859-13", "latin7"},
	{"iso-8859-14", "latin8"},
	{"iso-8859-15", "latin9"},
	{"iso-8859-16", "latin10"},
}

var (
	noLetters    = regexp.MustCompile(`[^a-z0-9]`)
	numberedPage = regexp.MustCompile(`^(?:cp|windows)?(2859[1-9]|28603|28605)$`) // of Windows, for ISO 8859
	numberedISO  = regexp.MustCompile(`^(?:x|cs)?(?:iso)?8859([1-9]|1[0-6])$`)
	numberedCode = regexp.MustCompile(`^(?:x|cs)?(?:windows|win|cp|wincp|xcp|ibm|ms|msansi|ansi|codepage)?(125[0-8]|874)$`)
	numberedIBM  = regexp.MustCompile(`^(?:x|cs)?(?:ibm|cp|dos|oem|cpibm)?(437|85[02578]|86[02356])$`)
)

// spelledOut is the registered name of a charset that a label means, or "".
func spelledOut(label string) string {
	if label, _, _ = strings.Cut(label, "*"); len(label) > maxWord {
		return ""
	}
	squeezed := noLetters.ReplaceAllString(label, "")
	if name := spellings[squeezed]; name != "" {
		return name
	}
	if m := numberedPage.FindStringSubmatch(squeezed); m != nil {
		n, _ := strconv.Atoi(m[1])
		return "iso-8859-" + strconv.Itoa(n-28590)
	}
	if m := numberedISO.FindStringSubmatch(squeezed); m != nil {
		return "iso-8859-" + m[1]
	}
	if m := numberedCode.FindStringSubmatch(squeezed); m != nil {
		return "windows-" + m[1]
	}
	if m := numberedIBM.FindStringSubmatch(squeezed); m != nil {
		return "ibm" + m[1]
	}
	return ""
}

// isPlain reports whether a label is one that every reader takes, as far as the
// charset goes: a registered name, without the language of RFC 2231 section 5,
// of a charset that is not out of use.
func isPlain(label string) bool {
	name, _, known := findCharset(label)
	return known && name == strings.ToLower(label) && name != "utf-7"
}

// decodeCharset reads bytes in a charset. ok is false where they are not of
// it, or nobody knows it: the text is then the best guess.
func decodeCharset(b []byte, label string) (text string, ok bool) {
	name, e, known := findCharset(label)
	switch {
	case e != nil:
		if decoded, err := e.NewDecoder().Bytes(b); err == nil {
			return string(decoded), true
		}
	case undecoded[name]:
		return string(b), true
	case known && utf8.Valid(b):
		return string(b), true
	case known && strings.HasPrefix(name, "utf"):
		return strings.ToValidUTF8(string(b), "\uFFFD"), false
	}
	return toUTF8(string(b), ""), false
}

// toUTF8 reads text of which no charset is known, but perhaps that of the
// words beside it. What is not UTF-8 is most often of a Windows code page.
func toUTF8(s, beside string) string {
	if utf8.ValidString(s) {
		return s
	}
	_, e, _ := findCharset(beside)
	if e == nil {
		e = charmap.Windows1252
	}
	decoded, err := e.NewDecoder().String(s)
	if err != nil {
		return strings.ToValidUTF8(s, "\uFFFD")
	}
	return decoded
}
