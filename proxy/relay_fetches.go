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
	case c.link.sink.Load() != r, r.last != nil, r.text.isWas, !c.client.trace.IsOff():
		return false
	case fixes.Numbers:
		if highest := c.link.highest(""); highest > 0 && run.Highest > highest {
			return false
		}
	}
	editor, ok := c.link.fetchPasser(run, c.login.account.Fetches.HasLimit())
	if !ok || fixes.Blanks && !run.IsTidy() {
		return false
	}
	// The editor comes last: it notes the responses that pass.
	return editor == nil || editor.PassesFetches(run)
}

// fetchPasser returns the editor of these FETCH responses; nil if no command in flight has one. ok is
// false if they cannot pass together: the editor does not allow it, or they count against a limit of
// messages.
func (l *link) fetchPasser(run wire.Fetches, hasLimit bool) (editor replies.FetchPasser, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if hasLimit && len(l.flight) > 0 && l.flight[0].bodies {
		return nil, false
	}
	first := run.Data[:bytes.IndexByte(run.Data, '\n')+1]
	for _, cmd := range l.flight {
		if cmd.Editor == nil || !cmd.Editor.Wants(first) {
			continue
		}
		// The first one that wants them is their editor, as in editorOf.
		editor, ok = cmd.Editor.(replies.FetchPasser)
		return editor, ok && editor.CanPassFetches()
	}
	return nil, true
}
