package rewrite

import (
	"slices"
	"strings"
)

// appleDouble is the fix of that name: multipart/appledouble, which "chokes
// Exchange Online" (docs/exchange.md#ex-38), becomes
// multipart/mixed, as readers take a multipart that they do not know (RFC 2046
// section 5.1.3). Both halves of the file stay.
func (p *planner) appleDouble(e *entity) error {
	const name = "multipart/appledouble"
	if !p.isOn(fixAppleDouble) || e.mediaType.name != name {
		return nil
	}
	i := slices.IndexFunc(e.header.held, func(f *field) bool { return f.is("Content-Type") })
	if i < 0 {
		return nil
	}
	f := e.header.held[i]
	if f.header.sealed && p.options.Signed == SignedLeave {
		p.report.SignedLeft++
		return nil
	}
	value, ok, err := p.text(f)
	if at := strings.Index(strings.ToLower(value), name); ok && at >= 0 {
		f.set(fixAppleDouble, value[:at]+"multipart/mixed"+value[at+len(name):])
	}
	return err
}
