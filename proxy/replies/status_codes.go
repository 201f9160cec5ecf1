package replies

import (
	"bytes"
	"cmp"
	"strings"

	"exgate/backend"
	"exgate/backend/wire"
)

// WholeCode completes a COPYUID response code that is alone on its line to an
// untagged OK. Exchange 2013 answers UID MOVE with "[COPYUID 55 31 6]"
// (docs/exchange.md#ex-22). A code without UIDs becomes nothing. ok reports whether the
// line was such a code; the line is returned unchanged otherwise.
func WholeCode(line []byte) (fixed []byte, ok bool) {
	if !bytes.HasPrefix(line, []byte("[COPYUID ")) {
		return line, false
	}
	code := bytes.TrimRight(line, "\r\n ")
	if code[len(code)-1] != ']' {
		return line, false
	}
	if len(bytes.Fields(code)) < copyUIDFields {
		return nil, true // it says nothing
	}
	return append(append([]byte("* OK "), code...), " moved.\r\n"...), true
}

// copyUIDFields is the number of words of a COPYUID code: its name, UIDVALIDITY and two sets.
const copyUIDFields = 4

// WithoutEmptyCode removes a COPYUID response code without UIDs, as in
// "OK [COPYUID 14  ] COPY completed." (docs/exchange.md#ex-75). ok reports whether the line had
// one; the line is returned unchanged otherwise.
func WithoutEmptyCode(line []byte) (fixed []byte, ok bool) {
	if wire.IndexFold(line[:min(len(line), 100)], "[COPYUID ") < 0 {
		return line, false
	}
	status, _ := wire.ParseStatus(line)
	if args, ok := status.CodeArgs("COPYUID"); !ok || len(strings.Fields(args)) == copyUIDFields-1 {
		return line, false
	}
	text := cmp.Or(status.Text, "completed")
	return []byte(status.Tag + " " + status.Word + " " + text + "\r\n"), true
}

// WithText adds a text to a status response that has none, as in "a1 OK": RFC 9051 section 7.1
// demands one, and offlineimap closes the connection without it (OfflineIMAP/offlineimap#623). ok
// reports whether there was none; the line is returned unchanged otherwise.
func WithText(line []byte) (fixed []byte, ok bool) {
	text := bytes.TrimRight(line, " \r\n")
	if len(text) == 0 || text[len(text)-1] != ']' && bytes.Count(text, []byte(" ")) != 1 {
		return line, false // the usual case
	}
	status, ok := wire.ParseStatus(line)
	if !ok || status.Text != "" {
		return line, false
	}
	return append(bytes.Clone(text), " done\r\n"...), true
}

// CodeFor returns the response code that says what a refusal means (RFC 5530), where
// Exchange sends a text alone, and "" otherwise. offlineimap goes on after a CREATE
// only if a NO has ALREADYEXISTS.
func CodeFor(s wire.Status) string {
	if s.Word != "NO" || s.Code != "" || strings.HasPrefix(s.Text, "[") {
		return ""
	}
	return backend.Classify(s).ClientCode()
}

// WithCode adds the response code of CodeFor to a tagged reply. ok reports whether
// there is one; the line is returned unchanged otherwise.
func WithCode(line []byte) (fixed []byte, ok bool) {
	if _, rest, _ := bytes.Cut(line, []byte(" ")); len(rest) < 2 || !bytes.EqualFold(rest[:2], []byte("NO")) {
		return line, false // an OK, as nearly all are, is not parsed once more
	}
	status, _ := wire.ParseStatus(line)
	code := CodeFor(status)
	if code == "" {
		return line, false
	}
	return []byte(status.Tag + " NO [" + code + "] " + status.Text + "\r\n"), true
}

// TextOfCode removes the brackets of an invalid response code, which turns the
// code into text. Exchange sends diagnostics in an OK, as [Error="..." Proxy=...],
// and clients close the connection at this (docs/exchange.md#error-code). ok
// reports whether the line had an invalid code; the line is returned unchanged
// otherwise.
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
