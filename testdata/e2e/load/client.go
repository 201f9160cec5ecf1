package main

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// silence is how long a client of today waits for a word: imapsync gives up
// after it.
const silence = 120 * time.Second

// client is one IMAP connection, which has a mailbox selected. It speaks and
// reads lines itself: what a server says is to be seen as it is.
type client struct {
	conn   net.Conn
	r      *bufio.Reader
	tag    int
	exists int      // messages, as the server has told
	can    []string // the capabilities that it announces after the login, in upper case
	report func(kind, detail string)
	waits  *waits
	giveUp time.Time // when it waits no longer, whatever it hears; zero: never
}

// reply is a tagged reply with what came before it.
type reply struct {
	status   string // OK, NO or BAD
	text     string
	untagged []string // literals in their places
}

// refusal is a tagged NO or BAD.
type refusal struct{ command, status, text string }

func (r refusal) Error() string { return r.command + ": " + r.status + " " + r.text }

// lostError is the end of a connection.
type lostError struct {
	command string // in flight
	bye     string // what the server said; "" if nothing
	err     error
}

func (l lostError) Error() string {
	switch {
	case l.bye != "":
		return l.command + ": BYE " + l.bye
	case errors.Is(l.err, io.EOF) || errors.Is(l.err, io.ErrUnexpectedEOF):
		return l.command + ": closed without BYE"
	}
	var timeout net.Error
	if errors.As(l.err, &timeout) && timeout.Timeout() {
		return l.command + ": silent for " + silence.String()
	}
	return l.command + ": " + l.err.Error()
}

// dial connects with TLS, reads the greeting and logs in.
func (r *run) dial(address string, config *tls.Config, user, password string) (*client, error) {
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: silence}, "tcp", address, config)
	if err != nil {
		return nil, lostError{command: "connecting", err: err}
	}
	c := &client{conn: conn, r: bufio.NewReader(conn), report: r.violation, waits: &r.waits, giveUp: r.giveUp}
	greeting, err := c.line()
	if err == nil && !strings.HasPrefix(greeting, "* OK") {
		bye, _ := strings.CutPrefix(greeting, "* BYE ")
		err = lostError{command: "greeting", bye: bye, err: fmt.Errorf("greeting %q", greeting)}
	} else if err != nil {
		err = lostError{command: "greeting", err: err}
	}
	if err == nil {
		_, err = c.do("LOGIN %s %s", user, password)
	}
	if err == nil {
		err = c.askCapabilities()
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return c, nil
}

// askCapabilities finds out which commands the server has. The older an Exchange, the fewer they are.
func (c *client) askCapabilities() error {
	r, err := c.do("CAPABILITY")
	if err != nil {
		return err
	}
	for _, line := range r.untagged {
		if list, ok := strings.CutPrefix(line, "* CAPABILITY "); ok {
			c.can = strings.Fields(strings.ToUpper(list))
		}
	}
	if !slices.Contains(c.can, "IMAP4REV1") {
		return lostError{command: "CAPABILITY", err: fmt.Errorf("no IMAP4rev1 among %q", c.can)}
	}
	return nil
}

func (c *client) has(capability string) bool { return slices.Contains(c.can, capability) }

func (c *client) setDeadline() error {
	d := time.Now().Add(silence)
	if !c.giveUp.IsZero() && c.giveUp.Before(d) {
		d = c.giveUp
	}
	return c.conn.SetDeadline(d)
}

func (c *client) close() { c.conn.Close() }

// logout says goodbye; that it fails is no matter.
func (c *client) logout() {
	_, _ = c.do("LOGOUT")
	c.close()
}

