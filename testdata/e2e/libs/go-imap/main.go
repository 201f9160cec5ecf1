// Program go-imap shows what go-imap's client makes of answers of Exchange's: one line for each case,
// "CASE: ok" or what went wrong.
//
//	go-imap LIMIT NUMBER CASE:PORT:CA...    LIMIT is the seconds for a case, NUMBER the message to move
package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-sasl"
)

// A try is a case: the messages go by number.
type try struct {
	c      *imapclient.Client
	number uint32
	again  func() (*imapclient.Client, error) // another session of the account
}

var tries = map[string]func(t *try) error{
	"status":      func(t *try) error { return t.empty("Drafts") },
	"inbox":       func(t *try) error { return t.empty("Drafts") },
	"errorok":     func(t *try) error { return t.c.Noop().Wait() },
	"strays":      strays,
	"unavailable": unavailable,
	"structure":   structure,
	"envelope":    envelope,
	"copyuid":     copyNothing,
	"move":        move,
	"store":       store,
	"partial":     partial,
	"holes":       holes,
	"numbers":     numbers,
	"names":       names,
	"longset":     longSet,
	"largecopy":   largeCopy,
	"keywords":    keywords,
	"unknown":     unknown,
	"date":        date,
	"namespace":   namespace,
	"charset":     charset,
	"address":     address,
	"folders":     folders,
	"idle":        idle,
}

// empty asks for the messages of a mailbox that has none.
func (t *try) empty(mailbox string) error {
	status, err := t.c.Status(mailbox, &imap.StatusOptions{NumMessages: true}).Wait()
	if err != nil {
		return err
	}
	return want("messages", *status.NumMessages, 0)
}

// work selects the mailbox Work.
func (t *try) work() error {
	_, err := t.c.Select("Work", nil).Wait()
	return err
}

// fetch fetches from the mailbox Work.
func (t *try) fetch(set imap.NumSet, options *imap.FetchOptions) ([]*imapclient.FetchMessageBuffer, error) {
	if err := t.work(); err != nil {
		return nil, err
	}
	messages, err := t.c.Fetch(set, options).Collect()
	if err == nil && len(messages) == 0 {
		err = errors.New("no message")
	}
	return messages, err
}

func want[T comparable](what string, got, want T) error {
	if got != want {
		return fmt.Errorf("%v %s, not %v", got, what, want)
	}
	return nil
}

// refused returns nil for an error that the server answers, as it may.
func refused(err error) error {
	if e := new(imap.Error); errors.As(err, &e) {
		return nil
	}
	return err
}

func strays(t *try) error {
	if _, err := t.c.Capability().Wait(); err != nil {
		return err
	}
	if err := t.c.Noop().Wait(); err != nil {
		return err
	}
	return t.work()
}

func unavailable(t *try) error {
	_, err := t.c.Select("Drafts", &imap.SelectOptions{ReadOnly: true}).Wait()
	if err == nil {
		return errors.New("no error")
	}
	if err := refused(err); err != nil {
		return err
	}
	return t.c.Noop().Wait()
}

func structure(t *try) error {
	item := &imap.FetchItemBodyStructure{Extended: true}
	messages, err := t.fetch(imap.SeqSetNum(1), &imap.FetchOptions{BodyStructure: item})
	if err != nil {
		return err
	}
	part, ok := messages[0].BodyStructure.(*imap.BodyStructureSinglePart)
	if !ok {
		return fmt.Errorf("a structure of %T", messages[0].BodyStructure)
	}
	return want("as the name of the file", part.Filename(), "report.pdf")
}

func envelope(t *try) error {
	messages, err := t.fetch(imap.SeqSetNum(1), &imap.FetchOptions{Envelope: true})
	if err != nil {
		return err
	}
	return want("addresses", len(messages[0].Envelope.To), 2)
}

func copyNothing(t *try) error {
	if err := t.work(); err != nil {
		return err
	}
	if _, err := t.c.Copy(imap.UIDSetNum(999), "Drafts").Wait(); err != nil {
		return err
	}
	return t.c.Noop().Wait()
}

