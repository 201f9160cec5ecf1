package survey

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"exgate/backend"
	"exgate/config/profile"
)

// highestCopy is where the search for the limit of COPY ends. One of 50 messages was seen to work where a larger one
// did not (docs/exchange.md#ex-80).
const highestCopy = 200

// safeCopy is a number of messages that every server copies at once.
const safeCopy = 25

func copyProbes() []probe {
	repaired := func(p profile.Profile) bool { return p.Replies.CopyUID }
	return []probe{
		{
			id: "EX-22", name: "bare-copyuid", asks: "whether MOVE gives COPYUID in a bare line", prepared: repaired,
			run: bareCopyUID,
		},
		{
			id: "EX-75", name: "empty-copyuid",
			asks: "whether a COPY of nothing gives COPYUID with empty sets", prepared: repaired,
			run: emptyCopyUID,
		},
		{
			id: "EX-80", name: "large-copy", asks: "whether a COPY of many messages is refused",
			cost:     fmt.Sprintf("up to %d small messages, and an error for each refusal", 10*highestCopy),
			prepared: func(p profile.Profile) bool { return p.Replies.LongSets }, run: largeCopy,
		},
	}
}

// childFolder makes a folder inside the survey's, unless it is there already.
func (s *surveyor) childFolder(ctx context.Context, name string) (string, error) {
	r, err := s.create(ctx, s.child(name))
	if err == nil && !r.isOK() && !r.says("exist") {
		err = &notPossible{"CREATE was refused: " + r.told()}
	}
	return s.child(name), err
}

func bareCopyUID(ctx context.Context, s *surveyor) (Finding, error) {
	if err := s.ready(ctx, &s.main); err != nil {
		return Finding{}, err
	}
	if !s.main.session.Has("MOVE") {
		return answer(false).noted("the server has no MOVE"), nil
	}
	to, err := s.childFolder(ctx, "moved")
	if err != nil {
		return Finding{}, err
	}
	if _, err := s.fetch(ctx, "", plain(), "UID"); err != nil {
		return Finding{}, err
	}
	n, err := s.exists(ctx)
	if err != nil {
		return Finding{}, err
	}
	r, err := s.answered(ctx, func() *backend.Request {
		return backend.NewRequest("MOVE").Raw(fmt.Sprint(n)).Mailbox(to)
	})
	if err != nil || !r.isOK() {
		return unknown("MOVE was refused: " + r.told()), err
	}
	for _, line := range s.words.received() {
		if strings.HasPrefix(line, "[COPYUID") {
			return answer(true), nil
		}
	}
	return answer(false), nil
}

var emptySets = regexp.MustCompile(`\[COPYUID \d+ *\]`)

func emptyCopyUID(ctx context.Context, s *surveyor) (Finding, error) {
	to, err := s.childFolder(ctx, "moved")
	if err != nil {
		return Finding{}, err
	}
	if _, err := s.exists(ctx); err != nil {
		return Finding{}, err
	}
	_, err = s.answered(ctx, func() *backend.Request {
		return backend.NewRequest("UID COPY").Raw("4294967290").Mailbox(to)
	})
	f := answer(false)
	for _, line := range s.words.received() {
		if emptySets.MatchString(line) {
			f = answer(true)
		}
	}
	return f, err
}

// largeCopy fills a folder by copies of one message, and copies more and more of them to another one.
func largeCopy(ctx context.Context, s *surveyor) (Finding, error) {
	from, err := s.childFolder(ctx, "many")
	if err != nil {
		return Finding{}, err
	}
	to, err := s.childFolder(ctx, "copied")
	if err != nil {
		return Finding{}, err
	}
	s.main.selected = from
	defer func() { s.main.selected = s.folder }()
	if err := s.fill(ctx, from, highestCopy); err != nil {
		return Finding{}, err
	}
	var last reply
	at := span{low: safeCopy, guess: 50, high: highestCopy}
	n, limited, err := bisect(ctx, at, func(ctx context.Context, n int64) (bool, error) {
		r, err := s.copyFirst(ctx, n, to)
		if !r.isOK() {
			last = r
		}
		return r.isOK(), err
	})
	if err != nil {
		return Finding{}, err
	}
	f := answer(limited).refusedBy(last)
	f.Number, f.Open = n, !limited
	_, err = s.exists(ctx) // selects the survey's own folder again
	return f, err
}

func (s *surveyor) copyFirst(ctx context.Context, n int64, to string) (reply, error) {
	return s.answered(ctx, func() *backend.Request {
		return backend.NewRequest("COPY").Raw(fmt.Sprintf("1:%d", n)).Mailbox(to)
	})
}

// fillTries bounds the commands of fill, of which each doubles the messages at first.
const fillTries = 60

// fill selects a folder, and brings it to n messages.
func (s *surveyor) fill(ctx context.Context, folder string, n int64) error {
	for range fillTries {
		has, err := s.count(ctx, folder)
		if err != nil || has >= n {
			return err
		}
		var r reply
		if has == 0 {
			r, err = s.answered(ctx, func() *backend.Request { return appendRequest(folder, "", plain().text()) })
		} else {
			r, err = s.copyFirst(ctx, min(has, safeCopy, n-has), folder)
		}
		if err != nil {
			return err
		}
		if !r.isOK() {
			return &notPossible{"the folder cannot be filled: " + r.told()}
		}
	}
	return &notPossible{"the copies are not counted"}
}
