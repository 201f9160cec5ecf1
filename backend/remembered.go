package backend

import (
	"strings"
	"sync"
)

// maxRemembered bounds a Remembered. It holds an entry for each admin, and one
// for each user where own logins have several forms.
const maxRemembered = 10_000

// Remembered knows the form of login that worked, per account, on one
// upstream. The zero value is ready, and safe for use by several goroutines.
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
	r.worked[key] = loginForm{a.Form, a.Spelling}
}

// Narrow returns of attempts the one in the form that worked before, alone, so
// that a mistyped password costs one failure; or all of them if none did.
func (r *Remembered) Narrow(id Identity, attempts []Attempt) []Attempt {
	r.mu.Lock()
	worked, known := r.worked[accountOf(id)]
	r.mu.Unlock()
	if !known {
		return attempts
	}
	for i, a := range attempts {
		if a.Form == worked.form && strings.EqualFold(a.Spelling, worked.spelling) {
			return attempts[i : i+1 : i+1]
		}
	}
	return attempts
}
