package replies

import (
	"bytes"
	"strings"

	"exgate/backend/wire"
)

// WholeCode makes a response of a code that stands alone on its line: Exchange
// 2013 answers UID MOVE with "[COPYUID 55 31 6]" (docs/exchange.md#ex-22). It
// reports whether the line was one.
func WholeCode(line []byte) (fixed []byte, ok bool) {
	if !bytes.HasPrefix(line, []byte("[COPYUID ")) {
		return line, false
	}
	code := bytes.TrimRight(line, "\r\n")
	if code[len(code)-1] != ']' {
		return line, false
	}
	return append(append([]byte("* OK "), code...), " moved.\r\n"...), true
}

// TextOfCode makes text of a response code that is none: Exchange puts
// diagnostics into an OK, [Error="..." Proxy=...], at which clients lose the
// connection (docs/exchange.md#error-code). It reports whether the line had one.
func TextOfCode(line []byte) (fixed []byte, ok bool) {
	if bytes.IndexByte(line, '[') < 0 {
		return line, false
	}
	status, ok := wire.ParseStatus(line)
	name, _, _ := strings.Cut(status.Code, " ")
	if !ok || status.Code == "" || !strings.ContainsAny(name, "(){%*\"\\]=") {
		return line, false
	}
	return []byte(status.Tag + " " + status.Word + " " + status.Code + " " + status.Text + "\r\n"), true
}
