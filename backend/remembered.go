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
	forms SharedForms // nil: this gateway remembers alone

	mu     sync.Mutex
	worked map[loginAccount]loginForm
}

// SharedForms keep the forms of login that worked, of several gateways. Package cluster has some.
// An account and a form are texts of Remembered's own.
type SharedForms interface {
	// Form returns the form of an account; "" if none is known. isDoubted reports whether it
	// was refused after it worked. ok is false if the other gateways know nothing of the
	// account, or cannot be asked.
	Form(account string) (form string, isDoubted, ok bool)
	// Worked notes the form of an account.
	Worked(account, form string)
	// Refused doubts the form of an account. A form that is in doubt is forgotten.
	Refused(account, form string)
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

// formText returns the text of the form of an attempt for SharedForms.
func formText(a Attempt) string { return string(a.Form) + " " + strings.ToLower(a.Spelling) }

// text returns the text of an account for SharedForms.
func (a loginAccount) text() string { return a.domain + "\x00" + a.admin + "\x00" + a.user }

func accountOf(id Identity) loginAccount {
	a := loginAccount{domain: strings.ToLower(id.Domain), admin: strings.ToLower(id.Admin)}
	if id.Admin == "" {
		a.user = strings.ToLower(id.User)
	}
	return a
}

// Share has the forms remembered together with other gateways. The caller calls it before any
// other method.
func (r *Remembered) Share(forms SharedForms) { r.forms = forms }

// Worked records that Exchange has accepted a login of id in the form of a.
func (r *Remembered) Worked(id Identity, a Attempt) {
	if r.forms != nil {
		r.forms.Worked(accountOf(id).text(), formText(a))
	}
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
	if r.forms != nil {
		r.forms.Refused(accountOf(id).text(), formText(a))
	}
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
	worked, isDoubted := r.find(id, attempts)
	switch {
	case worked < 0:
		return attempts
	case !isDoubted:
		return attempts[worked : worked+1 : worked+1]
	}
	return slices.Concat(attempts[worked:worked+1], attempts[:worked], attempts[worked+1:])
}

// find returns the index of the attempt in the form that worked before; -1 if there is none.
func (r *Remembered) find(id Identity, attempts []Attempt) (worked int, isDoubted bool) {
	if r.forms != nil {
		if form, isDoubted, ok := r.forms.Form(accountOf(id).text()); ok {
			return slices.IndexFunc(attempts, func(a Attempt) bool { return formText(a) == form }), isDoubted
		}
	}
	r.mu.Lock()
	known, ok := r.worked[accountOf(id)]
	r.mu.Unlock()
	if !ok {
		return -1, false
	}
	return slices.IndexFunc(attempts, known.is), known.doubted
}
