package proxy

import (
	"bytes"
	"fmt"
	"io"
	"mime/quotedprintable"
	"net/mail"
	"slices"
	"strings"
	"testing"
	"time"

	"exgate/backend/exchangesim"
	"exgate/config/profile"
)

// exchangeProfiles returns the profiles of the versions that the simulator has.
func exchangeProfiles() []profile.Profile {
	var profiles []profile.Profile
	for _, name := range exchangesim.Profiles() {
		if name == "exchange2000" || name == "exchange2007" {
			continue // TestExchangeFlaggedWithoutUIDPLUS has the versions without UIDPLUS
		}
		p := exchangeProfile
		p.Name = name
		if name == "exchange-online" {
			p.MessageLimit, p.Flagged, p.MDNSent = 45_000_000, false, true
		}
		profiles = append(profiles, p)
	}
	return profiles
}

// forEachExchange runs a test once for each version of Exchange, with a client that is logged in.
func forEachExchange(t *testing.T, test func(t *testing.T, p profile.Profile, g *gateway, c *client, sim *exchangesim.Server), setups ...func(*Options, *limits)) {
	for _, p := range exchangeProfiles() {
		t.Run(p.Name, func(t *testing.T) {
			g, sim := newSimulated(t, exchangesim.Config{Profile: p.Name}, append([]func(*Options, *limits){withProfile(p)}, setups...)...)
			c := g.dial()
			c.S("* OK …")
			c.C("a0 LOGIN alice@example.com alicepass")
			c.until("a0 OK [CAPABILITY …] …")
			test(t, p, g, c, sim)
		})
	}
}

// upload appends a message, in a synchronizing literal.
func (c *client) upload(args, message string) {
	c.t.Helper()
	c.C(fmt.Sprintf("a1 APPEND %s {%d}", args, len(message)))
	c.until("+ …")
	c.raw(message + "\r\n")
}

// stored returns the only message in a mailbox of alice.
func stored(t *testing.T, sim *exchangesim.Server, mailbox string) exchangesim.Message {
	t.Helper()
	list := sim.Messages("alice", mailbox)
	if len(list) != 1 {
		t.Fatalf("%d messages in %s, want one", len(list), mailbox)
	}
	return list[0]
}

const cleanMessage = "From: a@example.com\r\nMessage-ID: <1@example.com>\r\nSubject: clean\r\n\r\nNothing to repair,  \r\n.\r\nnot here.\r\n"

func TestExchangeCleanMessageArrivesByteForByte(t *testing.T) {
	forEachExchange(t, func(t *testing.T, p profile.Profile, g *gateway, c *client, sim *exchangesim.Server) {
		date := `"22-Nov-2026 10:00:00 +0100"`
		c.raw(fmt.Sprintf("a1 APPEND INBOX (\\Seen \\Draft) %s {%d+}\r\n%s\r\n", date, len(cleanMessage), cleanMessage))
		c.S("a1 OK [APPENDUID …] …")
		m := stored(t, sim, "INBOX")
		if string(m.Received) != cleanMessage {
			t.Errorf("arrived: %q", m.Received)
		}
		if got := strings.Join(m.Flags, " "); got != `\Seen \Draft` {
			t.Errorf("flags %s", got)
		}
		if got := m.InternalDate.UTC().Format("2006-01-02 15:04"); got != "2026-11-22 09:00" {
			t.Errorf("date %s", got)
		}
		for size := range 300_000 {
			if size%100_000 > 2 {
				continue
			}
			message := cleanMessage + strings.Repeat("x", size%80) + strings.Repeat(strings.Repeat("y", 78)+"\r\n", size/80)
			c.upload("Drafts", message)
			c.S("a1 OK [APPENDUID …] …")
			list := sim.Messages("alice", "Drafts")
			if last := list[len(list)-1]; string(last.Received) != message {
				t.Errorf("a message of %d bytes arrived with %d", len(message), len(last.Received))
			}
		}
	})
}

func TestExchangeLongLineIsRepaired(t *testing.T) {
	body := strings.Repeat("a line that is far too long; ", 2000) + "\r\nand a short one\r\n"
	header := "From: a@example.com\r\nSubject: long\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n"
	forEachExchange(t, func(t *testing.T, p profile.Profile, g *gateway, c *client, sim *exchangesim.Server) {
		c.upload("INBOX", header+body)
		c.S("a1 OK [APPENDUID …] …")
		received := stored(t, sim, "INBOX").Received
		for line := range bytes.Lines(received) {
			if len(line) > 9902 {
				t.Errorf("a line of %d bytes went to Exchange", len(line))
			}
		}
		m, err := mail.ReadMessage(bytes.NewReader(received))
		if err != nil {
			t.Fatal(err)
		}
		if got := m.Header.Get("Content-Transfer-Encoding"); got != "quoted-printable" {
			t.Fatalf("encoding %q", got)
		}
		decoded, err := io.ReadAll(quotedprintable.NewReader(m.Body))
		if err != nil || string(decoded) != body {
			t.Errorf("the decoded body differs (%v): %d bytes, want %d", err, len(decoded), len(body))
		}
		if end := g.logged("message stored"); fmt.Sprint(end["fixes"]) != "[long-lines]" {
			t.Errorf("the log says fixes %v", end["fixes"])
		}
	})
}

