package survey

import (
	"errors"
	"fmt"
)

// evidenceVersion is that of the file's form.
const evidenceVersion = 1

// Evidence is what was found, for the project: without names and addresses.
type Evidence struct {
	Version  int       `json:"exgate_survey"`
	Server   Server    `json:"server"`
	Findings []Finding `json:"findings"`
}

// NewEvidence takes the names and addresses out of a state. names are those that the survey knows: of the login, the
// mailbox, the server, and the password.
func NewEvidence(state *State, names []string) Evidence {
	r := newRedactor(names)
	e := Evidence{Version: evidenceVersion, Server: state.Server}
	e.Server.Greeting = r.text(state.Server.Greeting)
	e.Server.Before, e.Server.After = r.texts(state.Server.Before), r.texts(state.Server.After)
	e.Server.ID = nil
	for key, value := range state.Server.ID {
		if e.Server.ID == nil {
			e.Server.ID = map[string]string{}
		}
		e.Server.ID[r.text(key)] = r.text(value)
	}
	for _, f := range state.Findings {
		f.Note, f.Said, f.Words = r.text(f.Note), r.text(f.Said), r.texts(f.Words)
		e.Findings = append(e.Findings, f)
	}
	return e
}

// Store writes the evidence.
func (e Evidence) Store(file string) error {
	return storeJSON(file, e)
}

// maxSaid bounds a refusal in an evidence file, which may come from anybody.
const maxSaid = 1000

// ReadEvidence reads a file of Store's.
func ReadEvidence(file string) (Evidence, error) {
	var e Evidence
	if err := readJSON(file, &e); err != nil {
		return e, fmt.Errorf("the evidence: %w", err)
	}
	if e.Version != evidenceVersion {
		return e, fmt.Errorf("%s is no evidence of exgate survey, or that of another version of exgate", file)
	}
	var errs []error
	for _, f := range e.Findings {
		known := f.Answer == Yes || f.Answer == No || f.Answer == Unknown
		if !known || f.Number < 0 || f.Number > highestMessage || len(f.Said) > maxSaid {
			errs = append(errs, fmt.Errorf("%s: the finding %.20q cannot be read", file, f.ID))
		}
	}
	return e, errors.Join(errs...)
}
