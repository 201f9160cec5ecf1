package proxy

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"exgate/proxy/ledger"
)

// A server that took a mail for commands repeats words of the mail, as the tag and in the text, and one that is none
// of IMAP sends a page. Neither the log nor the ledger has them.
func TestMailIsNotInTheLog(t *testing.T) {
	const words = "Zwetschgenkuchen"
	for name, reply := range map[string]string{
		"a word of the mail as the tag":   words + " BAD Command Error. 10",
		"a tag of the mail in HTML":       "<" + words + "> BAD Command Error. 10",
		"a page in a refusal":             "xg3 NO <html><body>" + words + "</body></html>",
		"a page in an argument error":     "xg3 BAD Command Argument Error. 11 <p>" + words,
		"a page in a response code":       "xg3 NO [<p>" + words + "] no",
		"a page in a throttle":            `xg3 NO Request is throttled. Suggested Backoff Time: 1 milliseconds <p>` + words,
		"a page in a BYE":                 "* BYE <p>" + words,
		"a refusal, and then the end":     "* NO <p>" + words,
		"a control character":             "xg3 NO refused\t" + words,
		"a line of the mail, as it is":    words + " and cream",
		"a request to go on with a word":  "+ " + "<" + words,
		"a word of the mail as an answer": "* " + words,
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "ledger.db")
			g := newGateway(t, withProfile(exchangeProfile), func(o *Options, l *limits) {
				l.Linger = time.Millisecond
				o.Ledger = ledger.Open(ledger.Options{File: file, Log: o.Log})
				t.Cleanup(o.Ledger.Close)
			})
			c, u := g.login()
			c.raw("a1 APPEND INBOX {3+}\r\nabc\r\n")
			u.C("xg3 APPEND INBOX {3}")
			u.S("+ go")
			u.C("abc")
			u.raw(reply + "\r\n")
			u.nc.Close()
			g.logged("session end")
			if log := g.log.String(); strings.Contains(log, words) {
				t.Errorf("the log has the mail's word:\n%s", log)
			}
			g.srv.settings.Load().opts.Ledger.Close()
			for _, file := range []string{file, file + "-wal"} {
				if hasText(t, file, words) {
					t.Errorf("%s has the mail's word", filepath.Base(file))
				}
			}
		})
	}
}

// hasText reports whether a file, which may be missing, has a text.
func hasText(t *testing.T, file, text string) bool {
	data, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return strings.Contains(string(data), text)
}
