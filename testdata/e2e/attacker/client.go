package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"time"
)

// client is one hostile client. It comes from addresses of its own, so that what
// exgate counts by address is not counted against the honest sessions.
type client struct {
	*attack
	n      int
	random *rand.Rand
}

func newClient(a *attack, n int) *client {
	return &client{attack: a, n: n, random: rand.New(rand.NewPCG(a.seed, uint64(n)))}
}

// deed is one attack: with a connection before the login, or after it as user.
type deed struct {
	name string
	user string // "": before the login
	do   func(c *client, conn *conn)
}

// mallory is the account that the hostile clients know the password of.
const mallory = "bob"

// evil is the beginning of the accounts that exgate looks for at the hostile server.
const evil = "evil"

var deeds = []deed{
	{"bytes that are no TLS", "", nil},
	{"half a hello", "", nil},
	{"garbage before the login", "", (*client).garbage},
	{
		"a line without an end",
		"",
		func(c *client, conn *conn) { conn.flood("a1 LOGIN ", strings.Repeat("x", 4096), 1<<20) },
	},
	{"an ID of 30 long pairs", "", (*client).longID},
	{
		"an announced literal of 4 GB",
		"",
		func(_ *client, conn *conn) { conn.say("a1 LOGIN {4294967295}\r\n"); conn.read() },
	},
	{
		"literals before the login",
		"",
		func(_ *client, conn *conn) { conn.flood("a1 LOGIN ", "{4000+}\r\n"+strings.Repeat("x", 4000), 4<<20) },
	},
	{"guesses with long names", "", (*client).guess},
	{
		"many commands before the login",
		"",
		func(_ *client, conn *conn) { conn.flood("", "a1 NOOP\r\na2 CAPABILITY\r\n", 64<<10) },
	},
	{"SASL without sense", "", func(_ *client, conn *conn) {
		conn.say("a1 AUTHENTICATE PLAIN\r\n")
		conn.flood("", strings.Repeat("QUJD", 2000)+"\r\n*\r\n", 256<<10)
	}},
	{"one command with literals without end", mallory, func(_ *client, conn *conn) {
		conn.flood("a1 SEARCH", ` SUBJECT {4000+}`+"\r\n"+strings.Repeat("x", 4000), 32<<20)
	}},
	{"a literal of 1 GB", mallory, func(_ *client, conn *conn) {
		conn.flood("a1 CREATE {1000000000+}\r\n", strings.Repeat("x", 4096), 32<<20)
	}},
	{"answers that nobody reads", mallory, func(c *client, conn *conn) {
		conn.say("a1 SELECT INBOX\r\n")
		conn.flood("", "a2 UID FETCH 1:* (FLAGS BODY.PEEK[])\r\n", 8<<10)
		c.hold()
	}},
	{"ENABLE without end", mallory, func(_ *client, conn *conn) {
		conn.flood("", "a1 ENABLE "+strings.Repeat("X-ABCDEFGHIJKLMN ", 500)+"X\r\n", 2<<20)
	}},
	{"LIST with 3,000 patterns", mallory, func(_ *client, conn *conn) {
		conn.say(`a1 LIST "" (` + strings.Repeat(`"%*a*%b*%" `, 3000) + `"*")` + "\r\n")
		conn.read()
	}},
	{"an APPEND that stops", mallory, func(c *client, conn *conn) {
		conn.say("a1 APPEND INBOX {5000000+}\r\n")
		conn.flood("", strings.Repeat("x", 998)+"\r\n", c.random.IntN(4<<20))
		c.hold()
	}},
	{"an APPEND that is cut", mallory, func(c *client, conn *conn) {
		conn.say("a1 APPEND INBOX {5000000+}\r\n")
		conn.flood("", strings.Repeat("x", 998)+"\r\n", c.random.IntN(4<<20))
	}},
	{"an attachment with a list's footer", mallory, (*client).brokenAttachment},
	{"IDLE that ends with a command", mallory, func(_ *client, conn *conn) {
		conn.say("a1 IDLE\r\n")
		conn.say("a2 DELETE INBOX\r\na3 LOGOUT\r\n")
		conn.read()
	}},
	{
		"many unknown commands",
		mallory,
		func(_ *client, conn *conn) { conn.flood("", "a1 XYZZY {3+}\r\nabc\r\n", 128<<10) },
	},
	{"a set of 60 kB", mallory, func(_ *client, conn *conn) {
		conn.say("a1 SELECT INBOX\r\na2 UID FETCH " + strings.Repeat("1,3,", 15000) + "5 FLAGS\r\n")
		conn.read()
	}},
	{"commands with changed bytes", mallory, (*client).mutate},
	{"a pipeline that is left", mallory, func(c *client, conn *conn) {
		conn.flood(
			"a0 SELECT INBOX\r\n",
			"a1 NOOP\r\na2 UID SEARCH ALL\r\na3 STATUS INBOX (UIDNEXT)\r\n",
			c.random.IntN(64<<10),
		)
	}},
	{"a session behind the hostile server", evil, (*client).goOn},
	{"another one", evil, (*client).goOn},
	{"an APPEND behind the hostile server", evil, func(_ *client, conn *conn) {
		m := "Subject: x\r\n\r\nText\r\n"
		conn.say(fmt.Sprintf("a1 SELECT INBOX\r\na2 APPEND INBOX (\\Flagged) {%d+}\r\n%s\r\n", len(m), m))
		conn.read()
	}},
}

