package proxy

import (
	"bytes"

	"exgate/backend"
	"exgate/backend/wire"
	"exgate/proxy/mailbox"
	"exgate/proxy/replies"
)

// storeUIDs relays a UID STORE. The FETCH responses to it must have the UIDs (RFC 9051 section
// 6.4.9). Where none has one (docs/exchange.md#ex-76), exgate asks for the flags of the messages,
// and gives the client the answer before the reply.
func (c *conn) storeUIDs(a *amendment, set string) error {
	cmd, seen := a.cmd, new(replies.StoredUIDs)
	cmd.editor = seen
	cmd.finish = func(status wire.Status) replies.Verdict {
		return replies.Verdict{Hidden: status.Word == "OK" && seen.AreMissing()}
	}
	if err := c.sendCommand(a.cmd, a.pieces()); err != nil {
		return err
	}
	if err := c.awaitFlight(cmd.flight.isDone); err != nil {
		return err
	}
	status, ok := c.link.replyTo(cmd)
	if !ok || status.Word != "OK" || !seen.AreMissing() {
		return nil
	}
	var fetched [][]byte
	highest := c.link.highest("")
	_, err := c.readUpstream(cmd, "exgate asks for the flags that were set", func() *backend.Request {
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
	if err != nil && c.ctx.Err() != nil {
		return err
	}
	c.repaired(string(backend.FixStoreUIDs))
	for _, line := range fetched { // none after a loss: the flags are set all the same
		if err := c.client.w.line("%s", bytes.TrimRight(line, "\r\n")); err != nil {
			return err
		}
	}
	return c.client.w.line("%s OK %s", cmd.tag, status.Text)
}