// Exchange runs a message with a long line as commands, unless the gateway repairs it.
func TestExchangeLongLineWithoutRepair(t *testing.T) {
	off := func(o *Options, _ *limits) {
		p := o.Upstreams[0].Profiles("")
		p.Message.LongLines = ""
		o.Upstreams[0].Profiles = func(string) profile.Profile { return p }
	}
	message := "Subject: x\r\n\r\n<body " + strings.Repeat("x", 20_000) + "\r\n* OK hello\r\n"
	forEachExchange(t, func(t *testing.T, p profile.Profile, g *gateway, c *client, sim *exchangesim.Server) {
		c.upload("INBOX", message)
		c.S("a1 NO BAD Command Error. 10 (exgate: Exchange replied out of step…")
		c.S("* BYE BAD Command Error. 10 (exgate: Exchange replied out of step…")
		c.ends()
		if n := len(sim.Messages("alice", "INBOX")); n != 0 {
			t.Errorf("%d messages were stored", n)
		}
	}, off)
}

func TestExchangeReadReceiptIsRenamed(t *testing.T) {
	message := "From: a@example.com\r\nDISPOSITION-notification-to: b@example.com\r\nSubject: x\r\n\r\nhello\r\n"
	want := strings.Replace(message, "DISPOSITION", "X-DISPOSITION", 1)
	forEachExchange(t, func(t *testing.T, p profile.Profile, g *gateway, c *client, sim *exchangesim.Server) {
		c.upload("INBOX", message)
		c.S("a1 OK …")
		m := stored(t, sim, "INBOX")
		if !strings.EqualFold(string(m.Received), want) {
			t.Errorf("arrived: %q", m.Received)
		}
		if m.WouldSendReceipt {
			t.Error("opening it would send a receipt")
		}
	})
}

func TestExchangeFlaggedShowsInOutlook(t *testing.T) {
	for name, selected := range map[string]string{
		"that mailbox selected": "SELECT INBOX",
		"in another case":       "SELECT inbox",
		"selected read-only":    "EXAMINE INBOX",
		"another selected":      "SELECT Drafts",
		"none selected":         "NOOP",
		"none any more":         "CLOSE",
		"none after a failure":  "SELECT Nowhere", // RFC 9051 section 6.3.2
	} {
		t.Run(name, func(t *testing.T) {
			forEachExchange(t, func(t *testing.T, p profile.Profile, g *gateway, c *client, sim *exchangesim.Server) {
				if selected == "CLOSE" || selected == "SELECT Nowhere" {
					c.C("a0 SELECT INBOX")
					c.until("a0 OK …", "* …")
				}
				c.C("a0 " + selected)
				c.until("a0 …", "* …")
				c.upload(`INBOX (\Flagged \Seen)`, cleanMessage)
				if strings.Contains(strings.ToUpper(selected), " INBOX") {
					c.S("* 1 EXISTS") // no FETCH may follow
				}
				if selected == "EXAMINE INBOX" {
					// The STORE came by another connection, so Exchange reports the flag unasked.
					c.until("a1 OK [APPENDUID …] …", "* 1 FETCH (…FLAGS (…\\Flagged…", "* … RECENT")
				} else {
					c.until("a1 OK [APPENDUID …] …", "* … RECENT")
				}
				m := stored(t, sim, "INBOX")
				if !m.OutlookFlagged {
					t.Error("not flagged in Outlook")
				}
				if !slices.Contains(m.Flags, `\Flagged`) || !slices.Contains(m.Flags, `\Seen`) {
					t.Errorf("flags over IMAP: %v", m.Flags)
				}
				if strings.Contains(g.log.String(), "was not set") {
					t.Error("the log has a complaint")
				}
			})
		})
	}
}

