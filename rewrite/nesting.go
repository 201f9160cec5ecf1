package rewrite

import (
	"fmt"
	"slices"
	"strings"
)

// maxMessages is how many messages may be attached inside each other on Exchange Online
// (docs/exchange.md#ex-37).
const maxMessages = 30

// nesting is the fix of this name. It turns a message that is attached deeper than
// maxMessages into a file. The file has the whole message, so nothing is lost.
func (p *planner) nesting(e *entity) {
	if p.isOn(fixNesting) && e.mediaType.isMessage() && e.messages >= maxMessages {
		p.becomesFile(e, fixNesting, "attached-message.eml")
	}
}

// becomesFile turns the body of a part into a file in base64. No program looks for messages
// or parts in a file of the new type. The original Content-Type stays under another name.
func (p *planner) becomesFile(e *entity, fix fixID, name string) {
	e.asFile, e.fileFix = true, fix
	if e.header.sealed && p.options.Signed == SignedLeave {
		return // leaf.go reports the part
	}
	p.retype(e.header, "application/octet-stream"+`; name="`+name+`"`, "attachment"+`; filename="`+name+`"`)
}

// retype gives a part another type and disposition.
func (p *planner) retype(h *header, contentType, disposition string) {
	for _, named := range []struct{ name, value string }{{"Content-Type", contentType},
		{"Content-Disposition", disposition}} {
		isNamed := func(f *field) bool { return f.is(named.name) }
		i := slices.IndexFunc(h.held, isNamed)
		for _, f := range h.held {
			if isNamed(f) {
				f.prefix = "X-Original-" // the original field stays for information
			}
		}
		if i >= 0 {
			h.held[i].before += fold(named.name, " "+named.value)
		} else {
			h.added += fold(named.name, " "+named.value)
		}
	}
}

// partial is the fix of that name: a fragment (RFC 2046 section 5.2.2), which
// Exchange refuses (quirk EX-09), becomes a file with its bytes.
func (p *planner) partial(e *entity) {
	if !p.isOn(fixPartial) || e.mediaType.name != "message/partial" {
		return
	}
	_, params := parseParams(string(e.header.contentType.text))
	number := "1"
	for _, param := range params {
		if param.name == "number" && len(param.value) < 6 && strings.Trim(param.value, "0123456789") == "" {
			number = param.value
		}
	}
	p.becomesFile(e, fixPartial, fmt.Sprintf("message-fragment-%s.txt", number))
}
