package backend

import (
	"slices"
	"strings"
	"sync"
)

// maxRemembered bounds a Remembered. It holds an entry for each admin, and one
// for each user where own logins have several forms.
const maxRemembered = 10_000

// Remembered knows the form of login that worked, per account, on one
// upstream. It is tried alone, so that a mistyped password costs one failure.
// Whether a failure is the password's or the form's, since an administrator has
// changed something, cannot be told: after one the form is tried first and the
// others after it, and after another it is forgotten, so that the next login
// walks all forms in their order. The zero value is ready, and safe for use by
// several goroutines.
type Remembered struct {
	mu     sync.Mutex
	worked map[loginAccount]loginForm
}

// loginAccount is whose password is sent, in lower case. user is "" for an
// admin: what works for him works for all his mailboxes.
type loginAccount struct{ domain, admin, user string }

type loginForm struct {
	form     Form
	spelling string
	doubted  bool // it was refused since it worked
}

// is tells whether a is in that form.
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

// Worked records that a login of id was accepted in the form of a. Call it
// after success only.
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

// Refused records that a login of id was refused in the form of a.
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

// Narrow returns of attempts the one in the form that worked before, alone; or
// before the others if it is in doubt; or all of them as they are if none did.
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
