package proxy

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"exgate/backend"
	"exgate/backend/exchangesim"
	"exgate/config/profile"
)

// plainResponse is the response of PLAIN (RFC 4616).
func plainResponse(authzid, authcid, password string) string {
	return base64.StdEncoding.EncodeToString([]byte(authzid + "\x00" + authcid + "\x00" + password))
}

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// loginCommands are the ways to say the name EXAMPLE\bob and the password
// pa"s\s d. A line that begins with "+" is the gateway's.
var loginCommands = map[string]string{
	"quoted":                           `a1 LOGIN "EXAMPLE\\bob" "pa\"s\\s d"`,
	"quoted, backslashes not doubled":  `a1 LOGIN "EXAMPLE\bob" "pa\"s\s d"`,
	"lower case":                       `a1 login "EXAMPLE\bob" "pa\"s\s d"`,
	"atom":                             `a1 LOGIN EXAMPLE\bob "pa\"s\\s d"`,
	"two blanks":                       `a1 LOGIN  EXAMPLE\bob  "pa\"s\\s d"`,
	"literals":                         "a1 LOGIN {11}\n+ go ahead\nEXAMPLE\\bob {8}\n+ go ahead\npa\"s\\s d",
	"literals that come unasked":       "a1 LOGIN {11+}\nEXAMPLE\\bob {8+}\npa\"s\\s d",
	"one of them":                      "a1 LOGIN EXAMPLE\\bob {8+}\npa\"s\\s d",
	"PLAIN":                            "a1 AUTHENTICATE PLAIN\n+ \n" + plainResponse("", `EXAMPLE\bob`, `pa"s\s d`),
	"PLAIN, initial response":          "a1 AUTHENTICATE PLAIN " + plainResponse("", `EXAMPLE\bob`, `pa"s\s d`),
	"PLAIN, the same name twice":       "a1 authenticate plain " + plainResponse(`EXAMPLE\bob`, `EXAMPLE\bob`, `pa"s\s d`),
	"LOGIN in base64":                  "a1 AUTHENTICATE LOGIN\n+ VXNlcm5hbWU6\n" + b64(`EXAMPLE\bob`) + "\n+ UGFzc3dvcmQ6\n" + b64(`pa"s\s d`),
	"LOGIN in base64, name at once":    "a1 authenticate login " + b64(`EXAMPLE\bob`) + "\n+ UGFzc3dvcmQ6\n" + b64(`pa"s\s d`),
	"PLAIN, bare LF, two blanks, lost": "a1 AUTHENTICATE  PLAIN \n+ \n" + plainResponse("", `EXAMPLE\bob`, `pa"s\s d`),
}

func TestLoginShapes(t *testing.T) {
	for name, script := range loginCommands {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t)
			c := g.dial()
			c.S("* OK …")
			for line := range strings.SplitSeq(script, "\n") {
				if strings.HasPrefix(line, "+") {
					c.S(line)
				} else {
					c.C(line)
				}
			}
			u := g.accept()
			u.S("* OK [CAPABILITY IMAP4rev1] ready")
			u.C(`xg1 LOGIN "EXAMPLE\\bob" "pa\"s\\s d"`)
			u.S("xg1 OK [CAPABILITY IMAP4rev1] done")
			c.S("a1 OK [CAPABILITY IMAP4rev1] …")
			noop(c, u)
		})
	}
}

