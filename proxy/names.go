package proxy

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"exgate/backend"
	"exgate/backend/folders"
	"exgate/backend/wire"
	"exgate/proxy/replies"
)

// names maps the names of mailboxes for one login; nil does not.
type names struct {
	*folders.Mapper
	opts folders.Options
	told map[string]bool // names of which the log has been told
}

// newNames returns nil where nothing is mapped. The options have been
// validated by the configuration.
func newNames(opts folders.Options, user string) (*names, error) {
	opts = opts.For(user)
	if !opts.Active() {
		return nil, nil
	}
	mapper, err := folders.NewMapper(opts)
	if err != nil {
		return nil, err
	}
	return &names{Mapper: mapper, opts: opts, told: make(map[string]bool)}, nil
}

// known is what the sessions of an account know of its mailboxes. The zero
// value knows nothing.
type known struct {
	mu   sync.Mutex
	list *folders.List
	at   time.Time
	// implied are mailboxes that were made because one below them was: making
	// them afterwards is no error.
	implied map[string]bool
	// shared are mailboxes that clients know by more than one name, which only
	// folders.Merge lets happen.
	shared map[string][]string
}

// get returns the list, and how old it is; nil if there is none.
func (k *known) get() (*folders.List, time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.list, time.Since(k.at)
}

func (k *known) set(list *folders.List) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.list, k.at = list, time.Now()
}

// forget has the list read again.
func (k *known) forget() { k.set(nil) }

// made notes a new mailbox, and those above it that Exchange made with it.
func (k *known) made(list *folders.List, mailbox string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for i := strings.LastIndex(mailbox, list.Separator); i > 0; i = strings.LastIndex(mailbox[:i], list.Separator) {
		if list.Has(mailbox[:i]) {
			break
		}
		if k.implied == nil {
			k.implied = make(map[string]bool)
		}
		k.implied[mailbox[:i]] = true
	}
	list.Add(mailbox)
}

// wasImplied tells, once, whether a mailbox was made with one below it.
func (k *known) wasImplied(mailbox string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	implied := k.implied[mailbox]
	delete(k.implied, mailbox)
	return implied
}

// call notes by which name a client calls a mailbox, and returns all of them.
func (k *known) call(mailbox, name string) []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !slices.Contains(k.shared[mailbox], name) {
		if k.shared == nil {
			k.shared = make(map[string][]string)
		}
		k.shared[mailbox] = append(k.shared[mailbox], name)
	}
	return k.shared[mailbox]
}

// called are the names of a mailbox that clients have used.
func (k *known) called(mailbox string) []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.shared[mailbox]
}

// folders returns the list of the account's mailboxes, which is read if it is
// not known, or older than allowed. No command is in flight when it returns
// with one that was read.
func (c *conn) folders(cmd *command, allowed time.Duration) (*folders.List, error) {
	account := c.login.account
	if list, age := account.known.get(); list != nil && age <= allowed {
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
	account.known.set(list)
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

// anyAge is the age of a list that may be taken unless it is found wanting.
const anyAge = time.Duration(1<<63 - 1)

// freshEnough is the age of a list by which a name that is not in it does not
// exist: other programs of the user's may just have made it.
const freshEnough = 2 * time.Second

// upstreamMailbox returns the upstream's name for a client's, on the wire's
// alphabet, and the plain one.
func (c *conn) upstreamMailbox(cmd *command, client string) (mailbox string, list *folders.List, err error) {
	name, ok := folders.Decode(client)
	if name == "" {
		return "", nil, nil // no mailbox: the server itself, in RFC 5464
	}
	if strings.EqualFold(name, "INBOX") && c.login.names.opts.Prefix == "" && len(c.login.names.opts.List)+len(c.login.names.opts.Patterns) == 0 {
		return "INBOX", nil, nil // nothing has to be known for it
	}
	if !ok {
		return "", nil, refuseArgument("NO [CANNOT] the name of the mailbox is neither modified UTF-7 nor UTF-8 (RFC 9051 section 5.1)")
	}
	for allowed := anyAge; ; allowed = freshEnough {
		if list, err = c.folders(cmd, allowed); err != nil {
			return "", nil, unavailable(err)
		}
		if mailbox, err = c.login.names.Upstream(name, list); err != nil {
			return "", nil, refuseArgument("NO [CANNOT] %s", err)
		}
		if list.Has(mailbox) || cmd.verb == "CREATE" || allowed == freshEnough {
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
	if n.opts.RefuseBlankEnd && opens && strings.HasSuffix(mailbox, " ") {
		return refuseArgument("NO [CANNOT] the name %q ends in a blank, at which Exchange 2007 closes the connection: "+
			"rename it, with Outlook or by RENAME", client)
	}
	if n.opts.Case == folders.Merge {
		if shown, ok := n.Client(mailbox, list); ok {
			c.login.account.known.call(mailbox, shown) // another spelling is another name
		}
		if all := c.login.account.known.call(mailbox, client); len(all) > 1 && !n.told[mailbox] {
			n.told[mailbox] = true
			c.log.Warn("several names are one mailbox", "names", all, "mailbox", mailbox,
				"consequence", "messages are not deleted there through exgate", "remedy", "names.case: apart")
		}
	}
	if client != mailbox && !n.told[client] && len(n.told) < maxTold {
		n.told[client] = true
		c.fixed("names")
		c.log.Info("a mailbox has another name in Exchange", "mailbox", client, "exchange", mailbox)
	}
	return nil
}

// maxTold bounds the names that a session remembers to have logged.
const maxTold = 10_000

// ask sends a request of the gateway's own, with nothing in flight, and returns
// its reply. The client is watched meanwhile.
func (c *conn) ask(cmd *command, reason string, request func() *backend.Request) (status wire.Status, err error) {
	if err := c.awaitFlight(func() bool { return len(c.flight) == 0 }); err != nil {
		return status, err
	}
	if err := c.ready(cmd); err != nil {
		return status, err
	}
	err = c.aside(func() string { return reason }, func(ctx context.Context) error {
		var err error
		status, err = c.up.Do(ctx, request())
		return err
	})
	return status, err
}
