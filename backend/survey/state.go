package survey

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
)

// Server is what the server says of itself.
type Server struct {
	Profile  string            `json:"profile"` // exgate's
	Greeting string            `json:"greeting"`
	Before   []string          `json:"capabilities_before_login"`
	After    []string          `json:"capabilities_after_login"`
	ID       map[string]string `json:"id,omitempty"`
}

// State is what is known so far.
type State struct {
	Account  string    `json:"account"` // a hash of server and login: the state of another one is refused
	Server   Server    `json:"server"`
	Findings []Finding `json:"findings"`
	Made     []string  `json:"made,omitempty"` // folders at the top level that a run has made, to be removed
	// Unavailable tells how Server Unavailable. 15 has come: Yes without a tag, No with one; "": it has not.
	Unavailable Answer `json:"unavailable,omitempty"`
}

// unmake notes that a folder of Made is not there any more, or is not the survey's.
func (s *State) unmake(name string) {
	s.Made = slices.DeleteFunc(s.Made, func(made string) bool { return made == name })
}

// Find returns the finding of a probe.
func (s *State) Find(id string) (Finding, bool) {
	i := slices.IndexFunc(s.Findings, func(f Finding) bool { return f.ID == id })
	if i < 0 {
		return Finding{}, false
	}
	return s.Findings[i], true
}

func (s *State) add(f Finding) {
	s.Findings = slices.DeleteFunc(s.Findings, func(old Finding) bool { return old.ID == f.ID })
	s.Findings = append(s.Findings, f)
}

// noteUnavailable keeps the stronger of what was heard before and now.
func (s *State) noteUnavailable(heard Answer) {
	if s.Unavailable != Yes && heard != "" {
		s.Unavailable = heard
	}
}

// Forget drops the findings that are unknown, for a run that may do more.
func (s *State) Forget() {
	s.Findings = slices.DeleteFunc(s.Findings, func(f Finding) bool { return f.Answer == Unknown })
}

// Load reads the state of an earlier run; a file that is missing is an empty state.
func Load(file, account string) (*State, error) {
	state := &State{Account: account}
	if err := readJSON(file, state); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the state of the earlier run: %w; remove the file to begin anew", err)
	}
	if state.Account != account {
		return nil, fmt.Errorf("%s is the state of a survey of another server or login: use another --out, or remove "+
			"the file", file)
	}
	return state, nil
}

// Store writes the state in place of the last one.
func (s *State) Store(file string) error { return storeJSON(file, s) }