func TestLoginAsItsBytesNeed(t *testing.T) {
	for name, tt := range map[string]struct{ capabilities, script string }{
		"PLAIN":                          {"IMAP4rev1 AUTH=PLAIN SASL-IR", "C xg1 AUTHENTICATE PLAIN " + plainResponse("", "bob", "geheim§") + "\nS xg1 OK [CAPABILITY X] done"},
		"PLAIN without initial response": {"IMAP4rev1 AUTH=PLAIN", "C xg1 AUTHENTICATE PLAIN\nS +\nC " + plainResponse("", "bob", "geheim§") + "\nS xg1 OK [CAPABILITY X] done"},
		"literal":                        {"IMAP4rev1", "C xg1 LOGIN \"bob\" {8}\nS + go\nC geheim§\nS xg1 OK [CAPABILITY X] done"},
		"capabilities asked for":         {"IMAP4rev1", "C xg1 LOGIN \"bob\" {8}\nS + go\nC geheim§\nS xg1 OK done\nC xg2 CAPABILITY\nS * CAPABILITY X\nS xg2 OK done"},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t)
			c := g.dial()
			c.S("* OK …")
			c.raw("a1 LOGIN bob {8+}\r\ngeheim§\r\n")
			u := g.accept()
			u.S("* OK [CAPABILITY " + tt.capabilities + "] ready")
			u.play(tt.script)
			c.S("a1 OK [CAPABILITY X] …")
		})
	}
}

// play runs a script of lines that begin with C or S.
func (u *upstream) play(script string) {
	u.t.Helper()
	for line := range strings.SplitSeq(script, "\n") {
		text, ok := strings.CutPrefix(line, "C ")
		switch {
		case ok:
			u.C(text)
		case line == "drop":
			u.close()
		case line == "reset":
			u.reset()
		case line != "":
			u.S(strings.TrimPrefix(line, "S "))
		}
	}
}

