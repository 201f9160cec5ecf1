package proxy

import (
	"bytes"

	"exgate/backend/wire"
	"exgate/proxy/replies"
)

// TakeFetches implements backend.FetchSink. Responses that nothing in exgate changes pass together.
func (r *relay) TakeFetches(run wire.Fetches) (taken bool, err error) {
	if !r.passesFetches(run) {
		return false, nil
	}
	if err := r.takeTurn(); err != nil {
		return false, err
	}
	r.hide, r.editor, r.text = false, nil, literalText{}
	return true, r.extend(run.Data)
}

// passesFetches reports whether the client gets the responses as they are, and none of them counts.
func (r *relay) passesFetches(run wire.Fetches) bool {
	c := r.c
	fixes := &c.login.profile.Replies
	switch {
	case c.link.sink.Load() != r, r.last != nil, r.text.isWas, !c.client.trace.isOff():
		return false
	case fixes.Numbers:
		if highest := c.link.highest(""); highest > 0 && run.Highest > highest {
			return false
		}
	}
	if fixes.Blanks && !run.IsTidy() {
		return false
	}
	// The editor comes last: it notes the responses that pass.
	return c.link.passesFetches(run, c.login.account.Fetches.HasLimit())
}

// passesFetches reports whether no command in flight has an editor that these FETCH responses need,
// and whether they do not count against a limit of messages.
func (l *link) passesFetches(run wire.Fetches, hasLimit bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if hasLimit && len(l.flight) > 0 && l.flight[0].bodies {
		return false
	}
	first := run.Data[:bytes.IndexByte(run.Data, '\n')+1]
	for _, cmd := range l.flight {
		if cmd.editor == nil || !cmd.editor.Wants(first) {
			continue
		}
		// The first one that wants them is their editor, as in editorOf.
		passer, ok := cmd.editor.(replies.FetchPasser)
		return ok && passer.PassesFetches(run)
	}
	return true
}