func move(t *try) error {
	if err := t.work(); err != nil {
		return err
	}
	moved, err := t.c.Move(imap.UIDSetNum(imap.UID(t.number)), "Drafts").Wait()
	if err != nil {
		return err
	}
	if moved.DestUIDs == nil {
		return errors.New("the new UID is not told")
	}
	return t.c.Noop().Wait()
}

func store(t *try) error {
	if err := t.work(); err != nil {
		return err
	}
	seen := &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagSeen}}
	messages, err := t.c.Store(imap.UIDSetNum(2), seen, nil).Collect()
	if err != nil {
		return err
	}
	if len(messages) != 1 || messages[0].UID != 2 || !slices.Contains(messages[0].Flags, imap.FlagSeen) {
		return errors.New("the flags are not told")
	}
	return nil
}

func partial(t *try) error {
	item := &imap.FetchItemBodySection{Peek: true, Partial: &imap.SectionPartial{Size: 5}}
	messages, err := t.fetch(imap.SeqSetNum(1), &imap.FetchOptions{BodySection: []*imap.FetchItemBodySection{item}})
	if err != nil {
		return err
	}
	return want("bytes", len(messages[0].FindBodySection(item)), 5)
}

func holes(t *try) error {
	if err := t.work(); err != nil {
		return err
	}
	set := imap.UIDSet{}
	set.AddRange(1, 6)
	item := &imap.FetchItemBodySection{Peek: true}
	messages, err := t.c.Fetch(set, &imap.FetchOptions{BodySection: []*imap.FetchItemBodySection{item}}).Collect()
	if err != nil {
		return err
	}
	return want("messages", len(messages), 6)
}

func numbers(t *try) error {
	if err := t.work(); err != nil {
		return err
	}
	found, err := t.c.Search(&imap.SearchCriteria{}, nil).Wait()
	if err != nil {
		return err
	}
	return want("as the messages", fmt.Sprint(found.AllSeqNums()), "[1 2 3 4 5 6]")
}

func names(t *try) error {
	wanted := fmt.Sprintf(`a "b" \c %d`, t.number)
	if err := t.c.Create(wanted, nil).Wait(); err != nil {
		return err
	}
	if _, err := t.c.Select(wanted, nil).Wait(); err != nil {
		return err
	}
	return t.lists(wanted)
}

// lists checks that mailboxes are listed.
func (t *try) lists(wanted ...string) error {
	listed, err := t.c.List("", "*", nil).Collect()
	if err != nil {
		return err
	}
	for _, name := range wanted {
		if !slices.ContainsFunc(listed, func(l *imap.ListData) bool { return l.Mailbox == name }) {
			return fmt.Errorf("%q is not listed", name)
		}
	}
	return nil
}

func folders(t *try) error { return t.lists("Da\tOggetto", "Public Folders") }

func longSet(t *try) error {
	if err := t.work(); err != nil {
		return err
	}
	var set imap.UIDSet
	for uid := imap.UID(2); uid < 12000; uid += 5 {
		set.AddNum(uid)
	}
	_, err := t.c.Copy(set, "Drafts").Wait()
	return err
}

func largeCopy(t *try) error {
	if err := t.work(); err != nil {
		return err
	}
	set := imap.SeqSet{}
	set.AddRange(1, 120)
	_, err := t.c.Copy(set, "Drafts").Wait()
	return err
}

func keywords(t *try) error {
	if err := t.work(); err != nil {
		return err
	}
	flags := &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagSeen, imap.FlagForwarded}}
	return t.twelveTimes(func() error { return t.c.Store(imap.SeqSetNum(1), flags, nil).Close() })
}

// twelveTimes does what a server may refuse, and then needs a connection that lives.
func (t *try) twelveTimes(do func() error) error {
	for range 12 {
		if err := refused(do()); err != nil {
			return err
		}
	}
	return t.c.Noop().Wait()
}

// unknown does what go-imap sends though it is not announced.
func unknown(t *try) error {
	return t.twelveTimes(func() error {
		_, err := t.c.MyRights("INBOX").Wait()
		return err
	})
}

func date(t *try) error {
	message := "Subject: x\r\n\r\ny\r\n"
	options := &imap.AppendOptions{Time: time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)}
	appended := t.c.Append("Work", int64(len(message)), options)
	if _, err := appended.Write([]byte(message)); err != nil {
		return err
	}
	if err := appended.Close(); err != nil {
		return err
	}
	_, err := appended.Wait()
	return err
}