func TestLoginCommandsThatAreNone(t *testing.T) {
	for name, tt := range map[string]struct{ command, answer string }{
		"no password":               {"a1 LOGIN bob\r\n", "a1 BAD LOGIN takes a name and a password; …"},
		"nothing":                   {"a1 LOGIN\r\n", "a1 BAD LOGIN takes a name and a password; …"},
		"three":                     {"a1 LOGIN bob pass word\r\n", "a1 BAD LOGIN takes a name and a password; quote them if they have blanks"},
		"no name":                   {"a1 LOGIN \"\" secret\r\n", "a1 NO [AUTHENTICATIONFAILED] the login name is empty …"},
		"control character":         {"a1 LOGIN {3+}\r\nb\tb secret\r\n", "a1 NO [AUTHENTICATIONFAILED] the login name … is not valid: it contains a control character, …"},
		"too long a name":           {"a1 LOGIN {5000}\r\n", "a1 NO [LIMIT] an argument is at most 4096 bytes long"},
		"too long a name, sent":     {"a1 LOGIN {5000+}\r\n" + strings.Repeat("a1 LOGOUT\r\n", 454) + "abcdef secret\r\n", "a1 NO [LIMIT] …"},
		"too long a password, sent": {"a1 LOGIN x {5000+}\r\n" + strings.Repeat("a1 LOGOUT\r\n", 454) + "abcdef\r\n", "a1 NO [LIMIT] …"},
		"no mechanism":              {"a1 AUTHENTICATE\r\n", "a1 BAD AUTHENTICATE takes a mechanism: PLAIN"},
		"another mechanism":         {"a1 AUTHENTICATE CRAM-MD5\r\n", "a1 NO exgate takes LOGIN, and AUTHENTICATE with PLAIN, LOGIN, XOAUTH2, OAUTHBEARER or EXTERNAL, and no other mechanism"},
		"another, with a response":  {"a1 AUTHENTICATE NTLM dXNlcj0=\r\n", "a1 NO exgate takes LOGIN, and AUTHENTICATE with …"},
		"half of XOAUTH2":           {"a1 AUTHENTICATE XOAUTH2 dXNlcj0=\r\n", "a1 BAD the response of XOAUTH2 is a user and a token …"},
		"two responses":             {"a1 AUTHENTICATE PLAIN = =\r\n", "a1 BAD …"},
		"bad base64":                {"a1 AUTHENTICATE PLAIN !!!!\r\n", "a1 BAD the response to AUTHENTICATE is not base64"},
		"bad base64, half":          {"a1 AUTHENTICATE PLAIN AGFsaWNlAHNl\x21\r\n", "a1 BAD the response to AUTHENTICATE is not base64"},
		"bad base64, = in front":    {"a1 AUTHENTICATE PLAIN =AGEAYg==\r\n", "a1 BAD the response to AUTHENTICATE is not base64"},
		"empty response":            {"a1 AUTHENTICATE PLAIN =\r\n", "a1 BAD …"},
		"one field":                 {"a1 AUTHENTICATE PLAIN c2VjcmV0\r\n", "a1 BAD …"},
		"four fields":               {"a1 AUTHENTICATE PLAIN AAAA\r\n", "a1 BAD …"},
		"not a command":             {"a1 SELECT INBOX\r\n", "a1 BAD SELECT: log in first, with LOGIN or AUTHENTICATE PLAIN"},
		"not a command, literal":    {"a1 CREATE {11+}\r\na1 LOGOUT\r\n\r\n", "a1 BAD CREATE: log in first, …"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newGateway(t).dial()
			c.S("* OK …")
			c.raw(tt.command)
			c.S(tt.answer)
			c.C("a2 NOOP")
			c.S("a2 OK …")
		})
	}
	for name, tt := range map[string]struct{ responses, answer string }{
		"cancelled":  {"*", "a1 BAD AUTHENTICATE cancelled"},
		"no name":    {"\n" + b64("secret"), "a1 NO [AUTHENTICATIONFAILED] the login name is empty …"},
		"half":       {b64("bob") + "\n*", "a1 BAD AUTHENTICATE cancelled"},
		"bad base64": {b64("bob") + "\nsecret!", "a1 BAD the response to AUTHENTICATE is not base64"},
		"too long":   {b64(strings.Repeat("b", 5000)) + "\n" + b64("secret"), "a1 NO [LIMIT] …"},
	} {
		t.Run("LOGIN, "+name, func(t *testing.T) {
			c := newGateway(t).dial()
			c.S("* OK …")
			c.C("a1 AUTHENTICATE LOGIN")
			for response := range strings.SplitSeq(tt.responses, "\n") {
				c.S("+ …")
				c.C(response)
			}
			c.S(tt.answer)
			c.C("a2 NOOP")
			c.S("a2 OK …")
		})
	}
	for name, tt := range map[string]struct{ response, answer string }{
		"cancelled":     {"*", "a1 BAD AUTHENTICATE cancelled"},
		"bad base64":    {"secret!", "a1 BAD the response to AUTHENTICATE is not base64"},
		"empty":         {"", "a1 BAD …"},
		"no fields":     {"=", "a1 BAD …"},
		"with a blank ": {"AGFs aWNl", "a1 BAD the response to AUTHENTICATE is not base64"},
	} {
		t.Run("PLAIN, "+name, func(t *testing.T) {
			c := newGateway(t).dial()
			c.S("* OK …")
			c.C("a1 AUTHENTICATE PLAIN")
			c.S("+ ")
			c.C(tt.response)
			c.S(tt.answer)
			c.C("a2 NOOP")
			c.S("a2 OK …")
		})
	}
}

func TestCommandsPipelinedBehindLogin(t *testing.T) {
	g := newGateway(t)
	c := g.dial()
	c.S("* OK …")
	c.raw("a1 LOGIN alice secret\r\na2 SELECT INBOX\r\na3 NOOP\r\n")
	u := g.accept()
	u.S("* OK [CAPABILITY IMAP4rev1] ready")
	u.C("xg1 LOGIN …")
	u.silent()
	u.S("xg1 OK [CAPABILITY IMAP4rev1] done")
	u.C("a2 SELECT INBOX")
	u.C("a3 NOOP")
	u.S("a2 OK done")
	u.S("a3 OK done")
	c.S("a1 OK …")
	c.S("a2 OK done")
	c.S("a3 OK done")
}