// Without UIDPLUS the gateway has to look for the message before it can set the flag.
func TestExchangeFlaggedWithoutUIDPLUS(t *testing.T) {
	for _, profile := range []string{"exchange2000", "exchange2007"} {
		for _, selected := range []string{"NOOP", "SELECT INBOX", "SELECT Drafts"} {
			t.Run(profile+" "+selected, func(t *testing.T) {
				g, sim := newExchange(t, profile)
				c := g.loginSimulated()
				c.C("a0 " + selected)
				c.until("a0 OK …", "* …")
				for i, flags := range []string{`(\Flagged \Seen)`, `(\Seen)`, `(\Flagged)`} {
					message := strings.Replace(cleanMessage, "<1@", fmt.Sprintf("<%d@", i), 1)
					c.upload("INBOX "+flags, message)
					c.until("a1 OK APPEND …", "* …")
				}
				flagged := ""
				for _, m := range sim.Messages("alice", "INBOX") {
					flagged += fmt.Sprintf("%t ", m.OutlookFlagged)
				}
				if flagged != "true false true " {
					t.Errorf("flagged in Outlook: %s", flagged)
				}
			})
		}
	}
}

// A STORE that fails is tried again, with the UID that the first look has found: equal messages are in the mailbox.
func TestExchangeFlaggedIsTriedAgain(t *testing.T) {
	for _, profile := range []string{"exchange2000", "exchange2007", "exchange2016"} {
		for _, fault := range []string{
			"refuse:UID STORE:2:NO Server Unavailable. 15",
			"refuse:UID STORE:1:BAD Request is throttled. Suggested Backoff Time: 10 milliseconds",
			"cut:UID STORE",
			"cut-reply:UID STORE:1",
			"refuse:SELECT:1:NO Server Unavailable. 15",
			"cut:NOOP",
		} {
			t.Run(profile+" "+fault, func(t *testing.T) {
				g, sim := newExchange(t, profile, func(_ *Options, l *limits) { l.Replay = time.Millisecond })
				c := g.loginSimulated()
				for range 2 {
					if err := sim.AddFault(fault); err != nil {
						t.Fatal(err)
					}
					c.upload(`INBOX (\Flagged)`, cleanMessage)
					c.until("a1 OK …", "* …")
				}
				flagged := ""
				for _, m := range sim.Messages("alice", "INBOX") {
					flagged += fmt.Sprintf("%t ", m.OutlookFlagged)
				}
				if flagged != "true true " {
					t.Errorf("flagged in Outlook: %s\n%s", flagged, g.log)
				}
			})
		}
	}
}

// mbsync gets the UID of each of its messages, also where Exchange does not say it: it cannot find the message by itself.
// A message without its mark does not wait for that.
func TestMbsyncGetsTheUID(t *testing.T) {
	marked := "X-TUID: abcdefghijkl\r\n" + cleanMessage
	for _, profile := range []string{"exchange2000", "exchange2007"} {
		for _, fault := range []string{"", "cut:UID FETCH", "refuse:UID FETCH:1:NO Server Unavailable. 15"} {
			t.Run(profile+" "+fault, func(t *testing.T) {
				p := exchangeProfile
				p.Name = profile
				// Without UIDNEXT, the session would end with its connection (EX-86).
				cfg := exchangesim.Config{Profile: profile, Quirks: []string{"no-uidnext-missing"}}
				g, sim := newSimulated(t, cfg, withProfile(p), resuming, func(_ *Options, l *limits) { l.Replay = time.Millisecond })
				c := g.loginSimulated()
				c.C("a0 SELECT INBOX")
				c.until("a0 OK …", "* …")
				for n, step := range []struct{ arguments, message, says string }{
					{"INBOX", marked, "a1 OK [APPENDUID … 1] …"},
					{`INBOX (\Flagged)`, marked, "a1 OK [APPENDUID … 2] …"},
					{"Drafts", marked, "a1 OK [APPENDUID … 1] …"},
					{"INBOX", cleanMessage, "a1 OK APPEND …"},
				} {
					if n == 0 && fault != "" {
						if err := sim.AddFault(fault); err != nil {
							t.Fatal(err)
						}
					}
					c.upload(step.arguments, step.message)
					c.until(step.says, "* …")
				}
			})
		}
	}
}

func TestExchangeKeywordsAreDropped(t *testing.T) {
	forEachExchange(t, func(t *testing.T, p profile.Profile, g *gateway, c *client, sim *exchangesim.Server) {
		for i, mailbox := range []string{"INBOX", "Drafts"} {
			if i == 0 { // the gateway then knows its PERMANENTFLAGS
				c.C("a0 SELECT INBOX")
				c.until("a0 OK …", "* …")
			}
			c.upload(mailbox+` (\Seen $Forwarded foo[1] $MDNSent \Recent2)`, cleanMessage)
			c.until("a1 OK …", "* …")
			m := stored(t, sim, mailbox)
			want := `\Seen $MDNSent`
			if p.Name == "exchange-online" { // Exchange Online keeps the keyword as a category
				want = `\Seen`
			}
			if got := strings.Join(m.Flags, " "); got != want {
				t.Errorf("%s: flags %s, want %s", mailbox, got, want)
			}
			if m.OutlookCategory != "" {
				t.Errorf("category %s", m.OutlookCategory)
			}
		}
	})
}

