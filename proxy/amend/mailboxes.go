package amend

import (
	"errors"
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
func (cmd *Command) folderList(allowed time.Duration) (*folders.List, error) {
	l := &cmd.Login
	if list, age := l.Known.Get(); list != nil && age <= allowed {
		return list, nil
	}
	var list *folders.List
	req := func() *backend.Request {
		list = folders.NewList("")
		req := backend.NewRequest("LIST").Raw(`""`).Raw(`"*"`)
		req.Untagged = func(resp []byte) bool {
			listed, ok := replies.ParseListed(resp)
			if !ok || listed.Verb != "LIST" {
				return false
			}
			replies.AddListed(list, resp, &listed)
			return true
		}
		return req
	}
	status, err := cmd.Session.Read("exgate reads the list of folders", req)
	if err == nil && status.Word != "OK" {
		err = backend.ReplyError("LIST", status)
	}
	if err != nil {
		return nil, err
	}
	l.Known.Set(list)
	if l.hasNames() {
		l.recordHidden(list)
		l.Names.LogHidden(l.Log, list, "clients do not see some mailboxes")
	}
	return list, nil
}

// listUnavailable returns the answer to a command that needs the list of folders,
// which could not be read.
func (cmd *Command) listUnavailable(err error) error {
	var ends endsSession
	if errors.As(err, &ends) {
		return err
	}
	return refuse("%s [UNAVAILABLE] the list of folders cannot be read: %s",
		replies.NotYetWord(cmd.Verb), backend.FailureOf(err).ClientText())
}

// UpstreamMailbox returns the upstream's mailbox for a name of the client, and the
// list of folders that it was found in. The client's name is as it was sent; the
// mailbox is decoded (list.Wire encodes it). The list is nil if none was needed.
// The mailbox is "" for the empty name.
func (cmd *Command) UpstreamMailbox(client string) (mailbox string, list *folders.List, err error) {
	name, ok := folders.Decode(client)
	if name == "" {
		return "", nil, nil // in GETMETADATA, the empty name is the server (RFC 5464 section 4.2)
	}
	if cmd.Login.Names.KeepsInbox(name) {
		return "INBOX", nil, nil // no list is needed
	}
	if !ok {
		return "", nil, refuse("NO [CANNOT] %s", names.ErrNoText)
	}
	for allowed := names.AnyAge; ; allowed = names.FreshEnough {
		if list, err = cmd.folderList(allowed); err != nil {
			return "", nil, cmd.listUnavailable(err)
		}
		if mailbox, err = cmd.Login.Names.Upstream(name, list); err != nil {
			return "", nil, refuse("NO [CANNOT] %s", err)
		}
		if list.Has(mailbox) || cmd.Verb == "CREATE" {
			break
		}
		if allowed == names.FreshEnough {
			name, mailbox = cmd.unescaped(name, mailbox, list)
			break
		}
	}
	if strings.EqualFold(name, "INBOX") && !list.Has(mailbox) {
		if err := cmd.makeInbox(mailbox, list); err != nil {
			return "", nil, err
		}
	}
	return mailbox, list, cmd.checkMailbox(name, mailbox, list)
}

// unescaped returns another reading of a name that no mailbox has, if a mailbox has it: the
// name without the backslashes that LIST has put before its quotes and backslashes. getmail
// takes them for part of the name, and opens "quo\\\"ted" (IMAP_LISTPARTS in its
// _retrieverbases.py). Only SELECT, EXAMINE and STATUS are read like this.
func (cmd *Command) unescaped(name, mailbox string, list *folders.List) (meant, found string) {
	if cmd.Verb != "SELECT" && cmd.Verb != "EXAMINE" && cmd.Verb != "STATUS" {
		return name, mailbox
	}
	meant, ok := wire.Unescape(name)
	if !ok {
		return name, mailbox
	}
	if found, err := cmd.Login.Names.Upstream(meant, list); err == nil && list.Has(found) {
		return meant, found
	}
	return name, mailbox
}

// makeInbox creates the mailbox that names.prefix makes the client's INBOX. No
// client would create it, since INBOX always exists.
func (cmd *Command) makeInbox(mailbox string, list *folders.List) error {
	status, err := cmd.createUpstream(mailbox, list)
	if err != nil {
		return cmd.Session.Lost(err)
	}
	if status.Word != "OK" {
		return refuse("%s the INBOX %q cannot be created: %s", status.Word, mailbox, status.Text)
	}
	return nil
}

// checkMailbox refuses a mailbox that would break the connection. It logs each
// name that differs in Exchange, once.
func (cmd *Command) checkMailbox(client, mailbox string, list *folders.List) error {
	n := cmd.Login.Names
	if err := n.BlankEndFault(cmd.Verb, client, mailbox); err != nil {
		return refuse("NO [CANNOT] %s", err)
	}
	if n.Options.Case == folders.Merge && list.Has(mailbox) { // else a client could call any number of them
		if shown, ok := n.Client(mailbox, list); ok {
			cmd.Login.Known.Call(mailbox, shown) // the name that LIST shows counts as one that clients use
		}
		if all := cmd.Login.Known.Call(mailbox, client); len(all) > 1 && n.IsNews(mailbox) {
			cmd.Login.Log.Warn("clients use several names for one mailbox", "names", all, "mailbox", mailbox,
				"consequence", "exgate refuses to delete messages there", "remedy", "set names.case: apart")
		}
	}
	if client != mailbox && n.IsNews(client) {
		cmd.Session.Repaired("names")
		cmd.Login.Journal.Folder(ledger.Folder{Client: client, Exchange: mailbox, What: ledger.FolderRenamed})
		cmd.Login.Log.Info("a mailbox has another name in Exchange", "mailbox", client, "exchange", mailbox)
	}
	return nil
}

// recordHidden records the folders of the list that clients do not see.
func (l *Login) recordHidden(list *folders.List) {
	if l.Journal == nil {
		return
	}
	for _, mailbox := range list.Names() {
		if l.Names.IsHidden(mailbox, list) {
			l.Journal.Folder(ledger.Folder{Exchange: mailbox, What: ledger.FolderHidden})
		}
	}
}