// adminProfile has three forms for an admin's login.
var adminProfile = profile.Profile{
	Name: profile.Plain, Forms: []backend.Form{backend.FormPlainAuthzid, backend.FormDomainAdminUser, backend.FormAdminUPNUser},
}

func withDomain(o *Options, _ *limits) {
	o.Upstreams[0].Backend.Login = backend.LoginOptions{Domains: []string{"EXAMPLE"}, UPN: "example.com"}
}

func TestTwoFailuresAtMost(t *testing.T) {
	g := newGateway(t, withProfile(adminProfile), withDomain)
	c := g.dial()
	c.S("* OK …")
	c.C(`a1 LOGIN EXAMPLE\admin\bob wrong`)
	u := g.accept()
	u.S("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] ready")
	u.C("xg1 AUTHENTICATE PLAIN " + plainResponse("bob", `EXAMPLE\admin`, "wrong"))
	u.S("xg1 NO AUTHENTICATE failed.")
	u.C(`xg2 LOGIN "EXAMPLE\\admin\\bob" "wrong"`)
	u.S("xg2 NO LOGIN failed.")
	u.ends()
	c.S("a1 NO [AUTHENTICATIONFAILED] LOGIN failed. (exgate: Exchange gives no reason: the name or the password is wrong; …")
	c.C("a2 NOOP") // the client may try again
	c.S("a2 OK …")
}

func TestTheFormThatWorkedIsRemembered(t *testing.T) {
	g := newGateway(t, withProfile(adminProfile), withDomain)
	for i, script := range []string{
		"C xg1 AUTHENTICATE …\nS xg1 NO AUTHENTICATE failed.\nC xg2 LOGIN …\nS xg2 OK [CAPABILITY X] done",
		"C xg1 LOGIN \"EXAMPLE\\\\admin\\\\bob\" \"right\"\nS xg1 OK [CAPABILITY X] done",
	} {
		c := g.dial()
		c.S("* OK …")
		c.C(fmt.Sprintf(`a%d LOGIN EXAMPLE\admin\bob right`, i))
		u := g.accept()
		u.S("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] ready")
		u.play(script)
		c.S(fmt.Sprintf("a%d OK …", i))
	}
}

func TestAMailboxThatCannotBeOpenedIsFoundBeforeOK(t *testing.T) {
	for name, tt := range map[string]struct{ login, answer string }{
		"own":     {`a1 LOGIN EXAMPLE\bob secret`, "a1 NO User is authenticated but not connected. (exgate: …"},
		"admin's": {`a1 LOGIN EXAMPLE\admin\bob secret`, "a1 NO [AUTHORIZATIONFAILED] User is authenticated but not connected. (exgate: …FullAccess…"},
	} {
		t.Run(name, func(t *testing.T) {
			prof := exchangeProfile
			prof.Forms = []backend.Form{backend.FormDomainAdminUser, backend.FormAdminUPNUser}
			g := newGateway(t, withProfile(prof), withDomain)
			c := g.dial()
			c.S("* OK …")
			c.C(tt.login)
			u := g.accept()
			u.S("* OK [CAPABILITY IMAP4rev1] ready")
			u.C("xg1 LOGIN …")
			u.S("xg1 OK [CAPABILITY IMAP4rev1] LOGIN completed.")
			u.C("xg2 STATUS INBOX (UIDNEXT UIDVALIDITY)")
			u.S("xg2 BAD User is authenticated but not connected.")
			u.ends() // no other form is tried
			c.S(tt.answer)
		})
	}
}

func TestNoUpstream(t *testing.T) {
	g := newGateway(t)
	g.up.Close()
	c := g.dial()
	c.S("* OK …")
	c.C("a1 LOGIN alice secret")
	c.S("a1 NO [UNAVAILABLE] exgate: no connection to Exchange is possible now; …")
	c.C("a2 LOGOUT")
	c.S("* BYE …")
	c.S("a2 OK …")
	c.ends()
}

