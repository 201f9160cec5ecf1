package proxy

import (
	"bytes"
	"strings"

	"exgate/backend/wire"
)

// bareCode makes a response of a code that stands alone: Exchange 2013 answers
// UID MOVE with a line "[COPYUID 55 31 6]" (behaviour notes §5 row 8).
func (c *conn) bareCode(line []byte) []byte {
	if !c.login.policy.Replies.CopyUID || !bytes.HasPrefix(line, []byte("[COPYUID ")) {
		return line
	}
	code := bytes.TrimRight(line, "\r\n")
	if code[len(code)-1] != ']' {
		return line
	}
	c.repaired("copyuid")
	return append(append([]byte("* OK "), code...), " moved.\r\n"...)
}

// statusAsIs makes text of a response code that is none: Exchange puts
// diagnostics into an OK, [Error="..." Proxy=...], at which clients lose the
// connection (behaviour notes §2.2).
func (c *conn) statusAsIs(line []byte) []byte {
	if !c.login.policy.Replies.StatusCodes || bytes.IndexByte(line, '[') < 0 {
		return line
	}
	status, ok := wire.ParseStatus(line)
	name, _, _ := strings.Cut(status.Code, " ")
	if !ok || status.Code == "" || !strings.ContainsAny(name, "(){%*\"\\]=") {
		return line
	}
	c.repaired("status-codes")
	return []byte(status.Tag + " " + status.Word + " " + status.Code + " " + status.Text + "\r\n")
}