// line reads a line with its literals.
func (c *client) line() (string, error) {
	var b strings.Builder
	for {
		if err := c.setDeadline(); err != nil {
			return "", err
		}
		part, err := c.r.ReadString('\n')
		if err != nil {
			return "", err
		}
		part = strings.TrimSuffix(part, "\r\n")
		b.WriteString(part)
		i := strings.LastIndexByte(part, '{')
		if i < 0 || !strings.HasSuffix(part, "}") || !strings.HasPrefix(b.String(), "* ") {
			return b.String(), nil
		}
		n, err := strconv.Atoi(part[i+1 : len(part)-1])
		if err != nil {
			return b.String(), nil
		}
		literal := make([]byte, n)
		if _, err := io.ReadFull(c.r, literal); err != nil {
			return "", err
		}
		b.WriteString("\r\n")
		b.Write(literal)
	}
}

// do runs a command and waits for its tagged reply, which is an error unless
// it is OK.
func (c *client) do(format string, v ...any) (reply, error) {
	command := fmt.Sprintf(format, v...)
	tag, err := c.send(command)
	if err != nil {
		return reply{}, lostError{command: verb(command), err: err}
	}
	return c.await(tag, verb(command))
}

func (c *client) send(command string) (tag string, err error) {
	c.tag++
	tag = fmt.Sprintf("t%d", c.tag)
	if err := c.setDeadline(); err != nil {
		return "", err
	}
	_, err = io.WriteString(c.conn, tag+" "+command+"\r\n")
	return tag, err
}

// verb is a command's name, without arguments.
func verb(command string) string {
	words := strings.Fields(command)
	if len(words) > 1 && words[0] == "UID" {
		return "UID " + words[1]
	}
	return words[0]
}

// errContinue is the error of await when the server asks for more.
var errContinue = errors.New("the server asks for more")

// await reads to the tagged reply, and keeps count of the mailbox.
func (c *client) await(tag, command string) (reply, error) {
	var r reply
	bye, began := "", time.Now()
	defer func() { c.waits.add(time.Since(began)) }()
	for {
		line, err := c.line()
		if err != nil {
			return r, lostError{command: command, bye: bye, err: err}
		}
		switch {
		case strings.HasPrefix(line, "* BYE "):
			bye = line[len("* BYE "):]
		case strings.HasPrefix(line, "* "):
			c.observe(command, line)
			r.untagged = append(r.untagged, line)
		case strings.HasPrefix(line, "+"):
			return r, errContinue
		case strings.HasPrefix(line, tag+" "):
			r.status, r.text, _ = strings.Cut(line[len(tag)+1:], " ")
			if r.status != "OK" {
				return r, refusal{command, r.status, r.text}
			}
			return r, nil
		default:
			c.report(command+": a line that is no reply", line)
		}
	}
}

var numbered = regexp.MustCompile(`^\* (\d+) (EXISTS|EXPUNGE|FETCH)`)

// observe holds a line against what sequence numbers there can be (RFC 9051
// section 7.5.1).
func (c *client) observe(command, line string) {
	m := numbered.FindStringSubmatch(line)
	if m == nil {
		return
	}
	n, _ := strconv.Atoi(m[1])
	switch {
	case m[2] == "EXISTS":
		if n < c.exists && command != "SELECT" && command != "EXAMINE" {
			c.report(command+": EXISTS falls", fmt.Sprintf("%s after %d", line, c.exists))
		}
		c.exists = n
	case n < 1 || n > c.exists:
		c.report(command+": "+m[2]+" of a number over EXISTS", fmt.Sprintf("%.60s after %d EXISTS", line, c.exists))
	case m[2] == "EXPUNGE":
		if slices.Contains([]string{"FETCH", "STORE", "SEARCH"}, command) {
			c.report(command+": EXPUNGE where none may come", line)
		}
		c.exists--
	}
}

// append uploads a message.
func (c *client) append(mailbox, flags string, message []byte) error {
	tag, err := c.send(fmt.Sprintf("APPEND %s (%s) {%d}", mailbox, flags, len(message)))
	if err != nil {
		return lostError{command: "APPEND", err: err}
	}
	if _, err := c.await(tag, "APPEND"); !errors.Is(err, errContinue) {
		return err
	}
	if _, err := c.conn.Write(append(message[:len(message):len(message)], "\r\n"...)); err != nil {
		return lostError{command: "APPEND", err: err}
	}
	_, err = c.await(tag, "APPEND")
	return err
}

