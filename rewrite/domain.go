package rewrite

import (
	"strings"

	"golang.org/x/net/idna"
)

// domains reads a domain as users write it. An underscore is no letter of a host
// name, but stands in domains of mail.
var domains = idna.New(idna.MapForLookup(), idna.StrictDomainName(false), idna.VerifyDNSLength(true))

// asciiDomain returns a domain in the form of the DNS (RFC 5890 section 2.3.2.1).
// ok is false if it has none.
func asciiDomain(domain string) (ascii string, ok bool) {
	ascii, err := domains.ToASCII(domain)
	if err != nil {
		return "", false
	}
	notInDomain := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '_' && r != '.'
	}
	return ascii, !strings.ContainsFunc(ascii, notInDomain)
}
