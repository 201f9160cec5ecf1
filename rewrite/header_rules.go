package rewrite

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// HeaderRule is a change that an operator wants in the message's own header:
// what the pattern finds in the unfolded value of a field is replaced.
type HeaderRule struct {
	Header      string         // the field's name, in any case
	Pattern     *regexp.Regexp // RE2
	Replacement string         // $1 or ${name} are the pattern's groups, $$ is $
}

// ruledOut are fields that no rule may touch: programs recognise messages by them,
// or their bodies depend on them.
var ruledOut = []string{"Message-ID", "Date", "Received", "MIME-Version"}

// Validate returns what is wrong with the rule.
func (r HeaderRule) Validate() error {
	switch {
	case r.Header == "" || strings.ContainsFunc(r.Header, func(c rune) bool { return c <= ' ' || c > '~' || c == ':' }):
		return fmt.Errorf("%q is no name of a header field", r.Header)
	case strings.HasPrefix(strings.ToLower(r.Header), "content-") || (&field{name: r.Header}).isAny(ruledOut...):
		return fmt.Errorf(
			"%s may not be changed: programs recognise a message by it, or need it to read the body", r.Header)
	case r.Pattern == nil:
		return errors.New("there is no pattern")
	case strings.ContainsAny(r.Replacement, "\r\n\x00"):
		return errors.New("the replacement has a line end or NUL")
	}
	return nil
}

// headerRules applies the operator's rules.
func (p *planner) headerRules(f *field) error {
	if !f.header.top {
		return nil
	}
	for _, rule := range p.options.HeaderRules {
		if !f.is(rule.Header) {
			continue
		}
		value, ok, err := p.text(f)
		if !ok || err != nil {
			return err
		}
		if changed := rule.Pattern.ReplaceAllString(value, rule.Replacement); changed != value {
			f.set(fixHeaderRules, changed)
		}
	}
	return nil
}
