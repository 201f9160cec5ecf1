package survey

import (
	"context"
	"fmt"
	"strings"

	"exgate/backend"
)

func refusedProbes() []probe {
	return []probe{
		{
			id: "M-04", asks: "whether the commands are refused that Exchange does not have",
			cost: "up to 17 errors, on several connections", run: refusedCommands,
		},
		{
			id: "M-05", asks: "whether characters are refused in a name",
			cost: "some twenty folders, and an error for each that is refused", run: refusedCharacters,
		},
	}
}

// ownFolder stands for the survey's folder in the arguments of absent.
const ownFolder = "FOLDER"

// absent are commands that no version of Exchange is known to have (docs/exchange.md#capabilities).
var absent = [][2]string{
	{"GETACL", ownFolder}, {"MYRIGHTS", ownFolder}, {"GETQUOTA", `""`}, {"GETQUOTAROOT", ownFolder},
	{"GETMETADATA", ownFolder + " /private/comment"}, {"GETANNOTATION", ownFolder + ` "/comment" "value.priv"`}, {"SORT", "(DATE) US-ASCII ALL"}, {"THREAD", "REFERENCES US-ASCII ALL"},
	{"LANGUAGE", ""}, {"ENABLE", "CONDSTORE"}, {"SEARCH", "RETURN (COUNT) ALL"}, {"FETCH", "1 (MODSEQ)"},
	{"STATUS", ownFolder + " (HIGHESTMODSEQ)"}, {"STATUS", ownFolder + " (SIZE)"},
	{"SELECT", ownFolder + " (CONDSTORE)"},
	{"LIST", `(SUBSCRIBED) "" "*"`}, {"LIST", `"" "%" RETURN (SUBSCRIBED)`},
}

func refusedCommands(ctx context.Context, s *surveyor) (Finding, error) {
	if _, err := s.exists(ctx); err != nil {
		return Finding{}, err
	}
	s.words.take()
	var taken, said []string
	for _, command := range absent {
		name, args := command[0], strings.ReplaceAll(command[1], ownFolder, s.folder)
		r, err := s.ask(ctx, func() *backend.Request { return plainRequest(name, args) })
		if err != nil {
			return Finding{}, err
		}
		said = append(said, s.words.take()...)
		if r.isOK() {
			taken = append(taken, strings.TrimSpace(name+" "+command[1]))
		}
	}
	f := answer(len(taken) == 0)
	if len(taken) > 0 {
		f.Note = "the server has " + strings.Join(taken, ", ")
	}
	f.Words = said          // all of them: there are few, and each reply is of interest
	_, err := s.exists(ctx) // SELECT may have failed, and so closed the folder
	return f, err
}

// characters are those that other servers or Windows do not take in a name, a character outside ASCII in modified
// UTF-7, and one that is written in UTF-8, which no name may have (RFC 9051 section 5.1).
var characters = []string{
	`"`, `\`, "*", "%", "#", "~", ":", ";", "<", ">", "|", "?", "{", "}", "(", ")", "[", "]", "'", "^", "&-", "\x01",
	"&AOk-", "é",
}

func refusedCharacters(ctx context.Context, s *surveyor) (Finding, error) {
	var refused, said []string
	for i, c := range characters {
		name := s.child(fmt.Sprintf("char%d%sx", i, c))
		s.words.take()
		r, err := s.create(ctx, name)
		if err != nil {
			return Finding{}, err
		}
		if !r.isOK() && !r.says("exist") {
			refused = append(refused, fmt.Sprintf("%q", c))
			said = append(said, s.words.take()...)
			continue
		}
		if _, err := s.delete(ctx, name); err != nil {
			return Finding{}, err
		}
	}
	f := answer(len(refused) > 0).noted(strings.Join(refused, " "))
	f.Words = said
	return f, nil
}