func TestClientLeavesDuringLogin(t *testing.T) {
	g := newGateway(t)
	c := g.dial()
	c.S("* OK …")
	c.C("a1 LOGIN alice secret")
	u := g.accept()
	u.S("* OK [CAPABILITY IMAP4rev1] ready")
	u.C("xg1 LOGIN …")
	c.close()
	u.ends()
	g.logged("connection ended before a login")
}

// TestLoginForms opens mailboxes of a simulated Exchange by each form of a login.
func TestLoginForms(t *testing.T) {
	for name, tt := range map[string]struct{ command, opens string }{
		"user":                          {"LOGIN bob bobpass", "bob"},
		"address":                       {"LOGIN bob@example.com bobpass", "bob"},
		"domain and user":               {`LOGIN EXAMPLE\bob bobpass`, "bob"},
		"domain, admin and user":        {`LOGIN EXAMPLE\admin\bob adminpass`, "bob"},
		"the same with slashes":         {`LOGIN EXAMPLE/admin/bob adminpass`, "bob"},
		"the same, quoted":              {`LOGIN "EXAMPLE\admin\bob" adminpass`, "bob"},
		"address of admin and user":     {`LOGIN admin@example.com\bob adminpass`, "bob"},
		"admin and user":                {`LOGIN admin\bob adminpass`, "bob"},
		"separator":                     {`LOGIN bob*admin adminpass`, "bob"},
		"PLAIN":                         {"AUTHENTICATE PLAIN " + plainResponse("", "bob", "bobpass"), "bob"},
		"PLAIN, one name, out of place": {"AUTHENTICATE PLAIN " + plainResponse("bob", "", "bobpass"), "bob"},
		"PLAIN, admin for user":         {"AUTHENTICATE PLAIN " + plainResponse("bob", "admin", "adminpass"), "bob"},
		"PLAIN, admin's own":            {"AUTHENTICATE PLAIN " + plainResponse("admin", "admin", "adminpass"), "admin"},
		"PLAIN, domain\\admin and user": {"AUTHENTICATE PLAIN " + plainResponse("bob", `EXAMPLE\admin`, "adminpass"), "bob"},
		"wrong password":                {"LOGIN bob alicepass", ""},
		"admin's is not the user's":     {`LOGIN EXAMPLE\bob\alice bobpass`, ""},
		"Administrator":                 {`LOGIN EXAMPLE\Administrator\bob x`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			g, sim := newSimulated(t, exchangesim.Config{}, withProfile(exchangeProfile), withDomain,
				func(o *Options, _ *limits) { o.Upstreams[0].Backend.Login.Separator = "*" })
			c := g.dial()
			c.S("* OK …")
			c.C("a1 " + tt.command)
			if tt.opens == "" {
				c.S("a1 NO …")
				return
			}
			c.S("a1 OK [CAPABILITY …] …")
			c.upload("INBOX", cleanMessage)
			c.S("a1 OK …")
			for _, user := range []string{"alice", "bob", "admin"} {
				if got := len(sim.Messages(user, "INBOX")); (got == 1) != (user == tt.opens) {
					t.Errorf("%s has %d messages", user, got)
				}
			}
		})
	}
}

