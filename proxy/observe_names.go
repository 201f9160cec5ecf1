package proxy

import (
	"strings"
	"sync/atomic"

	"exgate/backend/folders"
	"exgate/backend/wire"
	"exgate/proxy/amend"
	"exgate/proxy/ledger"
	"exgate/proxy/names"
	"exgate/proxy/replies"
)

// The functions in this file tell, in mode: observe, what the mapping of names would have done.
// exgate asks Exchange nothing of its own meanwhile: it knows the mailboxes that the account's
// clients have been listed, and have made (account.seen).

// observedNames is the mapping of names that would be in force if the gateway did not only observe.
// serve uses it, but for hasListed.
type observedNames struct {
	*names.Mapping
	hasListed atomic.Bool // a LIST has ended since observeHidden was called
}

// observeNames looks at the names of mailboxes in a command that passes untouched. args has its
// arguments, up to the line that is sent next. The result is false if they lack a name.
func (c *conn) observeNames(cmd *command, args *wire.Args) (isDone bool) {
	if c.login.observed == nil || cmd.rule == nil {
		return true
	}
	if cmd.verb == "LIST" || cmd.verb == "LSUB" {
		return c.observeList(cmd, args.Clone())
	}
	if cmd.rule.edits.Named == nil {
		return true
	}
	named, ok := cmd.rule.edits.Named(args.Clone())
	if !ok {
		return false
	}
	list, _ := c.login.account.seen.Get()
	switch cmd.verb {
	case "CREATE", "RENAME":
		return c.observeNewName(cmd, named, list)
	case "DELETE":
		c.link.attach(cmd, nil, amend.OnOK(func() { removeSeen(&c.login.account.seen, named[0]) }))
	}
	c.observeName(cmd.verb, named[0], storesMessages(cmd.verb), list)
	return true
}

// storesMessages reports whether a command stores messages in the mailbox that it names. A
// client then means a mailbox of its own, and not one of Exchange's that exgate would hide.
func storesMessages(verb string) bool {
	verb = strings.TrimPrefix(verb, "UID ")
	return verb == "APPEND" || verb == "COPY" || verb == "MOVE"
}

// observeNewName looks at the name that CREATE or RENAME gives a mailbox, the last of named.
func (c *conn) observeNewName(cmd *command, named []string, list *folders.List) (isDone bool) {
	seen, separator := &c.login.account.seen, c.login.observed.Separator(list)
	// A separator at the end says that children follow (RFC 9051 section 6.3.4).
	client, beside := strings.TrimSuffix(named[len(named)-1], separator), list
	if cmd.verb == "RENAME" {
		c.observeName(cmd.verb, named[0], false, list)
		from, _ := folders.Decode(named[0])
		if spelt, ok := list.Spelling(from); ok { // the new name may differ from it in case only
			beside = list.Without(spelt)
		}
	}
	isSame := c.observeName(cmd.verb, client, true, beside)
	c.link.attach(cmd, nil, amend.OnOK(func() {
		mailbox, _ := folders.Decode(client)
		switch {
		case cmd.verb == "RENAME" && isSame:
			renameSeen(seen, named[0], mailbox)
		case cmd.verb == "RENAME": // Exchange may have changed the name
			removeSeen(seen, named[0])
		case isSame:
			made := folders.NewList(separator)
			made.Add(mailbox)
			seen.Extend(made)
		}
	}))
	return true
}

// renameSeen gives another name to the mailbox that a client calls by a name, in any case, and to
// those below it.
func renameSeen(seen *names.Known, client, to string) {
	name, _ := folders.Decode(client)
	list, _ := seen.Get()
	if spelt, ok := list.Spelling(name); ok {
		list.Rename(spelt, to)
	}
}

// removeSeen removes the mailbox that a client calls by a name, in any case.
func removeSeen(seen *names.Known, client string) {
	name, _ := folders.Decode(client)
	list, _ := seen.Get()
	if spelt, ok := list.Spelling(name); ok {
		list.Remove(spelt)
	}
}

