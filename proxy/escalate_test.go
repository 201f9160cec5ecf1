package proxy

import (
	"bytes"
	"fmt"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"exgate/backend/exchangesim"
	"exgate/config/profile"
	"exgate/proxy/quarantine"
	"exgate/rewrite"
)

// strict are all quirks by which the simulator refuses content.
var strict = []string{
	"eight-bit-refused", "broken-encoding-refused", "long-subject-refused", "long-references-refused", "long-address-refused",
	"long-filename-refused", "many-parts-refused", "deep-nesting-refused", "appledouble-refused", "unknown-charset-refused",
}

// strictProfile has every fix on, each at its own stage, and lets the gateway repair up to the stage escalate.
func strictProfile(escalate rewrite.Stage) profile.Profile {
	p := exchangeProfile
	p.Message.Uses, p.Escalate = rewrite.UsesAt, escalate
	return p
}

// newStrict starts a gateway in front of a simulated Exchange with all strict quirks, and logs a client in.
func newStrict(t *testing.T, p profile.Profile, setups ...func(*Options, *limits)) (*gateway, *client, *exchangesim.Server) {
	t.Helper()
	setups = append([]func(*Options, *limits){withProfile(p), resuming}, setups...)
	g, sim := newSimulated(t, exchangesim.Config{Profile: p.Name, Quirks: strict}, setups...)
	return g, g.loggedIn(), sim
}

// loggedIn logs another client in to the simulated Exchange.
func (g *gateway) loggedIn() *client {
	g.t.Helper()
	c := g.dial()
	c.S("* OK …")
	c.C("a0 LOGIN alice@example.com alicepass")
	c.until("a0 OK [CAPABILITY …] …")
	return c
}

// withQuarantine keeps originals in a new folder.
func withQuarantine(t *testing.T) (dir string, setup func(*Options, *limits)) {
	dir = filepath.Join(t.TempDir(), "quarantine")
	return dir, func(o *Options, _ *limits) { o.Quarantine = quarantine.Options{Dir: dir} }
}

const head = "From: a@example.com\r\nMessage-ID: <1@example.com>\r\n"

// many is a References field with more ids than Exchange takes.
var many = "References:" + strings.Repeat("\r\n <a@b>", 500) + "\r\n"

func TestEscalation(t *testing.T) {
	for _, test := range []struct {
		name, message string
		escalate      rewrite.Stage
		refused       int    // how often Exchange refuses the message
		reply         string // the client's reply
		fixes         string // fixes in the log, if the message is stored
	}{
		{"accepted at once", head + "\r\nbody\r\n", rewrite.StageEnvelope, 0, "a1 OK …", "[]"},
		{"repaired", head + "Subject: Gr\xc3\xbc\xc3\x9fe\r\n\r\nbody\r\n", rewrite.StageRefused, 1, "a1 OK …", "[eight-bit]"},
		{"not that far", head + "Subject: Gr\xc3\xbc\xc3\x9fe\r\n\r\nbody\r\n", rewrite.StageProfile, 1,
			"a1 NO Command Argument Error. 11 …exgate examined the message: …eight-bit: …fixes.escalate: shed or envelope …", ""},
		{"shed without loss, no quarantine", head + "Subject: " + strings.Repeat("word ", 60) + "\r\n\r\nbody\r\n", rewrite.StageShed, 1, "a1 OK …", "[subject]"},
		{"repaired, then shed", head + "Subject: " + strings.Repeat("Gr\xc3\xbc\xc3\x9fe ", 60) + "\r\n\r\nbody\r\n", rewrite.StageShed, 2, "a1 OK …", "[eight-bit subject]"},
		{"shedding would lose something", head + many + "\r\nbody\r\n", rewrite.StageShed, 1, "a1 NO Command Argument Error. 11 …references: …fixes.escalate: envelope …", ""},
		{"envelope instead", head + many + "\r\nbody\r\n", rewrite.StageEnvelope, 1, "a1 OK …", "[envelope]"},
		{"too long a field that may not change", head + "X-A: b\r\nReceived: from " + strings.Repeat("x", 10_000) + "\r\n\r\nbody\r\n", rewrite.StageEnvelope, 0,
			"a1 OK …", "[envelope]"},
	} {
		t.Run(test.name, func(t *testing.T) {
			g, c, sim := newStrict(t, strictProfile(test.escalate))
			c.upload("INBOX", test.message)
			c.until(test.reply, "* OK …")
			if n := strings.Count(g.log.String(), "Exchange refused a message"); n != test.refused {
				t.Errorf("Exchange refused it %d times, want %d", n, test.refused)
			}
			if test.fixes == "" {
				if n := len(sim.Messages("alice", "INBOX")); n != 0 {
					t.Errorf("%d messages were stored", n)
				}
				c.C("a2 NOOP")
				c.S("a2 OK …") // the session goes on
				return
			}
			if got := fmt.Sprint(g.logged("message stored")["fixes"]); got != test.fixes {
				t.Errorf("fixes %s, want %s", got, test.fixes)
			}
			m, err := mail.ReadMessage(bytes.NewReader(stored(t, sim, "INBOX").Received))
			if err != nil || m.Header.Get("Message-ID") != "<1@example.com>" {
				t.Errorf("another Message-ID, or none: %v, %v", m, err)
			}
		})
	}
}

