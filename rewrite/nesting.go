package rewrite

import (
	"fmt"
	"slices"
	"strings"
)

// maxMessages is how deep messages may be attached to each other on Exchange
// Online (docs/exchange.md#ex-37).
const maxMessages = 30

// nesting is the fix of that name: a message that is attached deeper becomes a
// file that holds it, and nothing is lost.
func (p *planner) nesting(e *entity) {
	if p.on(fixNesting) && e.mediaType.isMessage() && e.messages >= maxMessages {
		p.becomesFile(e, fixNesting, "attached-message.eml")
	}
}

// becomesFile makes the body of a part a file in base64, of no type that
// anybody looks into. Its own Content-Type stays under another name.
func (p *planner) becomesFile(e *entity, fix fixID, name string) {
	e.asFile, e.fileFix = true, fix
	if e.header.sealed && p.options.Signed == SignedLeave {
		return // which leaf.go reports
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
				f.prefix = "X-Original-" // it stays, for those who want to know
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
	if !p.on(fixPartial) || e.mediaType.name != "message/partial" {
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
