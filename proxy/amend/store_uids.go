package amend

import (
	"bytes"
	"context"
	"errors"

	"exgate/backend"
	"exgate/proxy/mailbox"
	"exgate/proxy/replies"
)

// storeUIDs relays a UID STORE. The FETCH responses to it must have the UIDs (RFC 9051 section
// 6.4.9). Where none has one (docs/exchange.md#ex-76), exgate asks for the flags of the messages,
// and gives the client the answer before the reply.
func (cmd *Command) storeUIDs(set string) error {
	seen := new(replies.StoredUIDs)
	cmd.Editor = seen
	cmd.Finish = func(r Reply) replies.Verdict {
		return replies.Verdict{Hidden: r.Status.Word == "OK" && seen.AreMissing()}
	}
	reply, err := cmd.Session.Send(cmd.Pieces(), cmd.Handling)
	if err != nil || reply.Status.Word != "OK" || !seen.AreMissing() {
		return err
	}
	var fetched [][]byte
	highest := cmd.Session.Mailbox().Highest
	_, err = cmd.Session.Read("exgate asks for the flags that were set", func() *backend.Request {
		fetched = nil
		req := backend.NewRequest("UID FETCH").Raw(set).Raw("(UID FLAGS)")
		req.Untagged = func(line []byte) bool {
			n, _, ok := mailbox.FetchedUID(line)
			if ok && n <= highest {
				fetched = append(fetched, bytes.Clone(line))
			}
			return ok
		}
		return req
	})
	if err != nil && errors.Is(cmd.Session.Lost(err), context.Canceled) {
		return err
	}
	cmd.Session.Repaired(string(backend.FixStoreUIDs))
	for _, line := range fetched { // none after a loss: the flags are set all the same
		if err := cmd.Session.Say("%s", bytes.TrimRight(line, "\r\n")); err != nil {
			return err
		}
	}
	return cmd.Session.Say("%s OK %s", cmd.Tag, reply.Status.Text)
}
