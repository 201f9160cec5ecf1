package proxy

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"exgate/proxy/testkit"
)

// TestNoSecretIsWritten logs in by every form, with success and without, and looks for the password in the wire trace
// and in the log.
func TestNoSecretIsWritten(t *testing.T) {
	const word, odd = "Tr0ub4dor", "Tr0ub4dor§geheim" // the second needs a literal, or PLAIN
	response := plainResponse("", "alice", word)
	type shape struct{ client, upstream string }
	accept := "\nS xg1 OK [CAPABILITY X] done"
	shapes := map[string]shape{
		"LOGIN":                       {"a1 LOGIN alice " + word, "C xg1 LOGIN …" + accept},
		"lower case":                  {"a1 login alice " + word, "C xg1 LOGIN …" + accept},
		"quoted":                      {`a1 LOGIN alice "` + word + `"`, "C xg1 LOGIN …" + accept},
		"literal":                     {"a1 LOGIN {5}\n+\nalice {9}\n+\n" + word, "C xg1 LOGIN …" + accept},
		"literal, sent":               {"a1 LOGIN {5+}\nalice {9+}\n" + word, "C xg1 LOGIN …" + accept},
		"PLAIN":                       {"a1 AUTHENTICATE PLAIN\n+\n" + response, "C xg1 LOGIN …" + accept},
		"PLAIN, initial response":     {"a1 AUTHENTICATE PLAIN " + response, "C xg1 LOGIN …" + accept},
		"refused":                     {"a1 LOGIN alice " + word, "C xg1 LOGIN …\nS xg1 NO LOGIN failed."},
		"refused by a bogus tag":      {"a1 LOGIN alice " + word, "C xg1 LOGIN …\nS bogus BAD Command Error. 10"},
		"literal upstream":            {"a1 LOGIN alice {17+}\n" + odd, "C xg1 LOGIN \"alice\" {17}\nS + go\nC " + odd + accept},
		"name and password, literals": {"a1 LOGIN {6+}\nélice {17+}\n" + odd, "C xg1 LOGIN {6}\nS + go\nC élice {17}\nS + go\nC " + odd + accept},
		"PLAIN upstream":              {"a1 LOGIN alice {17+}\n" + odd, "G AUTH=PLAIN\nC xg1 AUTHENTICATE PLAIN\nS +\nC …" + accept},
		"initial response upstream":   {"a1 LOGIN alice {17+}\n" + odd, "G AUTH=PLAIN SASL-IR\nC xg1 AUTHENTICATE PLAIN …" + accept},
		"mistyped":                    {"a1 LOGN alice " + word, ""},
		"without a tag":               {"LOGIN alice " + word, ""},
		"no verb":                     {"a1 alice " + word, ""},
		"nothing but it":              {word, ""},
		"three words":                 {"a1 LOGIN alice " + word + " x", ""},
		"open quote":                  {`a1 LOGIN alice "` + word, ""},
		"NUL":                         {"a1 LOGIN alice \x00" + word, ""},
		"split by a line end":         {"a1 LOGIN alice x\n" + word, "C xg1 LOGIN …\nS xg1 NO LOGIN failed."},
		"split, with a blank":         {"a1 LOGIN alice x\n" + word + " " + word, "C xg1 LOGIN …\nS xg1 NO LOGIN failed."},
		"literal too short":           {"a1 LOGIN alice {2+}\nxx" + word, ""},
		"literal too long":            {"a1 LOGIN alice {5000+}\n" + strings.Repeat(word, 600), ""},
		"long line":                   {"a1 LOGIN alice " + strings.Repeat(word, 4000), ""},
		"response in front":           {"a1 AUTHENTICATE " + response, ""},
		"response not base64":         {"a1 AUTHENTICATE PLAIN " + word + "!", ""},
		"response, mistyped verb":     {"a1 AUTHENTICAT PLAIN " + response, ""},
		"response to no question":     {response, ""},
		"another mechanism":           {"a1 AUTHENTICATE LOGIN " + base64.StdEncoding.EncodeToString([]byte(word)), ""},
		"as a tag":                    {word + " NOOP", ""},
		"as an argument":              {"a1 NOOP " + word, ""},
		"half of it as a tag":         {"a1 LOGIN alice x\n" + word + " CAPABILITY", "C xg1 LOGIN …\nS xg1 NO LOGIN failed."},
		"in an ID":                    {`a1 ID ("user" "` + word + `")`, ""},
	}
	for name, s := range shapes {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t)
			c := g.dial()
			c.S("* OK …")
			for line := range strings.SplitSeq(s.client, "\n") {
				if line == "+" {
					c.S("+ …")
				} else {
					c.C(line)
				}
			}
			if s.upstream != "" {
				u := g.accept()
				script, caps := s.upstream, ""
				if rest, ok := strings.CutPrefix(script, "G "); ok {
					caps, script, _ = strings.Cut(rest, "\n")
				}
				u.S("* OK [CAPABILITY IMAP4rev1 " + caps + "] ready")
				u.play(script)
			}
			closeWrite(t, c)
			for _, err := c.r.ReadString('\n'); err == nil; {
				_, err = c.r.ReadString('\n')
			}
			c.close()
			testkit.Eventually(t, "the session has ended", func() bool {
				return strings.Contains(g.log.String(), "session end") || strings.Contains(g.log.String(), "connection ended before a login")
			})
			for where, text := range map[string]string{"trace": g.trace.String(), "log": g.log.String()} {
				for _, secret := range secretsOf(word) {
					if strings.Contains(text, secret) || strings.Contains(text, strings.ToUpper(secret)) {
						t.Errorf("the %s shows %q:\n%s", where, secret, text)
					}
				}
			}
			if !strings.Contains(g.trace.String(), "C<E * OK ") {
				t.Errorf("the trace shows nothing:\n%s", g.trace)
			}
		})
	}
}

