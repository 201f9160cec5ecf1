package cluster

import (
	"cmp"
	"time"

	"exgate/backend"
)

// formLife is how long a form of login is remembered after the last login with it.
const formLife = 30 * 24 * time.Hour

// Forms returns the forms of login of an upstream that all gateways remember; nil: this gateway remembers alone.
func (c *Cluster) Forms(upstream string) backend.SharedForms {
	if c == nil {
		return nil
	}
	return forms{c, cmp.Or(upstream, "default")}
}

// forms implements backend.SharedForms.
type forms struct {
	c        *Cluster
	upstream string
}

// Form implements backend.SharedForms.
func (f forms) Form(account string) (form string, isDoubted, ok bool) {
	cmd, ok := f.c.run(formScript, []string{f.key(account)})
	if !ok {
		return "", false, false
	}
	said, err := cmd.Text()
	if err != nil {
		f.c.log.Error("exgate does not understand Redis's answer about a form of login", "err", err)
	}
	if said == "" {
		return "", false, false
	}
	return said[1:], said[0] == '?', true
}

// Worked implements backend.SharedForms.
func (f forms) Worked(account, form string) {
	f.c.run(formScript, []string{f.key(account)}, form, formLife.Milliseconds())
}

// Refused implements backend.SharedForms.
func (f forms) Refused(account, form string) {
	f.c.run(doubtScript, []string{f.key(account)}, form, formLife.Milliseconds())
}

func (f forms) key(account string) string {
	return f.c.keys.form(f.c.hash("form", f.upstream+"\x00"+account))
}