// work attacks until the context ends.
func (c *client) work(ctx context.Context) {
	for ctx.Err() == nil {
		d := deeds[c.random.IntN(len(deeds))]
		user := d.user
		if user == evil {
			user = fmt.Sprintf("%s%d", evil, c.random.IntN(20))
		}
		end := time.Now().Add(time.Duration(1+c.random.IntN(5)) * time.Second)
		c.run(ctx, d, user, end)
		c.did(d.name)
		pause(ctx, time.Duration(c.random.IntN(300))*time.Millisecond)
	}
}

func (c *client) run(ctx context.Context, d deed, user string, end time.Time) {
	from := net.IPv4(127, 1, byte(c.n), byte(1+c.random.IntN(250)))
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: from}, Deadline: end}
	raw, err := dialer.DialContext(ctx, "tcp", c.gateway)
	if err != nil {
		return
	}
	defer raw.Close()
	stop := context.AfterFunc(ctx, func() { raw.Close() })
	defer stop()
	_ = raw.SetDeadline(end)
	if c.random.IntN(2) == 0 {
		_ = raw.(*net.TCPConn).SetLinger(0) // its end is a reset
	}
	switch d.name {
	case "bytes that are no TLS":
		(&conn{Conn: raw}).flood("a1 CAPABILITY\r\n", strings.Repeat("x", 1024), 64<<10)
		return
	case "half a hello":
		_, _ = raw.Write([]byte{22, 3, 1, 2, 0, 1, 0})
		_, _ = io.Copy(io.Discard, raw)
		return
	}
	// The certificate is of no interest to who attacks.
	secure := tls.Client(raw, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec
	if err := secure.HandshakeContext(ctx); err != nil {
		return
	}
	conn := &conn{Conn: secure, r: bufio.NewReader(secure)}
	if user != "" && !conn.logIn(user) {
		return
	}
	d.do(c, conn)
}

// hold keeps a connection for a while without a word.
func (c *client) hold() { time.Sleep(time.Duration(c.random.IntN(1000)) * time.Millisecond) }

func (c *client) garbage(conn *conn) {
	b := make([]byte, 1+c.random.IntN(64<<10))
	for i := range b {
		b[i] = byte(c.random.IntN(256))
	}
	conn.say(string(b))
	conn.read()
}

func (c *client) longID(conn *conn) {
	var b strings.Builder
	for n := range 30 {
		fmt.Fprintf(&b, ` "field-%d" "%s"`, n, strings.Repeat("v", 1020))
	}
	conn.say("a1 ID (" + b.String()[1:] + ")\r\n")
	conn.read()
}

func (c *client) guess(conn *conn) {
	for n := range 3 {
		conn.say(fmt.Sprintf("a%d LOGIN %d%s wrong\r\n", n, c.random.Int(), strings.Repeat("n", 3900)))
	}
	conn.read()
}

