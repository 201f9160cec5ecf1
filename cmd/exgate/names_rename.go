package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"exgate/backend"
	view "exgate/proxy/mailbox"
)

// renamer renames folders of one mailbox.
type renamer struct {
	login   listedLogin
	session *backend.LoggedIn
}

// rename renames the folders that are ready. Those that lie deeper come first, so that the names
// of the folders above them are still the old ones. After each one, the list says whether the
// folder has its new name and its messages: a RENAME without a reply may have been done.
func (r *renamer) rename(ctx context.Context, made []madeName) {
	var ready []*madeName
	for i := range made {
		if made[i].State == nameReady {
			ready = append(ready, &made[i])
		}
	}
	slices.SortStableFunc(ready, func(a, b *madeName) int { return b.depth - a.depth })
	for _, m := range ready {
		m.messages = r.messages(ctx, m.wire)
		status, err := r.session.Do(ctx, backend.NewRequest("RENAME").Mailbox(m.wire).Mailbox(m.to))
		said := ""
		switch {
		case err != nil:
			said = err.Error()
		case status.Word != "OK":
			said = status.Words()
		}
		if err := r.judge(ctx, m, said); err != nil {
			m.State = nameUnknown
			why := fmt.Sprintf("%s; then: %s; look at the mailbox, and call exgate names again", said, err)
			m.Why = strings.Join(strings.Fields(why), " ")
			return // the others stay ready
		}
	}
}

// judge finds out what a RENAME has done. said is what went wrong with it.
func (r *renamer) judge(ctx context.Context, m *madeName, said string) error {
	if r.session.Err() != nil {
		session, err := r.login.server.Open(ctx, r.login.id, r.login.cred, nil)
		if err != nil {
			return err
		}
		r.session.Close()
		r.session = session
	}
	list, err := r.session.Folders(ctx)
	if err != nil {
		return err
	}
	has := func(name string) bool {
		return slices.ContainsFunc(list, func(f backend.ProbedFolder) bool { return f.Name == name })
	}
	isOld, isNew := has(m.wire), has(m.to)
	switch {
	case isNew && !isOld:
		m.State = nameRenamed
		if now := r.messages(ctx, m.to); m.messages >= 0 && now != m.messages {
			m.State = nameUnknown
			m.Why = fmt.Sprintf("it had %d messages and has %d now: look at the mailbox", m.messages, now)
		}
	case isOld && !isNew:
		m.State, m.Why = nameFailed, strings.Join(strings.Fields(said), " ")
		if said == "" {
			m.Why = "Exchange said OK and did not rename the folder"
		}
	default:
		m.State = nameUnknown
		m.Why = fmt.Sprintf("the list has the old name: %t, the new name: %t; look at the mailbox", isOld, isNew)
	}
	return nil
}

// messages returns the number of messages of a folder; -1 if it is not known.
func (r *renamer) messages(ctx context.Context, name string) int64 {
	n := int64(-1)
	req := backend.NewRequest("STATUS").Mailbox(name).Raw("(MESSAGES)")
	req.Untagged = func(line []byte) bool {
		numbers, ok := view.StatusNumbers(line)
		if ok {
			n = int64(numbers["MESSAGES"])
		}
		return ok
	}
	if status, err := r.session.Do(ctx, req); err != nil || status.Word != "OK" {
		return -1
	}
	return n
}