func namespace(t *try) error {
	spaces, err := t.c.Namespace().Wait()
	if err != nil {
		return err
	}
	return want("as the separator", spaces.Personal[0].Delim, '/')
}

func charset(t *try) error {
	return t.finds(imap.SearchCriteriaHeaderField{Key: "SUBJECT", Value: "lunch"}, 1)
}

func address(t *try) error {
	return t.finds(imap.SearchCriteriaHeaderField{Key: "FROM", Value: "ann@example.com"}, 6)
}

// finds checks how many messages of the mailbox Work have a header field.
func (t *try) finds(field imap.SearchCriteriaHeaderField, messages int) error {
	if err := t.work(); err != nil {
		return err
	}
	found, err := t.c.Search(&imap.SearchCriteria{Header: []imap.SearchCriteriaHeaderField{field}}, nil).Wait()
	if err != nil {
		return err
	}
	return want("messages", len(found.AllSeqNums()), messages)
}

func idle(t *try) error {
	if err := t.work(); err != nil {
		return err
	}
	other, err := t.again()
	if err != nil {
		return err
	}
	defer other.Close()
	if err := date(&try{c: other}); refused(err) != nil {
		return err
	}
	waiting, err := t.c.Idle()
	if err != nil {
		return err
	}
	if err := waiting.Close(); err != nil {
		return err
	}
	if err := waiting.Wait(); err != nil {
		return err
	}
	return t.c.Noop().Wait()
}

func connect(port, ca string, limit time.Duration) (*imapclient.Client, error) {
	pem, err := os.ReadFile(ca)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	config := &tls.Config{ServerName: "localhost", RootCAs: roots}
	nc, err := tls.Dial("tcp", net.JoinHostPort("127.0.0.1", port), config)
	if err != nil {
		return nil, err
	}
	time.AfterFunc(limit, func() { _ = nc.Close() }) // a case that hangs
	return imapclient.New(nc, nil), nil
}

func open(port, ca string, limit time.Duration) (*imapclient.Client, error) {
	c, err := connect(port, ca, limit)
	if err == nil {
		err = c.Login("alice@example.com", "alicepass").Wait()
	}
	return c, err
}

// token logs in with a token that is refused. go-imap leaves the command without an end when it is
// told why, so the connection cannot be used afterwards.
func token(port, ca string, limit time.Duration) error {
	c, err := connect(port, ca, limit)
	if err != nil {
		return err
	}
	defer c.Close()
	host := sasl.NewOAuthBearerClient(&sasl.OAuthBearerOptions{Username: "alice@example.com", Token: "wrong"})
	err = c.Authenticate(host)
	if err == nil {
		return errors.New("no error")
	}
	if errors.As(err, new(*sasl.OAuthBearerError)) {
		return nil
	}
	return refused(err)
}

func outcome(name, port, ca string, number uint32, limit time.Duration) error {
	if name == "token" {
		return token(port, ca, limit)
	}
	c, err := open(port, ca, limit)
	if err != nil {
		return err
	}
	defer c.Close()
	again := func() (*imapclient.Client, error) { return open(port, ca, limit) }
	return tries[name](&try{c: c, number: number, again: again})
}

func main() {
	seconds, _ := strconv.Atoi(os.Args[1])
	number, err := strconv.ParseUint(os.Args[2], 10, 32)
	if err != nil {
		fmt.Fprintln(os.Stderr, "usage: go-imap LIMIT NUMBER CASE:PORT:CA...")
		os.Exit(2)
	}
	for _, arg := range os.Args[3:] {
		name, rest, _ := strings.Cut(arg, ":")
		port, ca, _ := strings.Cut(rest, ":")
		if _, ok := tries[name]; !ok && name != "token" {
			continue
		}
		said := []byte("ok")
		if err := outcome(name, port, ca, uint32(number), time.Duration(seconds)*time.Second); err != nil {
			said = bytes.ReplaceAll([]byte(err.Error()), []byte("\n"), []byte(" "))
		}
		fmt.Printf("%s: %s\n", name, said)
	}
}
