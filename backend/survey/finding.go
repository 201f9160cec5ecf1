package survey

import "exgate/config/profile"

// Answer is the result of a probe.
type Answer string

const (
	Yes     Answer = "yes"     // the server has the quirk
	No      Answer = "no"      // it has not
	Unknown Answer = "unknown" // the probe could not tell; the note says why
)

// Finding is what one probe found.
type Finding struct {
	ID     string   `json:"id"`   // the quirk, as in docs/exchange.md; M-nn is a measurement that is no quirk
	Name   string   `json:"name"` // of the quirk in the simulator
	Answer Answer   `json:"answer"`
	Number int64    `json:"number,omitempty"` // the largest value that the server takes; 0: none was measured
	Open   bool     `json:"open,omitempty"`   // Number is only where the probe ended: the server takes it, and perhaps more
	Note   string   `json:"note,omitempty"`
	Said   string   `json:"said,omitempty"`  // the tagged reply that refused
	Words  []string `json:"words,omitempty"` // the commands (C:) and the server's words (S:)
}

// answer returns Yes or No.
func answer(yes bool) Finding {
	if yes {
		return Finding{Answer: Yes}
	}
	return Finding{Answer: No}
}

func unknown(note string) Finding { return Finding{Answer: Unknown, Note: note} }

func (f Finding) noted(note string) Finding {
	f.Note = note
	return f
}

// refusedBy keeps the words of a refusal.
func (f Finding) refusedBy(r reply) Finding {
	if r.err == nil && r.Word != "OK" && r.Word != "" {
		f.Said = readable(clip(r.told()))
	}
	return f
}

// Verdict compares a finding with what exgate assumes.
type Verdict string

const (
	AsAssumed Verdict = "as assumed" // exgate's profile fits
	Different Verdict = "different"  // the settings change something, or exgate has no repair for it
	NotKnown  Verdict = "unknown"
)

// verdict compares f with the profile. A quirk that exgate is prepared for and that the server lacks is no
// difference, unless a setting would then spare a change to messages or names.
func (p *probe) verdict(f Finding, in profile.Profile) Verdict {
	if f.Answer == Unknown {
		return NotKnown
	}
	if p.set != nil && p.set(f, in) != nil {
		return Different
	}
	if f.Answer == Yes && (p.prepared != nil && !p.prepared(in) || f.Number < p.reaches) {
		return Different
	}
	return AsAssumed
}
