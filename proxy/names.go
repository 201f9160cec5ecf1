package proxy

import (
	"context"
	"errors"
	"strings"
	"time"

	"exgate/backend"
	"exgate/backend/folders"
	"exgate/backend/wire"
	"exgate/proxy/names"
	"exgate/proxy/replies"
)

// folders returns the list of the account's mailboxes, which is read if it is
// not known, or older than allowed. No command is in flight when it returns
// with one that was read.
func (c *conn) folders(cmd *command, allowed time.Duration) (*folders.List, error) {
	account := c.login.account
	if list, age := account.known.Get(); list != nil && age <= allowed {
		return list, nil
	}
	list := folders.NewList("")
	req := func() *backend.Request {
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
	status, err := c.ask(cmd, "exgate reads the list of folders", req)
	var lost *backend.LostError
	if errors.As(err, &lost) && c.ctx.Err() == nil && c.login.resume { // on another connection, once
		list = folders.NewList("")
		status, err = c.ask(cmd, "exgate reads the list of folders", req)
	}
	if err == nil && status.Word != "OK" {
		err = backend.ReplyError("LIST", status)
	}
	if err != nil {
		return nil, err
	}
	account.known.Set(list)
	return list, nil
}

// unavailable is the answer to a command that could not be run since something
// that it needs could not be.
func unavailable(err error) error {
	var ended *errBye
	if errors.As(err, &ended) {
		return err
	}
	failure := backend.FailureOf(err)
	return refuseArgument("NO [UNAVAILABLE] the list of folders cannot be read: %s", failure.ClientText())
}

// upstreamMailbox returns the upstream's name for a client's, on the wire's
// alphabet, and the plain one.
func (c *conn) upstreamMailbox(cmd *command, client string) (mailbox string, list *folders.List, err error) {
	name, ok := folders.Decode(client)
	if name == "" {
		return "", nil, nil // no mailbox: the server itself, in RFC 5464
	}
	if strings.EqualFold(name, "INBOX") && c.login.names.Options.Prefix == "" && len(c.login.names.Options.List)+len(c.login.names.Options.Patterns) == 0 {
		return "INBOX", nil, nil // nothing has to be known for it
	}
	if !ok {
		return "", nil, refuseArgument("NO [CANNOT] the name of the mailbox is neither modified UTF-7 nor UTF-8 (RFC 9051 section 5.1)")
	}
	for allowed := names.AnyAge; ; allowed = names.FreshEnough {
		if list, err = c.folders(cmd, allowed); err != nil {
			return "", nil, unavailable(err)
		}
		if mailbox, err = c.login.names.Upstream(name, list); err != nil {
			return "", nil, refuseArgument("NO [CANNOT] %s", err)
		}
		if list.Has(mailbox) || cmd.verb == "CREATE" || allowed == names.FreshEnough {
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

// makeInbox makes the mailbox that a client below a prefix takes for its INBOX:
// no client ever makes that one.
func (c *conn) makeInbox(cmd *command, mailbox string, list *folders.List) error {
	status, err := c.createUpstream(cmd, mailbox, list)
	if err != nil {
		return c.lostOwn(cmd, err)
	}
	if status.Word != "OK" {
		return refuseArgument("%s the INBOX %q cannot be made: %s", status.Word, mailbox, status.Text)
	}
	return nil
}

// checkMailbox refuses a mailbox that must not be used, and tells the log of a
// name that is another upstream.
func (c *conn) checkMailbox(cmd *command, client, mailbox string, list *folders.List) error {
	n := c.login.names
	opens := cmd.verb != "RENAME" && cmd.verb != "DELETE"
	if n.Options.RefuseBlankEnd && opens && strings.HasSuffix(mailbox, " ") {
		return refuseArgument("NO [CANNOT] the name %q ends in a blank, at which Exchange 2007 closes the connection: "+
			"rename it, with Outlook or by RENAME", client)
	}
	if n.Options.Case == folders.Merge && list.Has(mailbox) { // else a client could call any number of them
		if shown, ok := n.Client(mailbox, list); ok {
			c.login.account.known.Call(mailbox, shown) // another spelling is another name
		}
		if all := c.login.account.known.Call(mailbox, client); len(all) > 1 && n.IsNews(mailbox) {
			c.log.Warn("several names are one mailbox", "names", all, "mailbox", mailbox,
				"consequence", "messages are not deleted there through exgate", "remedy", "names.case: apart")
		}
	}
	if client != mailbox && n.IsNews(client) {
		c.fixed("names")
		c.log.Info("a mailbox has another name in Exchange", "mailbox", client, "exchange", mailbox)
	}
	return nil
}

// ask sends a request of the gateway's own, with nothing in flight, and returns
// its reply. The client is watched meanwhile.
func (c *conn) ask(cmd *command, reason string, request func() *backend.Request) (status wire.Status, err error) {
	if err := c.awaitFlight(func() bool { return len(c.link.flight) == 0 }); err != nil {
		return status, err
	}
	if err := c.ready(cmd); err != nil {
		return status, err
	}
	err = c.aside(func() string { return reason }, func(ctx context.Context) error {
		var err error
		status, err = c.link.up.Do(ctx, request())
		return err
	})
	return status, err
}
