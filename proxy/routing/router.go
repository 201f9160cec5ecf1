// Package routing decides which upstream a login goes to, and as which user. The
// user map (routes_file) decides first, then the patterns of the upstreams; all
// other logins go to the first upstream. Package proxy routes each login with it,
// and exgate check shows where a login would go.
package routing

import (
	"cmp"
	"slices"

	"exgate/backend"
	"exgate/backend/folders"
)

// Router decides which upstream a login goes to. It is safe for use by several
// goroutines.
type Router struct {
	Targets []*Target // at least one; the first one is the default
	userMap *UserMap  // nil: no routes_file
}

// NewRouter returns a router to the upstreams, of which the first is the default.
// There must be at least one. routes is nil without a routes_file. NewRouter
// returns an error if the options of an upstream are invalid.
func NewRouter(upstreams []Upstream, routes *UserMap) (*Router, error) {
	r := &Router{userMap: routes}
	for _, u := range upstreams {
		t, err := newTarget(u)
		if err != nil {
			return nil, err
		}
		r.Targets = append(r.Targets, t)
	}
	return r, nil
}

// Decision is the result of routing a login.
type Decision struct {
	To       *Target
	Asked    backend.Identity // the identity that the client named
	Identity backend.Identity // the identity that is presented to the upstream
	Prefix   string           // the prefix of the user's line in the user map; "": none; "off": no prefix
}

// Route decides which upstream a login with this claim goes to, and with which
// identity. The first matching line of the user map decides, else the first
// upstream with a matching pattern; else the login goes to the first upstream.
// The domains that a claim may name are those of the upstream considered. Route
// returns an error if the claim is no valid login name.
func (r *Router) Route(claim backend.Claim) (Decision, error) {
	asked, err := r.Targets[0].Backend.Login.Resolve(claim)
	if err != nil {
		return Decision{}, err
	}
	if row, ok := r.userMap.find(asked.User); ok {
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

// Caller returns the name by which the client claims to log in: the admin, or the
// user.
func (d Decision) Caller() string { return cmp.Or(d.Asked.Admin, d.Asked.User) }

// Below returns the prefix that the user map has for the login, and that the session
// cannot leave; "" if there is none.
func (d Decision) Below() string {
	if d.Prefix == noPrefix {
		return ""
	}
	return d.Prefix
}

// Names returns o with the prefix of the user's line in the user map, or o itself
// if the line has no prefix. Below a prefix names.list does not count, since each of
// its names is one of the whole mailbox.
func (d Decision) Names(o folders.Options) folders.Options {
	if d.Prefix == "" {
		return o
	}
	o.Prefix, o.Users = d.Below(), nil
	if o.Prefix != "" {
		o.List = nil
	}
	return o
}

// Destination tells where a login goes.
type Destination struct {
	Upstream string // the name of the upstream; "": the first one
	// Identity is the identity of the login. If the gateway holds credentials
	// for the upstream, it presents these and opens the mailbox of Identity.
	Identity backend.Identity
	Names    func(folders.Options) folders.Options // Decision.Names
}

// Locate returns where a login with this claim would go, without connecting to
// the upstream. It returns an error if the options of an upstream or the claim
// are invalid.
func Locate(upstreams []Upstream, routes *UserMap, claim backend.Claim) (Destination, error) {
	router, err := NewRouter(upstreams, routes)
	if err != nil {
		return Destination{}, err
	}
	d, err := router.Route(claim)
	if err != nil {
		return Destination{}, err
	}
	return Destination{d.To.Name, d.Identity, d.Names}, nil
}

// HoldsAny reports whether the gateway holds credentials for any upstream.
func (r *Router) HoldsAny() bool {
	return slices.ContainsFunc(r.Targets, func(t *Target) bool { return t.Server.Holds() })
}

// HoldsFor reports whether a login with this claim would use credentials that the
// gateway holds.
func (r *Router) HoldsFor(claim backend.Claim) bool {
	d, err := r.Route(claim)
	return err == nil && d.To.Server.Holds()
}

// Only returns the upstream of all logins; nil if there are several upstreams.
func (r *Router) Only() *Target {
	if len(r.Targets) > 1 {
		return nil
	}
	return r.Targets[0]
}

// target returns the upstream of this name, or the first one.
func (r *Router) target(name string) *Target {
	for _, t := range r.Targets {
		if t.Name == name {
			return t
		}
	}
	return r.Targets[0]
}
