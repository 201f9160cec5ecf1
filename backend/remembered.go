package backend

import (
	"slices"
	"strings"
	"sync"
)

// maxRemembered is the maximum number of entries in a Remembered. It has an entry for
// each admin, and for each user if users' own logins have several forms.
const maxRemembered = 10_000

// Remembered keeps the form of login that worked for each account, on one upstream. The
// next login tries only this form, so that a mistyped password costs one failure. A
// failure may be caused by the password, or by the form if an administrator has changed
// something. After one failure, the next login therefore tries this form first and then
// the others. After a second failure the form is forgotten, and the next login tries
// all forms in order. The zero value is ready, and safe for concurrent use.
type Remembered struct {
	mu     sync.Mutex
	worked map[loginAccount]loginForm
}

// loginAccount is the account whose password is sent, in lower case. For an admin, user
// is "": a form that works for one mailbox works for all.
type loginAccount struct{ domain, admin, user string }

type loginForm struct {
	form     Form
	spelling string
	doubted  bool // Exchange has refused it after it worked
}

// is reports whether a has this form.
func (f loginForm) is(a Attempt) bool {
	return a.Form == f.form && strings.EqualFold(a.Spelling, f.spelling)
}

func accountOf(id Identity) loginAccount {
	a := loginAccount{domain: strings.ToLower(id.Domain), admin: strings.ToLower(id.Admin)}
	if id.Admin == "" {
		a.user = strings.ToLower(id.User)
	}
	return a
}

// Worked records that Exchange has accepted a login of id in the form of a.
func (r *Remembered) Worked(id Identity, a Attempt) {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := accountOf(id)
	if _, known := r.worked[key]; !known && len(r.worked) >= maxRemembered {
		for old := range r.worked { // any: forgetting costs one walk
			delete(r.worked, old)
			break
		}
	}
	if r.worked == nil {
		r.worked = make(map[loginAccount]loginForm)
	}
	r.worked[key] = loginForm{form: a.Form, spelling: a.Spelling}
}

// Refused records that Exchange has refused a login of id in the form of a.
func (r *Remembered) Refused(id Identity, a Attempt) {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := accountOf(id)
	worked, known := r.worked[key]
	switch {
	case !known || !worked.is(a):
	case worked.doubted:
		delete(r.worked, key)
	default:
		worked.doubted = true
		r.worked[key] = worked
	}
}

// Narrow returns only the attempt in the form that worked before. If that form is in
// doubt, it comes first and the others follow. If no form has worked, Narrow returns
// all attempts.
func (r *Remembered) Narrow(id Identity, attempts []Attempt) []Attempt {
	r.mu.Lock()
	worked, known := r.worked[accountOf(id)]
	r.mu.Unlock()
	if !known {
		return attempts
	}
	i := slices.IndexFunc(attempts, worked.is)
	switch {
	case i < 0:
		return attempts
	case !worked.doubted:
		return attempts[i : i+1 : i+1]
	}
	return slices.Concat(attempts[i:i+1], attempts[:i], attempts[i+1:])
}
