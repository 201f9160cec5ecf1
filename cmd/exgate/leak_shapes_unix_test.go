//go:build unix

package main

import (
	"encoding/base64"
	"fmt"
	"strings"
)

// secrets are what nothing may show. The odd one needs a literal, or PLAIN.
type secrets struct {
	plain, odd, admin, wrong, client, held, token string
}

var leakSecrets = secrets{
	plain:  "Xk7vQ2mZp9RtLw4",
	odd:    `hJ5"wN\d éY{7}%gBv'&<F+/`,
	admin:  "Ua3sGe8KoHc6TyP",
	wrong:  "Dn4xMi9VqJb2ErS",
	client: "Zf6~oWl1YuCk5.HaXd",
	held:   `Rg8"jTp\3 §NsVb`,
}

// shape is what a client says on one connection: lines, each of which is
// answered before the next is sent.
type shape struct {
	name  string
	says  []string
	to    string // which listener; "" is the one that takes passwords
	cut   bool   // the last line has no end, and the connection is cut after it
	echo  bool   // the secret is the tag, which replies have
	opens bool   // it is a right login
}

// leakShapes are the ways in which a secret comes to the gateway, rightly or
// by mistake.
func leakShapes(s secrets) []shape {
	quoted := func(text string) string { return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"` }
	literal := func(text, plus string) string { return fmt.Sprintf("{%d%s}\r\n%s", len(text), plus, text) }
	b64 := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	plain := func(authzid, name, password string) string { return b64(authzid + "\x00" + name + "\x00" + password) }
	xoauth2 := func(name, token string) string { return b64("user=" + name + "\x01auth=Bearer " + token + "\x01\x01") }
	bearer := func(name, token string) string {
		return b64("n,a=" + name + ",\x01host=localhost\x01port=143\x01auth=Bearer " + token + "\x01\x01")
	}
	p, half := s.plain, len(s.plain)/2
	login := "a LOGIN bob " + p
	right := func(name string, says ...string) shape { return shape{name: name, says: says, opens: true} }
	wrong := func(name string, says ...string) shape { return shape{name: name, says: says} }
	after := func(name string, says ...string) shape {
		return shape{name: "after login: " + name, says: append([]string{login}, says...), opens: true}
	}
	return []shape{
		// LOGIN.
		right("atom", login),
		right("small letters", "a login bob "+p),
		right("quoted", `a LOGIN "bob" "`+p+`"`),
		right("quoted with escapes", "a LOGIN bea "+quoted(s.odd)),
		right("literals", "a LOGIN {3}", "bob {15}", p),
		right("literals that come unasked", "a LOGIN "+literal("bob", "+")+" "+literal(p, "+")),
		right("literal for the name", "a LOGIN "+literal("bob", "+")+" "+p),
		right("literal for the password", "a LOGIN bob "+literal(p, "+")),
		right("odd literal", "a LOGIN bea "+literal(s.odd, "+")),
		right("domain", `a LOGIN EXAMPLE\bob `+p),
		right("address", "a LOGIN bob@example.com "+p),
		right("admin", `a LOGIN EXAMPLE\admin\bob `+s.admin),
		right("PROXYAUTH", "a LOGIN admin "+s.admin, "b PROXYAUTH bob"),
		wrong("wrong", "a LOGIN bob "+s.wrong),
		wrong("wrong, quoted", `a LOGIN bob "`+s.wrong+`"`),
		wrong("wrong, twice", "a LOGIN bob "+s.wrong, "b LOGIN bob "+s.wrong),
		wrong("wrong admin", `a LOGIN EXAMPLE\admin\bob `+s.wrong),
		wrong("control character in the name", "a LOGIN "+literal("bo\tb", "+")+" "+p),
		wrong("too many backslashes", `a LOGIN a\b\c\d `+p),
		// AUTHENTICATE.
		right("PLAIN", "a AUTHENTICATE PLAIN", plain("", "bob", p)),
		right("PLAIN, initial response", "a AUTHENTICATE PLAIN "+plain("", "bob", p)),
		right("PLAIN, odd", "a AUTHENTICATE PLAIN "+plain("", "bea", s.odd)),
		right("PLAIN, authzid", "a AUTHENTICATE PLAIN "+plain("bob", "admin", s.admin)),
		right("AUTHENTICATE LOGIN", "a AUTHENTICATE LOGIN", b64("bob"), b64(p)),
		right("AUTHENTICATE LOGIN, initial response", "a AUTHENTICATE LOGIN "+b64("bob"), b64(p)),
		wrong("XOAUTH2", "a AUTHENTICATE XOAUTH2", xoauth2("bob@example.com", s.token)),
		wrong("XOAUTH2, initial response", "a AUTHENTICATE XOAUTH2 "+xoauth2("bob@example.com", s.token)),
		wrong("OAUTHBEARER", "a AUTHENTICATE OAUTHBEARER", bearer("bob@example.com", s.token)),
		wrong("OAUTHBEARER, initial response", "a AUTHENTICATE OAUTHBEARER "+bearer("bob@example.com", s.token)),
		wrong("XOAUTH2, wrong", "a AUTHENTICATE XOAUTH2 "+xoauth2("bob@example.com", s.wrong), ""),
		wrong("OAUTHBEARER, wrong", "a AUTHENTICATE OAUTHBEARER "+bearer("bob@example.com", s.wrong), "AQ=="),
		wrong("OAUTHBEARER, answered wrongly", "a AUTHENTICATE OAUTHBEARER "+bearer("bob@example.com", s.wrong), p),
		wrong("wrong PLAIN", "a AUTHENTICATE PLAIN "+plain("", "bob", s.wrong)),
		wrong("cancelled", "a AUTHENTICATE PLAIN", "*"),
		wrong("cancelled after the name", "a AUTHENTICATE LOGIN", b64("bob"), "*"),
		wrong("cancelled after the name, mistyped", "a AUTHENTICATE LOGIN", b64(p), "*"),
		wrong("not base64", "a AUTHENTICATE PLAIN "+p+"!"),
		wrong("not base64 where it is asked for", "a AUTHENTICATE PLAIN", p),
		wrong("password alone where it is asked for", "a AUTHENTICATE PLAIN", b64(p)),
		wrong("no NUL", "a AUTHENTICATE PLAIN "+b64("bob "+p)),
		wrong("response too long", "a AUTHENTICATE PLAIN "+b64("\x00bob\x00"+strings.Repeat(p, 400))),
		wrong("response in front", "a AUTHENTICATE "+plain("", "bob", p)),
		wrong("password for mechanism", "a AUTHENTICATE "+p+" PLAIN"),
		wrong("another mechanism", "a AUTHENTICATE CRAM-MD5 "+b64("bob "+p)),
		wrong("response to no question", plain("", "bob", p)),
		wrong("EXTERNAL", "a AUTHENTICATE EXTERNAL "+b64(p)),
		// Mistyped.
		wrong("LOGN", "a LOGN bob "+p),
		wrong("AUTHENTICAT", "a AUTHENTICAT PLAIN "+plain("", "bob", p)),
		wrong("no tag", "LOGIN bob "+p),
		wrong("no name", "a LOGIN "+p),
		wrong("three words", "a LOGIN bob "+p[:half]+" "+p[half:]),
		wrong("tab for blank", "a LOGIN bob\t"+p),
		wrong("tab after the tag", "a\tLOGIN bob "+p),
		wrong("nothing but it", p),
		wrong("for the verb", "a "+p),
		wrong("for the verb, with a name", "a "+p+" bob"),
		wrong("for an argument", "a NOOP "+p, "b CAPABILITY "+p, "c STARTTLS "+p),
		{name: "for the tag", says: []string{p + " NOOP"}, echo: true},
		{name: "before the tag", says: []string{p + " a LOGIN bob"}, echo: true},
		{name: "for the tag of a login", says: []string{p + " LOGIN bob " + p}, echo: true, opens: true},
		wrong("cut by a line end", "a LOGIN bob x"+p[:half], p[half:]),
		{name: "cut by a line end, before a verb", says: []string{"a LOGIN bob x" + p[:half], p[half:] + " NOOP"}, echo: true},
		wrong("open quote", `a LOGIN bob "`+p),
		wrong("NUL", "a LOGIN bob \x00"+p),
		wrong("bare CR", "a LOGIN bob \r"+p),
		wrong("literal too short", "a LOGIN bob "+literal(p, "+")[:7]+p),
		wrong("literal too long", "a LOGIN bob "+literal(strings.Repeat(p, 400), "+")),
		wrong("line too long", "a LOGIN bob "+strings.Repeat(p, 4000)),
		wrong("in an ID", `a ID ("user" "`+p+`")`),
		wrong("SELECT before a login", "a SELECT "+p),
		{name: "cut in a literal", says: []string{"a LOGIN bob {15}", p[:10]}, cut: true},
		{name: "cut before the reply", says: []string{login + "\r\n"}, cut: true},
		// In the clear where no password is taken.
		{name: "STARTTLS taken away", says: []string{login}, to: "starttls"},
		{name: "STARTTLS taken away, PLAIN", says: []string{"a AUTHENTICATE PLAIN " + plain("", "bob", p)}, to: "starttls"},
		{name: "literal without STARTTLS", says: []string{"a LOGIN bob " + literal(p, "+")}, to: "starttls"},
		{name: "plain text on the TLS port", says: []string{p}, to: "implicit", cut: true},
		{name: "login on the TLS port", says: []string{login}, to: "implicit", cut: true},
		// In a session that is logged in.
		after("LOGIN", "b LOGIN bob "+p),
		after("AUTHENTICATE", "b AUTHENTICATE PLAIN "+plain("", "bob", p)),
		after("LOGN", "b LOGN bob "+p, "c LOGN bob "+literal(p, "+")),
		after("for the verb", "b "+p, "c "+p+" bob", "d UID "+p),
		after("for an argument", "b NOOP "+p),
		after("PROXYAUTH with it", "b PROXYAUTH bob "+p),
		after("XPROXY", "b XPROXY "+p),
		// What is not DONE is a command, of which p is the tag.
		{name: "after login: in place of DONE", says: []string{login, "b IDLE", p}, echo: true, opens: true},
		{name: "after login: for the verb and the tag", says: []string{login, p + " " + p}, echo: true, opens: true},
	}
}