// secretsOf returns the forms in which a word can be written: as it is, and in base64 at each of the three offsets.
func secretsOf(word string) []string {
	secrets := []string{word}
	for pad := range 3 {
		encoded := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("\x00", pad) + word))
		// The first and last characters depend on the bytes around the word.
		secrets = append(secrets, encoded[4:len(encoded)-4])
	}
	return secrets
}

// TestTraceHidesWhatIsMistypedAfterLogin sends a password again after the login.
func TestTraceHidesWhatIsMistypedAfterLogin(t *testing.T) {
	const word = "Tr0ub4dor"
	g := newGateway(t)
	c, u := g.login()
	for _, line := range []string{"a1 LOGIN alice " + word, "a1 AUTHENTICATE PLAIN " + plainResponse("", "alice", word), "a1 PROXYAUTH bob " + word, "a1 XPROXY " + word} {
		c.C(line)
		c.S("a1 BAD …")
	}
	for _, line := range []string{word + " " + word, "a1 " + word, word + " LOGN alice " + word, "a1 " + word + " alice", "a1 LOGN {5+}\nalice " + word, word + " UID " + word} {
		first, _, literal := strings.Cut(line, "\n")
		c.C(line)
		u.C(first)
		if literal {
			u.C("alice " + word)
		}
		tag, _, _ := strings.Cut(line, " ")
		u.S(tag + " BAD unknown")
		c.S(tag + " BAD unknown")
	}
	c.C("a9 NOOP " + word)
	u.C("a9 NOOP " + word)
	u.S("a9 OK done")
	c.S("a9 OK done")
	c.C("a10 IDLE")
	u.C("a10 IDLE")
	u.S("+ idling")
	c.S("+ idling")
	c.C(word)
	u.C("DONE")
	c.S(word + " BAD …")
	u.S("a10 BAD that is not DONE")
	c.S("a10 BAD that is not DONE")
	c.close()
	g.logged("session end")
	for where, text := range map[string]string{"trace": g.trace.String(), "log": g.log.String()} {
		for _, secret := range secretsOf(word) {
			if strings.Contains(text, secret) || strings.Contains(text, strings.ToUpper(secret)) {
				t.Errorf("the %s shows %q:\n%s", where, secret, text)
			}
		}
	}
	for _, want := range []string{"C>E *** LOGIN *** (", "C>E *** PROXYAUTH *** (", "C>E *** (19 bytes, an unknown command)", "E>S *** (19 bytes)",
		"E<S *** BAD unknown", "C>E a9 NOOP ***", "E>S a9 NOOP ***", "E<S a9 OK done", "C>E a10 IDLE", "C<E *** BAD "} {
		if !strings.Contains(g.trace.String(), want) {
			t.Errorf("the trace lacks %q:\n%s", want, g.trace)
		}
	}
}

func TestTraceShowsBothSides(t *testing.T) {
	g := newGateway(t)
	c, u := g.login()
	c.raw("a1 CREATE {6+}\r\nhidden\r\n")
	u.C("a1 CREATE {6+}")
	u.C("hidden")
	u.raw("* LIST () \"/\" {6}\r\nhidden\r\na1 OK \x1b[2Jforged\x00\r\n")
	c.S("* LIST () \"/\" {6}")
	c.S("hidden")
	c.S("a1 OK …")
	c.close()
	g.logged("session end")
	got := g.trace.String()
	for _, want := range []string{
		"C>E *** LOGIN *** (21 bytes)\n", "E>S xg1 LOGIN ***\n", "E<S xg1 OK [CAPABILITY ", "C<E *** OK [CAPABILITY ",
		"C>E a1 CREATE {6+}\n", "E>S a1 CREATE {6+}\n", `E<S * LIST () "/" {6}` + "\n", `E<S a1 OK \x1b[2Jforged\x00` + "\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the trace lacks %q", want)
		}
	}
	if strings.Contains(got, "hidden") {
		t.Error("the trace shows a literal")
	}
	if t.Failed() {
		t.Log(got)
	}
}

// TestPanicValueIsNotLogged checks that the value of a panic is not logged: it could be a line from the client.
func TestPanicValueIsNotLogged(t *testing.T) {
	recovered := func(cause func()) (said string) {
		defer func() { said = panicked(recover()) }()
		cause()
		return ""
	}
	line := "a LOGIN bob geheim"
	for _, cause := range []func(){func() { panic(line) }, func() { panic(errors.New(line)) }, func() { panic([]byte(line)) }} {
		if said := recovered(cause); strings.Contains(said, "geheim") || !strings.HasPrefix(said, "a ") {
			t.Errorf("it says %q", said)
		}
	}
	if said := recovered(func() { _ = line[:len(line)+1] }); !strings.Contains(said, "out of range") {
		t.Errorf("of the runtime's it says %q", said)
	}
}
