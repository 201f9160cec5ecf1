package leaktest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
)

const (
	simple = "Xk7vQ2mZp9RtLw4"
	odd    = `q"R\8 é{9}%zKw:v'&<T+/`
)

func TestFind(t *testing.T) {
	f := New(simple, odd)
	for name, text := range map[string]string{
		"text":            "x " + simple + " y",
		"capitals":        "x " + strings.ToUpper(simple) + " y",
		"beginning":       simple[:7],
		"middle":          "..." + simple[4:11] + "...",
		"odd text":        odd,
		"quoted":          strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(odd)[:12],
		"%q":              fmt.Sprintf("%q", odd),
		"%+q":             fmt.Sprintf("%+q", odd[8:]),
		"%x":              fmt.Sprintf("%x", odd),
		"%X":              fmt.Sprintf("a%Xb", simple[3:10]),
		"% x":             fmt.Sprintf("% x", odd),
		"bytes":           fmt.Sprint([]byte(simple)),
		"query":           url.Values{"p": {odd}}.Encode(),
		"path":            url.PathEscape(odd),
		"JSON":            mustJSON(odd),
		"JSON in JSON":    mustJSON(mustJSON(simple)),
		"PLAIN":           base64.StdEncoding.EncodeToString([]byte("\x00bob\x00" + simple)),
		"PLAIN, authzid":  base64.StdEncoding.EncodeToString([]byte("bob\x00admin\x00" + odd)),
		"XOAUTH2":         base64.StdEncoding.EncodeToString([]byte("user=bob\x01auth=Bearer " + simple + "\x01\x01")),
		"alone in base64": base64.StdEncoding.EncodeToString([]byte(simple)),
		"raw URL base64":  base64.RawURLEncoding.EncodeToString([]byte("?" + odd)),
		"cut base64":      base64.StdEncoding.EncodeToString([]byte("\x00b\x00" + simple))[4:18],
		"UTF-16":          "X\x00k\x007\x00v\x00Q\x002\x00m\x00",
		"UTF-16, big":     "\x00X\x00k\x007\x00v\x00Q\x002\x00m",
	} {
		leaks := f.Find([]byte("some line\n" + text + "\nanother\n"))
		if len(leaks) == 0 {
			t.Errorf("%s is not found: %q", name, text)
		}
	}
	clean := strings.Repeat("2026-01-01 a1 LOGIN *** (21 bytes) \x00\xff Xk7vQ2 p9RtLw q\"R\\8 "+base64.StdEncoding.EncodeToString([]byte("\x00bob\x00other"))+"\n", 100)
	if leaks := f.Find([]byte(clean)); leaks != nil {
		t.Errorf("found where there are none: %q", leaks)
	}
	if leaks := f.Find([]byte(strings.Repeat("x "+simple+"\n", 3))); len(leaks) < 3 || !strings.Contains(leaks[0], simple) {
		t.Errorf("three lines: %q", leaks)
	}
	if leaks := f.Find(nil); leaks != nil {
		t.Errorf("nothing: %q", leaks)
	}
}

func mustJSON(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}
