package survey

import (
	"context"
	"strings"

	"exgate/config/profile"
)

func searchProbes() []probe {
	return []probe{
		{
			id: "EX-20", name: "search-charset", asks: "whether SEARCH refuses UTF-8", cost: "one error",
			prepared: func(p profile.Profile) bool { return p.Replies.SearchCharset }, run: searchCharset,
		},
		{
			id: "EX-82", name: "from-name", asks: "whether SEARCH FROM does not find an address",
			prepared: func(p profile.Profile) bool { return p.Replies.SearchFrom }, run: searchFrom,
		},
	}
}

func searchCharset(ctx context.Context, s *surveyor) (Finding, error) {
	r, err := s.command(ctx, "UID SEARCH", `CHARSET UTF-8 SUBJECT "exgate"`)
	return answer(!r.ok()).refusedBy(r), err
}

// searchFrom looks for the address of the test messages in two ways.
func searchFrom(ctx context.Context, s *surveyor) (Finding, error) {
	if _, err := s.fetch(ctx, "", plain(), "UID"); err != nil {
		return Finding{}, err
	}
	byFrom, err := s.finds(ctx, `FROM "survey@exgate.example"`)
	if err != nil {
		return Finding{}, err
	}
	byHeader, err := s.finds(ctx, `HEADER FROM "survey@exgate.example"`)
	if !byFrom && !byHeader {
		return unknown("neither FROM nor HEADER FROM finds the message"), err
	}
	return answer(!byFrom), err
}

// finds reports whether a search finds a message. UIDs cannot be mistaken for a number above EXISTS (EX-79).
func (s *surveyor) finds(ctx context.Context, keys string) (bool, error) {
	r, err := s.command(ctx, "UID SEARCH", keys)
	if err == nil && !r.ok() {
		err = &notPossible{"SEARCH was refused: " + r.told()}
	}
	for _, line := range r.lines {
		if words := strings.Fields(line); len(words) > 2 && strings.EqualFold(words[1], "SEARCH") {
			return true, err
		}
	}
	return false, err
}
