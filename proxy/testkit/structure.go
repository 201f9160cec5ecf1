package testkit

// textPart begins a body structure, up to its MD5; envelope is one.
const (
	TextPart = `("text" "plain" ("charset" "utf-8") NIL NIL "7bit" 12 1`
	Envelope = `("Mon, 1 Jan 2026 00:00:00 +0000" "s (x" (("a" NIL "b" "c")) NIL NIL (("a" NIL "b" "c")("d" NIL "e" "f")) NIL NIL NIL "<id@x>")`
)
