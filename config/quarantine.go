package config

import (
	"time"

	"exgate/config/profile"
	"exgate/rewrite"
)

// Quarantine is proxy.QuarantineOptions in the file's words.
type Quarantine struct {
	// Directory for the originals and the removed attachments. No web or file server
	// may serve it. Unset: exgate keeps none, and skips the steps that need it.
	Dir string `key:"dir" example:"/var/lib/exgate/quarantine"`
	// Limit for the size of all files, in bytes. When it is reached, exgate keeps
	// nothing more.
	Quota int64 `key:"quota"`
	// exgate deletes a file after this time.
	Keep time.Duration `key:"keep"`
	// Text that replaces a removed part, or stands before the original in an
	// envelope. {reason} says what happened; {name}, {size} and {sha256} identify
	// the file. Unset: a text with all four, which does not say whom to ask.
	Note string `key:"note" example:"'{reason} Name: {name}, {size} bytes, SHA-256: {sha256}. Ask postmaster@example.com for it.'"`
}

func (c *Config) validateQuarantine(p *problems, profile profile.Profile) {
	q := c.Quarantine
	if q.Dir == "" && c.Fixes.Oversize == OversizeDetach {
		p.add("fixes.oversize", "detach needs quarantine.dir, in which exgate keeps the attachments")
	}
	if q.Dir == "" && profile.Escalate == rewrite.StageShed {
		p.add("fixes.escalate", "shed needs quarantine.dir, in which exgate keeps the originals")
	}
	if q.Quota <= 0 {
		p.add("quarantine.quota", "%d is not a budget: give a number of bytes", q.Quota)
	}
	if q.Keep <= 0 {
		p.add("quarantine.keep", "%s is not a time: use one such as 2160h", q.Keep)
	}
	if err := rewrite.Note(q.Note).Validate(); err != nil {
		p.add("quarantine.note", "%s", err)
	}
}