// idle waits in IDLE for d.
func (c *client) idle(d time.Duration) error {
	tag, err := c.send("IDLE")
	if err != nil {
		return lostError{command: "IDLE", err: err}
	}
	if _, err := c.await(tag, "IDLE"); !errors.Is(err, errContinue) {
		return err
	}
	time.Sleep(d) // what a user does meanwhile
	if _, err := io.WriteString(c.conn, "DONE\r\n"); err != nil {
		return lostError{command: "IDLE", err: err}
	}
	_, err = c.await(tag, "IDLE")
	return err
}

// selectMailbox opens a mailbox. Until EXISTS comes, the server speaks of the one before: a SELECT that is refused,
// and done again by the gateway, may tell of an EXPUNGE there.
func (c *client) selectMailbox(name string) error {
	r, err := c.do("SELECT %s", name)
	if err == nil && !slices.ContainsFunc(r.untagged, isExists) {
		c.report("SELECT: OK without EXISTS", fmt.Sprintf("%q", r.untagged))
	}
	return err
}

func isExists(line string) bool {
	m := numbered.FindStringSubmatch(line)
	return m != nil && m[2] == "EXISTS"
}

// remove takes the message of that UID out of the selected mailbox, in which only this client marks
// messages as deleted.
func (c *client) remove(uid string) error {
	if _, err := c.do(`UID STORE %s +FLAGS.SILENT (\Deleted)`, uid); err != nil {
		return err
	}
	var err error
	if c.has("UIDPLUS") {
		_, err = c.do("UID EXPUNGE %s", uid)
	} else {
		_, err = c.do("EXPUNGE")
	}
	return err
}

// uids are those of the messages of that Message-ID in the selected mailbox. A
// SEARCH that was done again has them twice.
func (c *client) uids(id string) ([]string, error) {
	r, err := c.do(`UID SEARCH HEADER Message-ID "%s"`, id)
	if err != nil {
		return nil, err
	}
	var found []string
	for _, line := range r.untagged {
		if list, ok := strings.CutPrefix(line, "* SEARCH"); ok {
			found = append(found, strings.Fields(list)...)
		}
	}
	slices.Sort(found)
	return slices.Compact(found), nil
}

var (
	fetchedUID   = regexp.MustCompile(`\bUID (\d+)`)
	fetchedFlags = regexp.MustCompile(`\bFLAGS \(([^)]*)\)`)
	fetchedID    = regexp.MustCompile(`(?i)\r\nMessage-ID:\s*<([^>\r\n]*)>`)
)

// contents are the flags of the messages in the selected mailbox, by
// Message-ID: a list for each, which has one element where all is well. What
// other clients of the simulator have brought is left out.
func (c *client) contents() (map[string][]string, error) {
	found := map[string][]string{}
	if c.exists == 0 {
		return found, nil
	}
	r, err := c.do("UID FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])")
	if err != nil {
		return nil, err
	}
	byUID := map[string]string{} // flags: a later line without an id is news of one
	ids := map[string]string{}
	for _, line := range r.untagged {
		uid := fetchedUID.FindStringSubmatch(line)
		if uid == nil {
			continue
		}
		if flags := fetchedFlags.FindStringSubmatch(line); flags != nil {
			byUID[uid[1]] = sortedFlags(flags[1])
		}
		if id := fetchedID.FindStringSubmatch(line); id != nil {
			ids[uid[1]] = id[1]
		}
	}
	for uid, id := range ids {
		if !strings.HasSuffix(id, "@"+intruderDomain) {
			found[id] = append(found[id], byUID[uid])
		}
	}
	return found, nil
}

// sortedFlags are flags in one order; \Recent is the server's own.
func sortedFlags(list string) string {
	words := slices.DeleteFunc(strings.Fields(list), func(f string) bool { return f == `\Recent` })
	slices.Sort(words)
	return strings.Join(words, " ")
}
