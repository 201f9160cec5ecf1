package rewrite

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// asciiDomain is a domain as the DNS has it (RFC 5890 section 2.3.2.1). ok is
// false where it is none.
func asciiDomain(domain string) (ascii string, ok bool) {
	labels := strings.Split(norm.NFKC.String(strings.ToLower(domain)), ".")
	for i, label := range labels {
		if has8bit([]byte(label)) {
			encoded, ok := punycode(label)
			if !ok {
				return "", false
			}
			labels[i] = "xn--" + encoded
		}
		if len(labels[i]) > 63 || strings.ContainsFunc(labels[i], func(r rune) bool {
			return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '_'
		}) {
			return "", false
		}
	}
	return strings.Join(labels, "."), true
}

// punycode encodes a label (RFC 3492 section 6.3). ok is false where it is not
// of characters, or longer than the DNS could have it.
func punycode(label string) (encoded string, ok bool) {
	const (
		base, low, high = 36, 1, 26
		skew, damp      = 38, 700
		digits          = "abcdefghijklmnopqrstuvwxyz0123456789"
	)
	if len(label) > 63*utf8.UTFMax || strings.ContainsRune(label, utf8.RuneError) {
		return "", false
	}
	runes := []rune(label)
	var b strings.Builder
	for _, r := range runes {
		if r < utf8.RuneSelf {
			b.WriteByte(byte(r))
		}
	}
	plain := b.Len()
	if plain > 0 {
		b.WriteByte('-')
	}
	n, delta, bias := rune(utf8.RuneSelf), 0, 72
	for done := plain; done < len(runes); n++ {
		next := rune(utf8.MaxRune)
		for _, r := range runes {
			if r >= n {
				next = min(next, r)
			}
		}
		delta += int(next-n) * (done + 1)
		n = next
		for _, r := range runes {
			if r < n {
				delta++
			}
			if r != n {
				continue
			}
			rest := delta
			for k := base; ; k += base {
				t := min(max(k-bias, low), high)
				if rest < t {
					break
				}
				b.WriteByte(digits[t+(rest-t)%(base-t)])
				rest = (rest - t) / (base - t)
			}
			b.WriteByte(digits[rest])
			if done == plain {
				delta /= damp
			} else {
				delta /= 2
			}
			done++
			delta += delta / done
			k := 0
			for ; delta > (base-low)*high/2; k += base {
				delta /= base - low
			}
			bias = k + (base-low+1)*delta/(delta+skew)
			delta = 0
		}
		delta++
	}
	return b.String(), true
}
