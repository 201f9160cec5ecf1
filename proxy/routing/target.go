package routing

import (
	"cmp"
	"fmt"
	"strings"
	"sync"

	"exgate/backend"
	"exgate/config/profile"
	"exgate/proxy/budget"
	"exgate/proxy/capability"
	"exgate/proxy/mailbox"
	"exgate/proxy/slots"
)

// Upstream has the settings of one server that logins may go to.
type Upstream struct {
	Name     string // as routes_file names it; "" for the first upstream
	Backend  backend.Options
	Profile  string                            // name of a profile, or profile.Auto
	Profiles func(name string) profile.Profile // returns a profile by its name, with the configured changes
	Resume   bool                              // a session outlives the loss of its connection
	// Connections limits the connections to this server. A gateway in observe
	// mode applies the limits only if it also keeps the pace.
	Connections slots.Limits
	// Budget limits what may be stored within a day. A reload changes it for all sessions.
	Budget budget.Limits
	// Match has patterns of the logins that go to this upstream. A pattern is a
	// mailbox or DOMAIN\user, in any case; * stands for any characters.
	Match []string
}

// Target is an Upstream with the state that all its sessions share. It is safe for
// use by several goroutines.
type Target struct {
	Upstream
	Server *backend.Upstream
	Slots  *slots.Pool // nil until the gateway sets it, before the first login
	Dates  mailbox.Dates
	// Offered has the capabilities of the last login.
	Offered capability.Memory

	mu       sync.Mutex
	profiles map[string]*profile.Profile // by name, once ProfileNamed has made them
}

func newTarget(u Upstream) (*Target, error) {
	t := &Target{Upstream: u, profiles: make(map[string]*profile.Profile)}
	var err error
	if t.Server, err = backend.NewUpstream(u.Backend, t.choose); err != nil {
		return nil, fmt.Errorf("upstream %s: %w", cmp.Or(u.Name, defaultUpstream), err)
	}
	return t, nil
}

// choose returns how to log in to the server, given the evidence about it.
func (t *Target) choose(e backend.Evidence) backend.Choice {
	name, _ := t.Detect(e)
	p := t.ProfileNamed(name)
	forms := p.Forms
	if t.Profile == profile.Auto {
		forms = backend.FormsFor(e, forms, t.ProfileNamed(backend.ProfileOnline).Forms)
	}
	return backend.Choice{Forms: forms, Verify: p.Verify, Identify: t.Profile == profile.Auto, Exchange: p.IsExchange()}
}

// ProfileNamed returns the profile of this name. All sessions share it, so the
// caller must not change it.
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

// Detect returns the name of the server's profile. If the profile is profile.Auto,
// the evidence decides, and why says which evidence it was.
func (t *Target) Detect(e backend.Evidence) (name, why string) {
	if t.Profile == profile.Auto {
		return backend.Detect(e)
	}
	return t.Profile, ""
}

// matches reports whether a pattern of the upstream matches the login.
func (t *Target) matches(id backend.Identity) bool {
	for _, pattern := range t.Match {
		if matchesFold(pattern, id.User) || id.Domain != "" && matchesFold(pattern, id.Domain+`\`+id.User) {
			return true
		}
	}
	return false
}

// matchesFold reports whether the pattern matches the name, without regard to
// case. In the pattern, * stands for any characters.
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
