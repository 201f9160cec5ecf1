package testkit

// Parts of FETCH responses (RFC 9051 section 7.5.2).
const (
	// TextPart is the beginning of the body structure of a text part. Its
	// extension data, from the MD5 on, and the closing parenthesis are missing.
	TextPart = `("text" "plain" ("charset" "utf-8") NIL NIL "7bit" 12 1`
	// Envelope is a complete envelope.
	Envelope = `("Mon, 1 Jan 2026 00:00:00 +0000" "s (x" (("a" NIL "b" "c")) NIL NIL ` +
		`(("a" NIL "b" "c")("d" NIL "e" "f")) NIL NIL NIL "<id@x>")`
)