// The original of a message is kept before the message loses something.
func TestEscalationKeepsTheOriginal(t *testing.T) {
	dir, quarantine := withQuarantine(t)
	g, c, sim := newStrict(t, strictProfile(rewrite.StageShed), quarantine)
	message := head + many + "\r\nbody\r\n"
	c.upload("INBOX", message)
	c.until("a1 OK …", "* OK …")
	if got := fmt.Sprint(g.logged("message stored")["fixes"]); got != "[references]" {
		t.Errorf("fixes %s", got)
	}
	if n := len(stored(t, sim, "INBOX").Received); n >= len(message) {
		t.Errorf("%d bytes arrived", n)
	}
	kept := g.logged("kept the original of a message")
	path := filepath.Join(dir, fmt.Sprint(kept["file"]))
	text, err := os.ReadFile(path)
	if err != nil || string(text) != message {
		t.Errorf("kept %d bytes, %v", len(text), err)
	}
	for path, want := range map[string]os.FileMode{path: 0o600, dir: 0o700} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
}

// A message that Exchange has run as commands is never sent again unrepaired, by any session.
func TestEscalationNeverRepeatsWhatCostAConnection(t *testing.T) {
	g, c, sim := newStrict(t, strictProfile(rewrite.StageRefused))
	for range 2 {
		if err := sim.AddFault("literal-run-as-commands"); err != nil {
			t.Fatal(err)
		}
	}
	spoiled := head + "Subject: Gr\xc3\xbc\xc3\x9fe\r\n\r\nbody\r\n"
	c.upload("INBOX", spoiled)
	c.until("a1 NO …", "* OK …") // both stages cost a connection
	refused := func() int { return strings.Count(g.log.String(), `"msg":"message without a reply"`) }
	if n := refused(); n != 2 {
		t.Fatalf("%d connections were lost, want 2", n)
	}
	other := g.loggedIn()
	other.upload("INBOX", spoiled)
	other.until("a1 NO [CANNOT] Exchange took this very message for commands before…", "* OK …")
	if n := refused(); n != 2 {
		t.Errorf("%d connections were lost after another try", n)
	}
	other.upload("INBOX", cleanMessage)
	other.until("a1 OK …", "* …")
	stored(t, sim, "INBOX")
}

// A session survives more than ten refusals, since the gateway renews its connection.
func TestEscalationRenewsTheConnection(t *testing.T) {
	g, c, sim := newStrict(t, strictProfile(rewrite.StageShed))
	for i := range 12 {
		c.upload("INBOX", fmt.Sprintf("Message-ID: <%d@example.com>\r\nSubject: %s\r\n\r\nbody\r\n", i, strings.Repeat("Gr\xc3\xbc\xc3\x9fe ", 60)))
		c.until("a1 OK …", "* OK …")
	}
	if n := len(sim.Messages("alice", "INBOX")); n != 12 {
		t.Errorf("%d messages arrived", n)
	}
	if strings.Contains(g.log.String(), "Connection closed. 14") {
		t.Error("Exchange closed the connection")
	}
}

// A message whose signed part must not change is sent in an envelope right after the first refusal.
func TestEscalationOfSignedParts(t *testing.T) {
	p := strictProfile(rewrite.StageEnvelope)
	p.Message.Signed = rewrite.SignedLeave
	g, c, _ := newStrict(t, p)
	c.upload("INBOX", head+"Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\nGr\xc3\xbc\xc3\x9fe\r\n--b\r\n\r\nx\r\n--b--\r\n")
	c.until("a1 OK …", "* OK …")
	if got := fmt.Sprint(g.logged("message stored")["fixes"]); got != "[envelope]" {
		t.Errorf("fixes %s", got)
	}
	if n := strings.Count(g.log.String(), "Exchange refused a message"); n != 1 {
		t.Errorf("it was refused %d times, want once", n)
	}
}

func TestOversizeDetach(t *testing.T) {
	p := strictProfile(rewrite.StageProfile)
	p.MessageLimit, p.Message.SizeLimit, p.Message.Oversize = 50_000, 50_000, rewrite.OversizeDetach
	dir, quarantine := withQuarantine(t)
	message := head + "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ntext\r\n--b\r\n" +
		"Content-Type: application/pdf; name=\"../a.pdf\"\r\nContent-Transfer-Encoding: base64\r\n\r\n" + strings.Repeat("QUJD\r\n", 10_000) + "--b--\r\n"
	g, c, sim := newStrict(t, p, quarantine)
	c.upload("INBOX", message)
	c.until("a1 OK …", "* OK …")
	if got := fmt.Sprint(g.logged("message stored")["fixes"]); got != "[oversize]" {
		t.Errorf("fixes %s", got)
	}
	if received := stored(t, sim, "INBOX").Received; !bytes.Contains(received, []byte("SHA-256: ")) || len(received) > 2000 {
		t.Errorf("arrived: %.2000s", received)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 || !strings.HasSuffix(files[0].Name(), "-.._a.pdf") {
		t.Fatalf("kept: %v, %v", files, err)
	}
	if kept, err := os.ReadFile(filepath.Join(dir, files[0].Name())); err != nil || string(kept) != strings.Repeat("ABC", 10_000) {
		t.Errorf("kept %d bytes, %v", len(kept), err)
	}
	// A message without attachments cannot be made smaller, so the limit refuses it.
	c.upload("INBOX", head+"\r\n"+strings.Repeat("text\r\n", 10_000))
	c.until("a1 NO [TOOBIG] …", "* …")
}

// tagged waits for the tagged reply and returns it.
func (c *client) tagged(tag string) string {
	c.t.Helper()
	for {
		if line := c.S("…"); strings.HasPrefix(line, tag+" ") {
			return line
		}
	}
}

// lastFixes returns the fixes of the message that was stored last, as the log has them.
func (g *gateway) lastFixes() string {
	log := g.log.String()
	log = log[strings.LastIndex(log, `"msg":"message stored"`)+1:]
	_, fixes, _ := strings.Cut(log, `"fixes":[`)
	fixes, _, _ = strings.Cut(fixes, "]")
	return strings.NewReplacer(`"`, "", ",", " ").Replace(fixes)
}
