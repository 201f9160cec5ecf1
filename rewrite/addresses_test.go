package rewrite

import (
	"slices"
	"strings"
	"testing"
)

// The samples of RFC 3492 section 7.1, and domains with a fault.
func TestASCIIDomain(t *testing.T) {
	for domain, want := range map[string]string{
		"Bücher.example": "xn--bcher-kva.example", "exämple.org": "xn--exmple-cua.org",
		"他们为什么不说中文.cn":                    "xn--ihqwcrb4cv8a8dqg056pqjye.cn",
		"почемужеонинеговорятпорусски.ru": "xn--b1abfaaepdrnnbgefbadotcwatmq2g4l.ru",
		"3年B組金八先生":                        "xn--3b-ww4c5e180e575a65lsy2b", "パフィーdeルンバ": "xn--de-jg4avhby1noc0d",
		"ＥＸＡＭＰＬＥ.org": "example.org", "a.b": "a.b", "😀.example": "xn--e28h.example",
	} {
		if got, ok := asciiDomain(domain); !ok || got != want {
			t.Errorf("%q: %q, %t, want %q", domain, got, ok, want)
		}
	}
	for _, domain := range []string{"a b.org", "ä\uFFFD.org", "ä b", strings.Repeat("ä", 300),
		strings.Repeat("x", 64) + ".ä", "[1.2.3.ä]", "ä<.org"} {
		if got, ok := asciiDomain(domain); ok {
			t.Errorf("%q: %q", domain, got)
		}
	}
}

// One address that cannot be said in ASCII takes no other with it.
func TestEightBitAddresses(t *testing.T) {
	for _, test := range []struct {
		name, value, kept string
		broken            []string
	}{
		{"To", " a@x, Bär <b@x>", " a@x, =?utf-8?B?QsOkcg==?= <b@x>", nil},
		{"To", " a@x, b\xe4r@x, c@x", " a@x, c@x", []string{"b\xe4r@x"}},
		{"To", " bär@x, c@x", " c@x", []string{"bär@x"}},
		{"To", " c@x, Bär <bär@x>", " c@x", []string{"Bär <bär@x>"}},
		{"To", " c@x, \"bä r\"@x", " c@x", []string{`"bä r"@x`}},
		{"To", " Eine Grüppe: bär@x, c@x;, d@x", " Eine =?utf-8?B?R3LDvHBwZQ==?=: c@x;, d@x", []string{"bär@x"}},
		{"To", " A: bär@x;", "", []string{"bär@x"}},
		{"To", " a@exämple.org, <b@exämple.org>", " a@xn--exmple-cua.org, <b@xn--exmple-cua.org>", nil},
		{"To", " a@exämple.org (Bär)", " a@xn--exmple-cua.org (=?utf-8?B?QsOkcg==?=)", nil},
		{"Cc", " bär@x", "", []string{"bär@x"}},
		{"From", " bär@x", " unknown@unknown.invalid", []string{"bär@x"}},
		{"From", " Bär <bär@x>", " =?utf-8?B?QsOkcg==?= <unknown@unknown.invalid>", []string{"Bär <bär@x>"}},
		{"From", " \"Ann, Ä.\" <ä@x>, b\xe4r@x", " =?utf-8?B?QW5uLCDDhC4=?= <unknown@unknown.invalid>",
			[]string{"\"Ann, Ä.\" <ä@x>", "b\xe4r@x"}},
		{"From", " bär@x, Ann <bär@x>", " Ann <unknown@unknown.invalid>", []string{"bär@x", "Ann <bär@x>"}},
		{"From", " Group: bär@x, Ann <bär@x>;", " Ann <unknown@unknown.invalid>", []string{"bär@x", "Ann <bär@x>"}},
		{"To", " Bär <bär@x>", "", []string{"Bär <bär@x>"}},
		{"From", " Bär b@x", " =?utf-8?B?QsOkcg==?= b@x", nil},
		{"To", " a@x, , b@x,", " a@x, , b@x,", nil},
		{"To", " undisclosed-recipients:;", " undisclosed-recipients:;", nil},
	} {
		f := &field{name: test.name, header: &header{limit: 998}}
		kept, broken := eightBitAddresses(f, test.value, "")
		if kept != test.kept || !slices.Equal(broken, test.broken) {
			t.Errorf("%s:%s: %q and %q, want %q and %q", test.name, test.value, kept, broken, test.kept, test.broken)
		}
	}
}
