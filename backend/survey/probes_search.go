package survey

import (
	"cmp"
	"context"
	"fmt"
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
			// exgate puts US-ASCII in place of a charset that is refused.
			id: "M-06", asks: "whether SEARCH refuses every CHARSET, US-ASCII too", cost: "up to two errors",
			prepared: func(profile.Profile) bool { return false }, run: asciiCharset,
		},
		{
			id: "EX-82", name: "from-name", asks: "whether SEARCH FROM does not find an address",
			prepared: func(p profile.Profile) bool { return p.Replies.SearchFrom }, run: searchFrom,
		},
	}
}

func searchCharset(ctx context.Context, s *surveyor) (Finding, error) {
	r, err := s.searchIn(ctx, "UTF-8")
	f := answer(!r.isOK()).refusedBy(r)
	if list := supported(r); list != "" {
		f.Note = "the server names " + list
	}
	return f, err
}

// asciiCharset tries the charsets that clients name beside UTF-8.
func asciiCharset(ctx context.Context, s *surveyor) (Finding, error) {
	var taken, refused []string
	var f Finding
	for _, charset := range []string{"US-ASCII", "ISO-8859-1"} {
		r, err := s.searchIn(ctx, charset)
		if err != nil {
			return Finding{}, err
		}
		if charset == "US-ASCII" {
			f = answer(!r.isOK()).refusedBy(r)
		}
		if r.isOK() {
			taken = append(taken, charset)
		} else {
			refused = append(refused, charset)
		}
	}
	return f.noted(fmt.Sprintf("taken: %s; refused: %s", orNone(taken), orNone(refused))), nil
}

func (s *surveyor) searchIn(ctx context.Context, charset string) (reply, error) {
	return s.command(ctx, "UID SEARCH", "CHARSET "+charset+` SUBJECT "exgate"`)
}

// supported returns the charsets that a refusal names (RFC 9051 section 7.1, BADCHARSET).
func supported(r reply) string {
	word, list, _ := strings.Cut(r.Code, " ")
	if !strings.EqualFold(word, "BADCHARSET") {
		return ""
	}
	return clip(strings.Trim(list, "()"))
}

func orNone(words []string) string {
	return cmp.Or(strings.Join(words, ", "), "none")
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
	if err == nil && !r.isOK() {
		err = &notPossible{"SEARCH was refused: " + r.told()}
	}
	for _, line := range r.lines {
		if words := strings.Fields(line); len(words) > 2 && strings.EqualFold(words[1], "SEARCH") {
			return true, err
		}
	}
	return false, err
}
