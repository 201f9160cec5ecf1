package amend

import (
	"log/slog"
	"strings"
	"sync/atomic"

	"exgate/backend/folders"
	"exgate/backend/wire"
	"exgate/proxy/counters"
	"exgate/proxy/ledger"
	"exgate/proxy/names"
	"exgate/proxy/replies"
)

// Observed tells, in mode: observe, what the mapping of names would have done, which would be in force if the gateway
// did not only observe. exgate asks Exchange nothing of its own meanwhile: it knows the mailboxes that the account's
// clients have been listed, and have made. The goroutine that reads the client calls the methods.
type Observed struct {
	*names.Mapping
	Seen    *names.Known    // those mailboxes
	Journal *ledger.Journal // nil: exgate keeps no ledger
	Log     *slog.Logger
	Would   *counters.NamesWould // counts the names

	hasListed atomic.Bool // a LIST has ended since Hidden was called
}

// Look looks at the names of mailboxes in a command that passes untouched. args has its
// arguments, up to the line that is sent next. isDone is false if they lack a name. how is what the replies to the
// command are looked at with; the zero value: they are not.
func (o *Observed) Look(verb string, edits *Edits, args *wire.Args) (how Handling, isDone bool) {
	if verb == "LIST" || verb == "LSUB" {
		return o.list(verb, args.Clone())
	}
	if edits.Named == nil {
		return how, true
	}
	named, ok := edits.Named(args.Clone())
	if !ok {
		return how, false
	}
	list, _ := o.Seen.Get()
	switch verb {
	case "CREATE", "RENAME":
		return o.newName(verb, named, list), true
	case "DELETE":
		how.Landed = onOK(func() { removeSeen(o.Seen, named[0]) })
	}
	o.name(verb, named[0], storesMessages(verb), list)
	return how, true
}

// storesMessages reports whether a command stores messages in the mailbox that it names. A
// client then means a mailbox of its own, and not one of Exchange's that exgate would hide.
func storesMessages(verb string) bool {
	verb = strings.TrimPrefix(verb, "UID ")
	return verb == "APPEND" || verb == "COPY" || verb == "MOVE"
}

// newName looks at the name that CREATE or RENAME gives a mailbox, the last of named.
func (o *Observed) newName(verb string, named []string, list *folders.List) Handling {
	seen, separator := o.Seen, o.Separator(list)
	// A separator at the end says that children follow (RFC 9051 section 6.3.4).
	client, beside := strings.TrimSuffix(named[len(named)-1], separator), list
	if verb == "RENAME" {
		o.name(verb, named[0], false, list)
		from, _ := folders.Decode(named[0])
		if spelt, ok := list.Spelling(from); ok { // the new name may differ from it in case only
			beside = list.Without(spelt)
		}
	}
	isSame := o.name(verb, client, true, beside)
	return Handling{Landed: onOK(func() {
		mailbox, _ := folders.Decode(client)
		switch {
		case verb == "RENAME" && isSame:
			renameSeen(seen, named[0], mailbox)
		case verb == "RENAME": // Exchange may have changed the name
			removeSeen(seen, named[0])
		case isSame:
			made := folders.NewList(separator)
			made.Add(mailbox)
			seen.Extend(made)
		}
	})}
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

// list looks at the name that a LIST or LSUB asks for, and takes note of the mailboxes that
// a LIST brings.
func (o *Observed) list(verb string, args *wire.Args) (how Handling, isDone bool) {
	args.Space()
	selection, okSelection := args.List()
	args.Space()
	reference, okReference := args.String()
	args.Space()
	patterns, okPatterns := readPatterns(args)
	if !okSelection || !okReference || !okPatterns {
		return how, false
	}
	listed := folders.NewList("")
	name := ""
	if len(patterns) == 1 {
		name = reference + patterns[0]
	}
	if !wire.HasWildcard(name) {
		list, _ := o.Seen.Get()
		o.name(verb, name, false, list)
	}
	if verb == "LSUB" || len(selection) > 0 { // subscribed mailboxes, which need not exist
		return how, true
	}
	how.Editor = &replies.Noting{List: listed}
	how.Landed = onOK(func() {
		if name == "*" {
			o.Seen.Set(listed)
		} else {
			o.Seen.Extend(listed)
		}
		o.hasListed.Store(true)
	})
	return how, true
}

// name counts, records and logs what the mapping would have made of the name of a mailbox.
// isOwn says that the client means a mailbox of its own. The result reports whether the name would
// have gone up as it is.
func (o *Observed) name(verb, client string, isOwn bool, list *folders.List) (isSame bool) {
	name, mailbox, err := o.WouldMap(client, isOwn, list)
	if err == nil {
		err = o.BlankEndFault(verb, name, mailbox)
	}
	switch {
	case err != nil && o.IsNews("refused: "+client):
		o.Would.Refuse++
		o.Log.Info("observed a name of a mailbox that exgate would have refused", "command", verb, "mailbox", client,
			"would_refuse", err.Error())
	case err == nil && name != mailbox && o.IsNews(name):
		o.Would.Rename++
		o.Journal.Folder(ledger.Folder{Client: name, Exchange: mailbox, What: ledger.FolderWouldRename})
		o.Log.Info("observed a mailbox that would have had another name in Exchange", "command", verb, "mailbox", name,
			"exchange", mailbox)
	}
	return err == nil && name == mailbox
}

// Hidden counts, records and logs the mailboxes that clients would not have seen, once they
// were listed. A nil Observed does nothing.
func (o *Observed) Hidden() {
	if o == nil || !o.hasListed.Swap(false) {
		return
	}
	list, _ := o.Seen.Get()
	for _, mailbox := range list.Names() {
		if o.IsHidden(mailbox, list) && o.IsNews("would hide: "+mailbox) {
			o.Would.Hide++
			o.Journal.Folder(ledger.Folder{Exchange: mailbox, What: ledger.FolderWouldHide})
		}
	}
	o.LogHidden(o.Log, list, "observed mailboxes that clients would not have seen")
}
