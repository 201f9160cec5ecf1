package survey

import (
	"context"
	"strings"

	"exgate/backend"
	"exgate/config/profile"
)

func replyProbes() []probe {
	return []probe{
		{
			id: "EX-18", name: "read-only-store",
			asks: "whether STORE after EXAMINE gets NO Command received in Invalid state.", cost: "one error",
			run: readOnlyStore,
		},
		{
			id: "EX-19", name: "message-set",
			asks: "whether a number after the last message gets The specified message set is invalid.",
			cost: "one error", run: messageSet,
		},
		{
			id: "EX-71", name: "status-blank", asks: "whether the reply of STATUS ends in a blank", run: statusBlank,
			prepared: func(p profile.Profile) bool { return p.Replies.Blanks },
		},
		{
			id: "EX-81", name: "inbox-missing", asks: "whether INBOX does not open", run: inboxMissing,
			prepared: func(profile.Profile) bool { return false }, // the mailbox needs a repair
		},
		{
			id: "EX-84", name: "namespace-closes",
			asks: "whether NAMESPACE closes the connection", cost: "perhaps two connections",
			run: namespace, prepared: func(p profile.Profile) bool { return p.AnswersNamespace() },
		},
		{
			id: "EX-85", name: "public-folders",
			asks: "whether public folders are listed with a separator at the end", run: publicFolders,
		},
		{
			id: "EX-86", name: "uidnext-missing", asks: "whether SELECT leaves out UIDNEXT", run: uidNextMissing,
			prepared: func(profile.Profile) bool { return false }, // sessions cannot be resumed
		},
	}
}

func readOnlyStore(ctx context.Context, s *surveyor) (Finding, error) {
	if r, err := s.command(ctx, "EXAMINE", s.folder); err != nil || !r.isOK() {
		return unknown("EXAMINE was refused: " + r.told()), err
	}
	r, err := s.command(ctx, "STORE", `1 +FLAGS (\Seen)`)
	if err != nil {
		return Finding{}, err
	}
	f := answer(r.Word == "NO" && r.says("received in invalid state")).refusedBy(r)
	_, err = s.exists(ctx) // selects again, not read-only
	return f, err
}

func messageSet(ctx context.Context, s *surveyor) (Finding, error) {
	r, err := s.command(ctx, "FETCH", "4000000 (UID)")
	return answer(r.says("message set is invalid")).refusedBy(r), err
}

// statusBlank goes by the words of the wire: package backend takes such blanks away.
func statusBlank(ctx context.Context, s *surveyor) (Finding, error) {
	r, err := s.status(ctx, s.folder, "UIDNEXT")
	for _, line := range s.words.received() {
		if strings.HasPrefix(line, "* STATUS ") {
			return answer(strings.HasSuffix(line, " ")), err
		}
	}
	return unknown("STATUS told nothing: " + r.told()), err
}

func inboxMissing(ctx context.Context, s *surveyor) (Finding, error) {
	r, err := s.status(ctx, "INBOX", "MESSAGES")
	return answer(r.Word == "NO" && r.says("INBOX doesn't exist")).refusedBy(r), err
}

func namespace(ctx context.Context, s *surveyor) (Finding, error) {
	for range 2 { // a connection that was lost by chance is not lost twice
		r, err := s.ask(ctx, func() *backend.Request { return backend.NewRequest("NAMESPACE") })
		if err != nil || r.err == nil {
			return answer(false).noted(r.told()), err
		}
	}
	return answer(true), nil
}

// publicFolders goes by the words of the wire: package backend takes the separator away.
func publicFolders(ctx context.Context, s *surveyor) (Finding, error) {
	folders, err := s.list(ctx, "%")
	f := unknown("no public folders are listed")
	for _, folder := range folders {
		if strings.EqualFold(folder.Name, "Public Folders") {
			f = answer(false)
		}
	}
	for _, line := range s.words.received() {
		name := strings.TrimSuffix(line, `"`)
		if strings.HasPrefix(line, "* LIST ") && len(s.separator) == 1 && strings.HasSuffix(name, s.separator) {
			f = answer(true)
		}
	}
	return f, err
}

func uidNextMissing(ctx context.Context, s *surveyor) (Finding, error) {
	r, err := s.ask(ctx, func() *backend.Request { return backend.NewRequest("SELECT").Mailbox(s.folder) })
	if err != nil || !r.isOK() {
		return unknown("SELECT was refused: " + r.told()), err
	}
	for _, line := range r.lines {
		if strings.Contains(strings.ToUpper(line), "[UIDNEXT ") {
			return answer(false), nil
		}
	}
	return answer(true), nil
}
