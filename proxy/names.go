package proxy

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"exgate/backend"
	"exgate/backend/folders"
	"exgate/backend/wire"
	"exgate/proxy/ledger"
	"exgate/proxy/names"
	"exgate/proxy/replies"
)

// folderList returns the list of the account's mailboxes. It reads the list from
// Exchange if the account has none, or an older one than allowed. After reading,
// no command is in flight.
func (c *conn) folderList(cmd *command, allowed time.Duration) (*folders.List, error) {
	account := c.login.account
	if list, age := account.known.Get(); list != nil && age <= allowed {
		return list, nil
	}
	var list *folders.List
	req := func() *backend.Request {
		list = folders.NewList("")
		req := backend.NewRequest("LIST").Raw(`""`).Raw(`"*"`)
		req.Untagged = func(resp []byte) bool {
			l, ok := replies.ParseListed(resp)
			if !ok || l.Verb != "LIST" {
				return false
			}
			replies.AddListed(list, resp, &l)
			return true
		}
		return req
	}
	status, err := c.readUpstream(cmd, "exgate reads the list of folders", req)
	if err == nil && status.Word != "OK" {
		err = backend.ReplyError("LIST", status)
	}
	if err != nil {
		return nil, err
	}
	account.known.Set(list)
	c.login.recordHidden(list)
	if c.login.names != nil {
		c.logHidden(c.login.names, list, "clients do not see some mailboxes")
	}
	return list, nil
}

// listUnavailable returns the answer to a command that needs the list of folders,
// which could not be read.
func listUnavailable(cmd *command, err error) error {
	var ended *errBye
	if errors.As(err, &ended) {
		return err
	}
	return refuseArgument("%s [UNAVAILABLE] the list of folders cannot be read: %s",
		cmd.notYet(), backend.FailureOf(err).ClientText())
}

// upstreamMailbox returns the upstream's mailbox for a name of the client, and the
// list of folders that it was found in. The client's name is as it was sent; the
// mailbox is decoded (list.Wire encodes it). The list is nil if none was needed.
// The mailbox is "" for the empty name.
func (c *conn) upstreamMailbox(cmd *command, client string) (mailbox string, list *folders.List, err error) {
	name, ok := folders.Decode(client)
	if name == "" {
		return "", nil, nil // in GETMETADATA, the empty name is the server (RFC 5464 section 4.2)
	}
	if c.login.names.KeepsInbox(name) {
		return "INBOX", nil, nil // no list is needed
	}
	if !ok {
		return "", nil, refuseArgument("NO [CANNOT] %s", errNoText)
	}
	for allowed := names.AnyAge; ; allowed = names.FreshEnough {
		if list, err = c.folderList(cmd, allowed); err != nil {
			return "", nil, listUnavailable(cmd, err)
		}
		if mailbox, err = c.login.names.Upstream(name, list); err != nil {
			return "", nil, refuseArgument("NO [CANNOT] %s", err)
		}
		if list.Has(mailbox) || cmd.verb == "CREATE" {
			break
		}
		if allowed == names.FreshEnough {
			name, mailbox = c.login.unescaped(cmd, name, mailbox, list)
			break
		}
	}
	if strings.EqualFold(name, "INBOX") && !list.Has(mailbox) {
		if err := c.makeInbox(cmd, mailbox, list); err != nil {
			return "", nil, err
		}
	}
	return mailbox, list, c.checkMailbox(cmd, name, mailbox, list)
}

var errNoText = errors.New("the name of the mailbox is neither modified UTF-7 nor UTF-8 (RFC 9051 section 5.1)")

// unescaped returns another reading of a name that no mailbox has, if a mailbox has it: the
// name without the backslashes that LIST has put before its quotes and backslashes. getmail
// takes them for part of the name, and opens "quo\\\"ted" (IMAP_LISTPARTS in its
// _retrieverbases.py). Only SELECT, EXAMINE and STATUS are read like this.
func (l *login) unescaped(cmd *command, name, mailbox string, list *folders.List) (meant, found string) {
	if cmd.verb != "SELECT" && cmd.verb != "EXAMINE" && cmd.verb != "STATUS" {
		return name, mailbox
	}
	meant, ok := wire.Unescape(name)
	if !ok {
		return name, mailbox
	}
	if found, err := l.names.Upstream(meant, list); err == nil && list.Has(found) {
		return meant, found
	}
	return name, mailbox
}

// makeInbox creates the mailbox that names.prefix makes the client's INBOX. No
// client would create it, since INBOX always exists.
func (c *conn) makeInbox(cmd *command, mailbox string, list *folders.List) error {
	status, err := c.createUpstream(cmd, mailbox, list)
	if err != nil {
		return c.requestLost(cmd, err)
	}
	if status.Word != "OK" {
		return refuseArgument("%s the INBOX %q cannot be created: %s", status.Word, mailbox, status.Text)
	}
	return nil
}

// checkMailbox refuses a mailbox that would break the connection. It logs each
// name that differs in Exchange, once.
func (c *conn) checkMailbox(cmd *command, client, mailbox string, list *folders.List) error {
	n := c.login.names
	if err := blankEndFault(n, cmd.verb, client, mailbox); err != nil {
		return refuseArgument("NO [CANNOT] %s", err)
	}
	if n.Options.Case == folders.Merge && list.Has(mailbox) { // else a client could call any number of them
		if shown, ok := n.Client(mailbox, list); ok {
			c.login.account.known.Call(mailbox, shown) // the name that LIST shows counts as one that clients use
		}
		if all := c.login.account.known.Call(mailbox, client); len(all) > 1 && n.IsNews(mailbox) {
			c.log.Warn("clients use several names for one mailbox", "names", all, "mailbox", mailbox,
				"consequence", "exgate refuses to delete messages there", "remedy", "set names.case: apart")
		}
	}
	if client != mailbox && n.IsNews(client) {
		c.countFixes("names")
		c.login.journal.Folder(ledger.Folder{Client: client, Exchange: mailbox, What: ledger.FolderRenamed})
		c.log.Info("a mailbox has another name in Exchange", "mailbox", client, "exchange", mailbox)
	}
	return nil
}

// blankEndFault returns why a command would break the connection by the name of its mailbox; nil if
// it would not.
func blankEndFault(n *names.Mapping, verb, client, mailbox string) error {
	if !n.Options.RefuseBlankEnd || verb == "RENAME" || verb == "DELETE" || !strings.HasSuffix(mailbox, " ") {
		return nil
	}
	return fmt.Errorf("the name %q ends in a blank, for which Exchange 2007 closes the connection: "+
		"rename the mailbox with Outlook or by RENAME", client)
}
