package routing

import (
	"fmt"
	"strings"
	"sync"

	"exgate/backend"
	"exgate/config/profile"
	"exgate/proxy/slots"
)

// Upstream is one server that logins may go to.
type Upstream struct {
	Name     string // as the map file has it; "" for the first
	Backend  backend.Options
	Profile  string                            // or profile.Auto
	Profiles func(name string) profile.Profile // what is done under a profile
	Resume   bool                              // sessions outlive its connections
	// Connections bound those to this server; an observing gateway keeps to them
	// where it keeps the pace.
	Connections slots.Limits
	// Match are patterns of the logins that go there, in any case: a mailbox, or
	// DOMAIN\user, in which * stands for anything.
	Match []string
}

// Target is an Upstream at work.
type Target struct {
	Upstream
	Server *backend.Upstream
	Slots  *slots.Pool // of connections; Server.use sets it

	mu       sync.Mutex
	profiles map[string]*profile.Profile // by profile, once made
}

func newTarget(u Upstream) (*Target, error) {
	t := &Target{Upstream: u, profiles: make(map[string]*profile.Profile)}
	var err error
	if t.Server, err = backend.NewUpstream(u.Backend, t.choose); err != nil {
		return nil, fmt.Errorf("upstream %s: %w", u.Name, err)
	}
	return t, nil
}

// choose says how to log in to a server of which so much is known.
func (t *Target) choose(e backend.Evidence) backend.Choice {
	name, _ := t.Detect(e)
	p := t.ProfileNamed(name)
	forms := p.Forms
	if t.Profile == profile.Auto {
		forms = backend.FormsFor(e, forms, t.ProfileNamed(backend.ProfileOnline).Forms)
	}
	return backend.Choice{Forms: forms, Verify: p.Verify, Identify: t.Profile == profile.Auto, Exchange: p.IsExchange()}
}

// ProfileNamed returns a profile by its name. All sessions share it, and nobody
// changes it.
func (t *Target) ProfileNamed(name string) *profile.Profile {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.profiles[name]
	if p == nil {
		made := t.Profiles(name)
		p = &made
		t.profiles[name] = p
	}
	return p
}

// Detect returns the name of the server's profile, and the reason for it where
// exgate has found it out.
func (t *Target) Detect(e backend.Evidence) (name, why string) {
	if t.Profile == profile.Auto {
		return backend.Detect(e)
	}
	return t.Profile, ""
}

// matches tells whether a login belongs here by the patterns.
func (t *Target) matches(id backend.Identity) bool {
	for _, pattern := range t.Match {
		if matchesFold(pattern, id.User) || id.Domain != "" && matchesFold(pattern, id.Domain+`\`+id.User) {
			return true
		}
	}
	return false
}

// matchesFold compares with a pattern in which * stands for anything, in any
// case.
func matchesFold(pattern, name string) bool {
	parts := strings.Split(strings.ToLower(pattern), "*")
	rest, ok := strings.CutPrefix(strings.ToLower(name), parts[0])
	if len(parts) == 1 || !ok {
		return ok && rest == ""
	}
	for _, part := range parts[1 : len(parts)-1] {
		if _, rest, ok = strings.Cut(rest, part); !ok {
			return false
		}
	}
	return strings.HasSuffix(rest, parts[len(parts)-1])
}