// A message over the limit is not sent to Exchange. mbsync waits for ever where it is refused before the client has sent
// it (takeUnwanted).
func TestExchangeOversizeIsNotSent(t *testing.T) {
	forEachExchange(t, func(t *testing.T, p profile.Profile, g *gateway, c *client, sim *exchangesim.Server) {
		size := p.MessageLimit + 1
		c.C(fmt.Sprintf("a1 APPEND INBOX {%d}", size))
		c.S("+ …")
		c.raw(strings.Repeat("x", int(size)) + "\r\n")
		c.S(fmt.Sprintf("a1 NO [TOOBIG] the message has %d bytes and the limit here is %d: …", size, p.MessageLimit))
		c.C("a2 APPEND INBOX {300000000}")
		c.S("a2 NO [TOOBIG] …")
		c.C("a3 NOOP")
		c.S("a3 OK NOOP completed.")
		if n := sim.Stats().Commands["APPEND"]; n != 0 {
			t.Errorf("Exchange got %d APPENDs", n)
		}
	})
}

// The limit of the message size is compared with the repaired message.
func TestExchangeOversizeAfterRepair(t *testing.T) {
	small := func(o *Options, _ *limits) {
		p := o.Upstreams[0].Profiles("")
		p.MessageLimit = 20_000
		o.Upstreams[0].Profiles = func(string) profile.Profile { return p }
	}
	message := "Subject: x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + strings.Repeat("\xc3\xa4", 9900) + "\r\n"
	forEachExchange(t, func(t *testing.T, p profile.Profile, g *gateway, c *client, sim *exchangesim.Server) {
		c.upload("INBOX", message)
		c.S("a1 NO [TOOBIG] the message has … bytes and the limit here is 20000: … (counted after repair)")
		c.C("a2 NOOP")
		c.S("a2 OK NOOP completed.")
		if n := len(sim.Messages("alice", "INBOX")); n != 0 {
			t.Errorf("%d messages were stored", n)
		}
	}, small)
}

func TestExchangeThrottleIsWaitedOut(t *testing.T) {
	forEachExchange(t, func(t *testing.T, p profile.Profile, g *gateway, c *client, sim *exchangesim.Server) {
		if err := sim.AddFault("throttle:200ms:2"); err != nil {
			t.Fatal(err)
		}
		c.upload(`INBOX (\Flagged)`, cleanMessage)
		c.until("* OK exgate: still working: Exchange throttles this account; 0 s more")
		c.until("a1 OK [APPENDUID …] …")
		if m := stored(t, sim, "INBOX"); string(m.Received) != cleanMessage || !m.OutlookFlagged {
			t.Errorf("arrived: %q, flagged %t", m.Received, m.OutlookFlagged)
		}
		if n := strings.Count(g.log.String(), "Exchange throttles the account"); n != 2 {
			t.Errorf("the log has %d throttles, want 2", n)
		}
	}, shortWaits)
}

func TestExchangeRefusesTheContent(t *testing.T) {
	message := "Subject: =?TELETEX?Q?x?=\r\n\r\nhello\r\n"
	forEachExchange(t, func(t *testing.T, p profile.Profile, g *gateway, c *client, sim *exchangesim.Server) {
		c.upload("INBOX", message)
		c.S("a1 NO Command Argument Error. 11 (exgate: …")
		c.upload("INBOX", cleanMessage) // the session goes on
		c.S("a1 OK …")
		if attrs := g.logged("Exchange refused a message"); attrs["reply"] != "BAD Command Argument Error. 11" {
			t.Errorf("the log says %v", attrs)
		}
	})
}

func TestExchangeMissingMailbox(t *testing.T) {
	forEachExchange(t, func(t *testing.T, p profile.Profile, g *gateway, c *client, sim *exchangesim.Server) {
		c.upload("Missing", cleanMessage)
		c.S("a1 NO [TRYCREATE] …")
		c.raw("a2 APPEND {7+}\r\nMissing {13+}\r\na3 LOGOUT\r\n\r\n\r\n")
		c.S("a2 NO [TRYCREATE] …")
		c.C("a4 CREATE Missing")
		c.S("a4 OK …")
		c.upload("Missing", cleanMessage)
		c.S("a1 OK …")
		stored(t, sim, "Missing")
	})
}
