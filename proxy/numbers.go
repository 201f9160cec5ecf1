package proxy

import (
	"slices"

	"exgate/backend"
	"exgate/backend/wire"
	"exgate/proxy/replies"
)

// keepWithinExists removes from the responses to a SEARCH the message numbers above EXISTS, if the
// profile wants this.
func (r *relay) keepWithinExists(f *wire.Fragment) {
	if !r.c.login.profile.Replies.Numbers {
		return
	}
	if f.First {
		r.search.Max = 0
		if wire.IsUntagged(f.Data, "SEARCH") {
			r.search.Max = r.c.link.highest("SEARCH")
		}
	}
	if r.search.Max == 0 {
		return
	}
	removed := r.search.Removed
	text, changed := r.search.Edit(*f)
	if !changed {
		return
	}
	if r.search.Removed > removed {
		r.c.repaired(string(backend.FixNumbers))
	}
	f.Data = slices.Clip(text)
}

// isAboveExists reports whether a FETCH response is about a message above EXISTS, and counts it, if
// the profile wants this. The client does not know of the message: it will ask for it when EXISTS
// has grown.
func (r *relay) isAboveExists(f wire.Fragment) bool {
	if f.Kind != wire.Untagged || !r.c.login.profile.Replies.Numbers {
		return false
	}
	n := replies.FetchNumber(f.Data)
	if n == 0 {
		return false
	}
	if highest := r.c.link.highest(""); highest == 0 || n <= highest {
		return false
	}
	r.c.repaired(string(backend.FixNumbers))
	return true
}

// highest returns the number of messages that the client has been told of in its selected mailbox;
// 0 if none is selected, or not for certain. verb is that of the oldest command in flight, if it
// must be one; otherwise "".
func (l *link) highest(verb string) uint32 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.view.Mailbox == "" || verb != "" && (len(l.flight) == 0 || l.flight[0].verb != verb) {
		return 0
	}
	if slices.ContainsFunc(l.flight, func(cmd *command) bool { return cmd.effect() == opensView }) {
		return 0
	}
	return l.view.Exists
}