// observeList looks at the name that a LIST or LSUB asks for, and takes note of the mailboxes that
// a LIST brings.
func (c *conn) observeList(cmd *command, args *wire.Args) (isDone bool) {
	args.Space()
	selection, okSelection := args.List()
	args.Space()
	reference, okReference := args.String()
	args.Space()
	patterns, okPatterns := amend.ReadPatterns(args)
	if !okSelection || !okReference || !okPatterns {
		return false
	}
	n, seen, listed := c.login.observed, &c.login.account.seen, folders.NewList("")
	name := ""
	if len(patterns) == 1 {
		name = reference + patterns[0]
	}
	if !wire.HasWildcard(name) {
		list, _ := seen.Get()
		c.observeName(cmd.verb, name, false, list)
	}
	if cmd.verb == "LSUB" || len(selection) > 0 { // subscribed mailboxes, which need not exist
		return true
	}
	c.link.attach(cmd, &replies.Noting{List: listed}, amend.OnOK(func() {
		if name == "*" {
			seen.Set(listed)
		} else {
			seen.Extend(listed)
		}
		n.hasListed.Store(true)
	}))
	return true
}

// observeName counts, records and logs what the mapping would have made of the name of a mailbox.
// isOwn says that the client means a mailbox of its own. The result reports whether the name would
// have gone up as it is.
func (c *conn) observeName(verb, client string, isOwn bool, list *folders.List) (isSame bool) {
	n, would := c.login.observed, &c.tally.stats.NamesWould
	name, mailbox, err := wouldMap(n.Mapping, client, isOwn, list)
	if err == nil {
		err = n.BlankEndFault(verb, name, mailbox)
	}
	switch {
	case err != nil && n.IsNews("refused: "+client):
		would.Refuse++
		c.log.Info("observed a name of a mailbox that exgate would have refused", "command", verb, "mailbox", client,
			"would_refuse", err.Error())
	case err == nil && name != mailbox && n.IsNews(name):
		would.Rename++
		c.login.journal.Folder(ledger.Folder{Client: name, Exchange: mailbox, What: ledger.FolderWouldRename})
		c.log.Info("observed a mailbox that would have had another name in Exchange", "command", verb, "mailbox", name,
			"exchange", mailbox)
	}
	return err == nil && name == mailbox
}

// wouldMap returns the client's name of a mailbox and its name in Exchange, as they would be with
// a mapping. client is the name that the client has sent. It may be one of Exchange's, since the
// client sees these.
func wouldMap(n *names.Mapping, client string, isOwn bool, list *folders.List) (name, mailbox string, err error) {
	name, isText := folders.Decode(client)
	switch {
	case name == "" || n.KeepsInbox(name):
		return name, name, nil
	case !isText:
		return name, "", names.ErrNoText
	case list.Has(name):
		if shown, ok := n.Client(name, list); ok {
			return shown, name, nil
		}
		if !isOwn { // the client has the name from a LIST, in which exgate would have left it out
			return name, name, nil
		}
	}
	mailbox, err = n.Upstream(name, list)
	return name, mailbox, err
}

// observeHidden counts, records and logs the mailboxes that clients would not have seen, once they
// were listed.
func (c *conn) observeHidden() {
	if c.login == nil || c.login.observed == nil || !c.login.observed.hasListed.Swap(false) {
		return
	}
	n := c.login.observed
	list, _ := c.login.account.seen.Get()
	for _, mailbox := range list.Names() {
		if n.IsHidden(mailbox, list) && n.IsNews("would hide: "+mailbox) {
			c.tally.stats.NamesWould.Hide++
			c.login.journal.Folder(ledger.Folder{Exchange: mailbox, What: ledger.FolderWouldHide})
		}
	}
	n.LogHidden(c.log, list, "observed mailboxes that clients would not have seen")
}
