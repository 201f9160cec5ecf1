// Package routing decides which upstream a login goes to, and as whom.
package routing

import (
	"cmp"
	"slices"

	"exgate/backend"
	"exgate/backend/folders"
)

// Router decides which upstream a login goes to.
type Router struct {
	Targets []*Target // the first is for logins that nothing sends elsewhere
	routes  *UserMap  // the routes file; nil: there is none
}

// NewRouter returns the router to some upstreams, of which there is at least one.
func NewRouter(upstreams []Upstream, routes *UserMap) (*Router, error) {
	r := &Router{routes: routes}
	for _, u := range upstreams {
		t, err := newTarget(u)
		if err != nil {
			return nil, err
		}
		r.Targets = append(r.Targets, t)
	}
	return r, nil
}

// Decision is where a claim goes, and what it means there.
type Decision struct {
	To       *Target
	Asked    backend.Identity // what the client said
	Identity backend.Identity // what is presented upstream
	Prefix   string           // routeRow.prefix
}

// Route decides which upstream a claim goes to, and what it means there: by
// the map file, else by the upstreams' patterns, else the first. A claim is
// read by the domains of the upstream that it may be for.
func (r *Router) Route(claim backend.Claim) (Decision, error) {
	asked, err := r.Targets[0].Backend.Login.Resolve(claim)
	if err != nil {
		return Decision{}, err
	}
	if row, ok := r.routes.find(asked.User); ok {
		to := r.target(row.upstream)
		asked, err = to.Backend.Login.Resolve(claim)
		return Decision{to, asked, row.apply(asked), row.prefix}, err
	}
	for _, t := range r.Targets[1:] {
		if id, err := t.Backend.Login.Resolve(claim); err == nil && t.matches(id) {
			return Decision{t, id, id, ""}, nil
		}
	}
	return Decision{r.Targets[0], asked, asked, ""}, nil
}

// Caller is who claims to log in, by the name that the client said: the admin, or
// the user.
func (r Decision) Caller() string { return cmp.Or(r.Asked.Admin, r.Asked.User) }

// Below returns the prefix that the map file has for the login, and out of which
// the session cannot get; "" if there is none.
func (r Decision) Below() string {
	if r.Prefix == noPrefix {
		return ""
	}
	return r.Prefix
}

// Names returns the settings for names of mailboxes with the user's own prefix.
// No name of names.list counts then, since each of them is one of the whole
// mailbox, be it below the prefix or not.
func (r Decision) Names(o folders.Options) folders.Options {
	if r.Prefix == "" {
		return o
	}
	o.Prefix, o.Users = r.Below(), nil
	if o.Prefix != "" {
		o.List = nil
	}
	return o
}

// Destination is where a login goes.
type Destination struct {
	Upstream string           // its name; "" is the first
	Identity backend.Identity // as it is presented there, unless the gateway holds what opens the mailbox
	Names    func(folders.Options) folders.Options
}

// Locate tells where a client's login would go, without making it.
func Locate(upstreams []Upstream, routes *UserMap, claim backend.Claim) (Destination, error) {
	router, err := NewRouter(upstreams, routes)
	if err != nil {
		return Destination{}, err
	}
	r, err := router.Route(claim)
	if err != nil {
		return Destination{}, err
	}
	return Destination{r.To.Name, r.Identity, r.Names}, nil
}

// HoldsAny reports whether the gateway holds credentials for an upstream.
func (r *Router) HoldsAny() bool {
	return slices.ContainsFunc(r.Targets, func(t *Target) bool { return t.Server.Holds() })
}

// HoldsFor tells whether the gateway would open the mailbox with what it holds.
func (r *Router) HoldsFor(claim backend.Claim) bool {
	d, err := r.Route(claim)
	return err == nil && d.To.Server.Holds()
}

func (r *Router) target(name string) *Target {
	for _, t := range r.Targets {
		if t.Name == name {
			return t
		}
	}
	return r.Targets[0]
}