// In front of Exchange Online, profile auto tries the form of Exchange Online first. It tries the other forms too,
// since the greeting is only a hint.
func TestAutoBeforeExchangeOnline(t *testing.T) {
	for _, tt := range []struct {
		login, failed string
		ok            bool
	}{
		{`EXAMPLE\admin\bob adminpass`, "", true},
		{`EXAMPLE\admin\bob wrong`, `login in the form plain-authzid: NO AUTHENTICATE failed.`, false}, // the error of the last form tried
	} {
		g, sim := newSimulated(t, exchangesim.Config{Profile: profile.Online}, withDomain, func(o *Options, _ *limits) {
			profiles := map[string]profile.Profile{profile.Online: exchangeProfile, "exchange2016": exchangeProfile}
			prof := exchangeProfile
			prof.Forms = []backend.Form{backend.FormAdminUPNUser}
			profiles[profile.Online] = prof
			o.Upstreams[0].Backend.Login.UPN = exchangesim.UPNSuffix
			o.Upstreams[0].Profile, o.Upstreams[0].Profiles = profile.Auto, func(name string) profile.Profile { return profiles[name] }
		})
		c := g.dial()
		c.S("* OK …")
		c.C("a1 LOGIN " + tt.login)
		if tt.ok {
			c.S("a1 OK …")
			if open := g.logged("session open"); open["form"] != string(backend.FormAdminUPNUser) {
				t.Errorf("%v", open)
			}
			if n := sim.Stats().Commands; n["LOGIN"] != 1 || n["AUTHENTICATE"] != 0 {
				t.Errorf("%v", n)
			}
		} else {
			c.S("a1 NO [AUTHENTICATIONFAILED] …")
			if failed := g.logged("login failed"); failed["err"] != tt.failed {
				t.Errorf("%v", failed)
			}
		}
	}
}

// A client may repeat a refused AUTHENTICATE as LOGIN. The gateway refuses it without asking Exchange again.
func TestTheSameWrongLoginCostsOneFailure(t *testing.T) {
	g := newGateway(t, withProfile(exchangeProfile))
	c := g.dial()
	c.S("* OK …")
	c.C("a1 AUTHENTICATE PLAIN " + base64.StdEncoding.EncodeToString([]byte("\x00alice\x00wrong")))
	u := g.accept()
	u.S("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready")
	u.C("xg1 LOGIN \"alice\" \"wrong\"")
	u.S("xg1 NO LOGIN failed.")
	c.S("a1 NO [AUTHENTICATIONFAILED] LOGIN failed. …")
	c.C("a2 LOGIN alice wrong")
	c.S("a2 NO [AUTHENTICATIONFAILED] LOGIN failed. …") // exgate has made no connection upstream
	c.C("a3 LOGIN alice right")
	u = g.accept()
	u.S("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready")
	u.C("xg1 LOGIN \"alice\" \"right\"")
	u.S("xg1 NO LOGIN failed.")
	c.S("a3 NO …")
}

// RFC 2971 section 3.3 allows 30 pairs of a field of 30 bytes and a value of 1,024.
func TestLongestID(t *testing.T) {
	var pairs []string
	for i := range 30 {
		pairs = append(pairs, fmt.Sprintf(`"%s" "%s"`, fmt.Sprintf("%030d", i), strings.Repeat("v", 1024)))
	}
	g := newGateway(t)
	c := g.dial()
	c.S("* OK …")
	c.C("a1 ID (" + strings.Join(pairs, " ") + ")")
	c.S(`* ID ("name" "exgate")`)
	c.S("a1 OK …")
	var literals strings.Builder
	for i := range 30 {
		fmt.Fprintf(&literals, " {30+}\r\n%030d {1024+}\r\n%s", i, strings.Repeat("v", 1024))
	}
	c.C("a2 ID (" + strings.TrimPrefix(literals.String(), " ") + ")")
	c.S(`* ID ("name" "exgate")`)
	c.S("a2 OK …")
}

// What follows a command without arguments is no command, and no reason to go on.
func TestArgumentsWhereNoneAreTaken(t *testing.T) {
	c := newTLSGateway(t, ListenStartTLS).dial()
	c.S("* OK …")
	for _, verb := range []string{"STARTTLS", "CAPABILITY", "NOOP", "LOGOUT"} {
		for _, args := range []string{"xyz", "{8+}\r\na9 NOOP\r", "(x)"} {
			c.C("a1 " + verb + " " + args)
			c.S("a1 BAD " + verb + " takes no arguments")
		}
	}
	c.C("a1 NOOP ")
	c.S("a1 OK …")
	c.C("a2 STARTTLS")
	c.S("a2 OK …")
	c.secure()
}