// brokenAttachment is base64 with a fault in it, once followed by what a mailing
// list appends.
func (c *client) brokenAttachment(conn *conn) {
	body := base64.StdEncoding.EncodeToString(slices.Repeat([]byte{'x'}, 60_000))
	var b strings.Builder
	b.WriteString(
		"Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n",
	)
	for len(body) > 0 {
		n := min(76, len(body))
		b.WriteString(body[:n] + "\r\n")
		body = body[n:]
	}
	b.WriteString("_______________________________________________\r\nlist mailing list\r\n")
	conn.say(fmt.Sprintf("a1 APPEND INBOX {%d+}\r\n%s\r\n", b.Len(), b.String()))
	conn.read()
}

// sayings are commands that mutate changes.
var sayings = []string{
	"a1 SELECT INBOX\r\n", `a1 LIST "" "*"` + "\r\n", "a1 UID FETCH 1:* (UID FLAGS ENVELOPE BODYSTRUCTURE)\r\n",
	`a1 STORE 1:* +FLAGS (\Seen $Label)` + "\r\n", "a1 IDLE\r\nDONE\r\n", `a1 APPEND "x" (\Seen) "01-Jan-2020 00:00:00 +0000" {3+}` + "\r\nabc\r\n",
	"a1 UID SEARCH CHARSET UTF-8 OR SUBJECT {2+}\r\nab SINCE 1-Jan-2020\r\n",
	"a1 STATUS {5+}\r\nINBOX (MESSAGES UIDNEXT)\r\n",
	`a1 RENAME "a" "b"` + "\r\n", "a1 UID COPY 1:5 INBOX\r\n", "a1 PROXYAUTH x\x00y\r\n", "a1 ID NIL\r\n", "a1 UNSELECT\r\n", "a1 EXPUNGE\r\n",
}

func (c *client) mutate(conn *conn) {
	for range 100 {
		b := []byte(sayings[c.random.IntN(len(sayings))])
		for range c.random.IntN(4) {
			i := c.random.IntN(len(b))
			switch c.random.IntN(3) {
			case 0:
				b[i] = byte(c.random.IntN(256))
			case 1:
				b = slices.Insert(b, i, `"(){}\ +*%`[c.random.IntN(10)])
			default:
				b = slices.Delete(b, i, min(i+1+c.random.IntN(5), len(b)))
			}
			if len(b) == 0 {
				b = []byte("\r\n")
			}
		}
		conn.say(string(b))
	}
	conn.read()
}

// goOn does what a client does.
func (c *client) goOn(conn *conn) {
	conn.say(`a1 LIST "" "*"` + "\r\n")
	conn.say("a2 STATUS INBOX (MESSAGES UIDNEXT UIDVALIDITY)\r\na3 SELECT INBOX\r\n")
	conn.say("a4 UID FETCH 1:* (FLAGS BODY.PEEK[])\r\na5 UID SEARCH ALL\r\n")
	conn.read()
}

// conn is a connection, whose errors are its end: whoever attacks does not mind.
type conn struct {
	net.Conn
	r *bufio.Reader
}

func (c *conn) say(text string) { _, _ = io.WriteString(c.Conn, text) }

// flood writes first, and then again and again the text, up to n bytes.
func (c *conn) flood(first, text string, n int) {
	if _, err := io.WriteString(c.Conn, first); err != nil {
		return
	}
	for ; n > 0; n -= len(text) {
		if _, err := io.WriteString(c.Conn, text); err != nil {
			return
		}
	}
}

// read reads until the connection or its time ends.
func (c *conn) read() { _, _ = io.Copy(io.Discard, c.r) }

func (c *conn) logIn(user string) bool {
	if _, err := c.r.ReadString('\n'); err != nil {
		return false
	}
	c.say("a0 LOGIN " + user + " " + user + "pass\r\n")
	for {
		line, err := c.r.ReadString('\n')
		if err != nil {
			return false
		}
		if strings.HasPrefix(line, "a0 ") {
			return strings.HasPrefix(line, "a0 OK")
		}
	}
}
