package main

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// client is one client of exgate.
type client struct {
	nc   net.Conn
	r    *bufio.Reader
	tags int
	tag  string
}

func dial(o *options, address string) (*client, error) {
	nc, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	nc.SetDeadline(time.Now().Add(5 * time.Minute))
	if !o.plaintext {
		nc = tls.Client(nc, &tls.Config{InsecureSkipVerify: true})
	}
	c := &client{nc: nc, r: bufio.NewReaderSize(nc, 1<<10)}
	if _, err := c.r.ReadString('\n'); err != nil {
		nc.Close()
		return nil, err
	}
	return c, nil
}

// session works as one session of a client does, and then idles.
func session(o *options, address string, i int) (*client, error) {
	c, err := dial(o, address)
	if err != nil {
		return nil, err
	}
	c.nc.SetDeadline(time.Time{})
	commands := []string{
		fmt.Sprintf("LOGIN user%d@example.com secret", i%o.users), "SELECT INBOX",
		"UID FETCH 1:300 (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER.FIELDS (DATE FROM TO SUBJECT MESSAGE-ID)])",
		"UID FETCH 1:100 (UID FLAGS BODY.PEEK[])",
	}
	for _, command := range commands {
		if err := c.command(command); err != nil {
			return nil, err
		}
	}
	if o.append > 0 {
		if err := c.append(o.append, i); err != nil {
			return nil, err
		}
	}
	if o.idle {
		return c, c.ask("IDLE")
	}
	return c, nil
}

func (c *client) send(command string) error {
	c.tags++
	c.tag = "t" + strconv.Itoa(c.tags)
	_, err := io.WriteString(c.nc, c.tag+" "+command+"\r\n")
	return err
}

// command sends a command, and reads to its OK.
func (c *client) command(command string) error {
	if err := c.send(command); err != nil {
		return err
	}
	return c.await(c.tag+" OK", command)
}

// ask sends a command, and reads to the continuation request.
func (c *client) ask(command string) error {
	if err := c.send(command); err != nil {
		return err
	}
	return c.await("+", command)
}

// done ends IDLE.
func (c *client) done() error {
	if _, err := io.WriteString(c.nc, "DONE\r\n"); err != nil {
		return err
	}
	return c.await(c.tag+" OK", "DONE")
}

func (c *client) await(want, command string) error {
	for {
		line, err := c.r.ReadString('\n')
		if err != nil {
			return fmt.Errorf("%.20s: %w", command, err)
		}
		if begin := strings.LastIndexByte(line, '{'); begin >= 0 && strings.HasSuffix(line, "}\r\n") {
			size, err := strconv.Atoi(line[begin+1 : len(line)-3])
			if err != nil {
				return err
			}
			if _, err := io.CopyN(io.Discard, c.r, int64(size)); err != nil {
				return err
			}
			continue
		}
		switch {
		case strings.HasPrefix(line, want):
			return nil
		case strings.HasPrefix(line, c.tag+" "):
			return fmt.Errorf("%.20s: %s", command, line)
		}
	}
}

// append stores a message of that many bytes.
func (c *client) append(size, i int) error {
	head := fmt.Sprintf("From: a@example.com\r\nTo: b@example.com\r\nSubject: Message %d\r\n"+
		"Date: Mon, 02 Jan 2006 15:04:05 +0000\r\nMessage-ID: <%d@example.com>\r\n\r\n", i, i)
	body := strings.Repeat("The quick brown fox jumps over the lazy dog.\r\n", size/46+1)
	message := (head + body)[:size-2] + "\r\n"
	if err := c.ask(fmt.Sprintf("APPEND INBOX (\\Seen) {%d}", len(message))); err != nil {
		return err
	}
	if _, err := io.WriteString(c.nc, message+"\r\n"); err != nil {
		return err
	}
	return c.await(c.tag+" OK", "APPEND")
}
