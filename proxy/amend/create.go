package amend

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
func editNewName(cmd *Command) (done bool, err error) {
	cmd.args.Space()
	client, ok := cmd.args.String()
	if !ok || !cmd.args.Space() && !cmd.args.IsEmpty() {
		return false, wire.SyntaxError("CREATE takes the name of a mailbox")
	}
	name, _ := folders.Decode(client)
	n := cmd.Login.Names
	if list, _ := cmd.Login.Known.Get(); list != nil {
		// A separator at the end says that children follow (RFC 9051 section 6.3.4).
		client = folders.Encode(strings.TrimSuffix(name, n.Separator(list)))
	}
	mailbox, list, err := cmd.UpstreamMailbox(client)
	if err != nil {
		return false, err
	}
	if list.Has(mailbox) {
		switch {
		case cmd.Login.Known.WasImplied(mailbox):
			return true, cmd.Session.Say("%s OK CREATE completed.", cmd.Tag)
		case n.Options.Case == folders.Merge && mailbox != name:
			return true, cmd.Session.Say("%s OK CREATE completed: %s is the same mailbox (names.case: merge)",
				cmd.Tag, wire.AString(folders.Encode(mailbox)))
		}
	}
	status, err := cmd.createUpstream(mailbox, list)
	if err != nil {
		return false, cmd.Session.Lost(err)
	}
	if status.Word != "OK" && strings.Contains(strings.ToLower(status.Text), "already exists") && !list.Has(mailbox) {
		// Another client has just created a mailbox whose name differs in case.
		again, found, err := cmd.upstreamMailboxAfresh(client)
		if err != nil {
			return false, err
		}
		if again != mailbox && !found.Has(again) {
			if status, err = cmd.createUpstream(again, found); err != nil {
				return false, cmd.Session.Lost(err)
			}
		}
	}
	return true, cmd.passReply(status)
}

// upstreamMailboxAfresh reads the list of folders again, and then does what
// UpstreamMailbox does.
func (cmd *Command) upstreamMailboxAfresh(client string) (string, *folders.List, error) {
	cmd.Login.Known.Forget()
	return cmd.UpstreamMailbox(client)
}

// createUpstream creates a mailbox in Exchange.
func (cmd *Command) createUpstream(mailbox string, list *folders.List) (wire.Status, error) {
	status, err := cmd.Session.Ask("Exchange creates the mailbox", func() *backend.Request {
		return backend.NewRequest("CREATE").Mailbox(list.Wire(mailbox))
	})
	if err == nil && status.Word == "OK" && list != nil {
		cmd.Login.Known.Made(list, mailbox)
	}
	return status, err
}

// passReply gives the client the upstream's reply to a request of the gateway, as
// the reply to the client's command.
func (cmd *Command) passReply(status wire.Status) error {
	if code := replies.CodeFor(status); code != "" && cmd.Login.Profile.Replies.StatusCodes {
		status.Code = code
		cmd.Session.Repaired(string(backend.FixStatusCodes))
	}
	text := status.Text
	if status.Code != "" {
		text = "[" + status.Code + "] " + text
	}
	return cmd.Session.Say("%s %s %s", cmd.Tag, status.Word, text)
}
