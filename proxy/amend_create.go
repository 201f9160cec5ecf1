package proxy

import (
	"strings"

	"exgate/backend"
	"exgate/backend/folders"
	"exgate/backend/wire"
	"exgate/proxy/replies"
)

// editNewName answers CREATE. Exchange may have the mailbox already: as the parent
// of another one, which it creates unasked, or under a name that differs in case.
// The client then gets OK, or exgate creates the mailbox under another name.
func editNewName(a *amendment) (done bool, err error) {
	a.args.Space()
	client, ok := a.args.String()
	if !ok || !a.args.Space() && !a.args.IsEmpty() {
		return false, wire.SyntaxError("CREATE takes the name of a mailbox")
	}
	name, _ := folders.Decode(client)
	c, n := a.c, a.c.login.names
	if list, _ := c.login.account.known.Get(); list != nil {
		// A separator at the end says that children follow (RFC 9051 section 6.3.4).
		client = folders.Encode(strings.TrimSuffix(name, n.Separator(list)))
	}
	mailbox, list, err := c.upstreamMailbox(a.cmd, client)
	if err != nil {
		return false, err
	}
	if list.Has(mailbox) {
		switch {
		case c.login.account.known.WasImplied(mailbox):
			return true, c.client.w.line("%s OK CREATE completed.", a.cmd.tag)
		case n.Options.Case == folders.Merge && mailbox != name:
			return true, c.client.w.line("%s OK CREATE completed: %s is the same mailbox (names.case: merge)",
				a.cmd.tag, wire.AString(folders.Encode(mailbox)))
		}
	}
	status, err := c.createUpstream(a.cmd, mailbox, list)
	if err != nil {
		return false, c.requestLost(a.cmd, err)
	}
	if status.Word != "OK" && strings.Contains(strings.ToLower(status.Text), "already exists") && !list.Has(mailbox) {
		// Another client has just created a mailbox whose name differs in case.
		again, found, err := c.upstreamMailboxAfresh(a.cmd, client)
		if err != nil {
			return false, err
		}
		if again != mailbox && !found.Has(again) {
			if status, err = c.createUpstream(a.cmd, again, found); err != nil {
				return false, c.requestLost(a.cmd, err)
			}
		}
	}
	return true, c.passReply(a.cmd, status)
}

// upstreamMailboxAfresh reads the list of folders again, and then does what
// upstreamMailbox does.
func (c *conn) upstreamMailboxAfresh(cmd *command, client string) (string, *folders.List, error) {
	c.login.account.known.Forget()
	return c.upstreamMailbox(cmd, client)
}

// createUpstream creates a mailbox in Exchange.
func (c *conn) createUpstream(cmd *command, mailbox string, list *folders.List) (wire.Status, error) {
	status, err := c.askUpstream(cmd, "Exchange creates the mailbox", func() *backend.Request {
		return backend.NewRequest("CREATE").Mailbox(list.Wire(mailbox))
	})
	if err == nil && status.Word == "OK" && list != nil {
		c.login.account.known.Made(list, mailbox)
	}
	return status, err
}

// passReply gives the client the upstream's reply to a request of the gateway, as
// the reply to the client's command.
func (c *conn) passReply(cmd *command, status wire.Status) error {
	if code := replies.CodeFor(status); code != "" && c.login.profile.Replies.StatusCodes {
		status.Code = code
		c.repaired(string(backend.FixStatusCodes))
	}
	text := status.Text
	if status.Code != "" {
		text = "[" + status.Code + "] " + text
	}
	return c.client.w.line("%s %s %s", cmd.tag, status.Word, text)
}
