package survey

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"exgate/config/profile"
)

// severalMessages is how many messages the probe for holes asks for at once.
const severalMessages = 6

func fetchProbes() []probe {
	return []probe{
		{
			id: "EX-47", name: "fetch-lags", asks: "whether FETCH shows a message later than EXISTS counts it",
			run: fetchLags,
		},
		{
			id: "EX-12", name: "regenerated", asks: "whether a message is written anew", run: regenerated,
		},
		{
			id: "EX-13", name: "size-estimate",
			asks: "whether RFC822.SIZE differs from the size of the text", run: sizeEstimate,
		},
		{
			id: "EX-76", name: "store-without-uid", asks: "whether UID STORE does not tell the UID",
			prepared: func(p profile.Profile) bool { return p.Replies.StoreUIDs }, run: storeWithoutUID,
		},
		{
			id: "EX-77", name: "whole-partial", asks: "whether a piece of a message is answered whole",
			prepared: func(p profile.Profile) bool { return p.Replies.Partials }, run: wholePartial,
		},
		{
			id: "EX-78", name: "fetch-holes", asks: "whether FETCH of several texts leaves some out", run: fetchHoles,
			prepared: func(p profile.Profile) bool { return p.Replies.MissingData },
		},
		{
			id: "EX-79", name: "high-numbers", asks: "whether message numbers above EXISTS are told", run: highNumbers,
			prepared: func(p profile.Profile) bool { return p.Replies.Numbers },
		},
	}
}

func fetchLags(ctx context.Context, s *surveyor) (Finding, error) {
	if r, err := s.store(ctx, "", plain().text()); err != nil || !r.isOK() {
		return unknown("the message was refused: " + r.told()), err
	}
	n, err := s.exists(ctx)
	if err != nil {
		return Finding{}, err
	}
	r, err := s.command(ctx, "FETCH", fmt.Sprintf("%d (UID)", n))
	return answer(r.isOK() && item(r.lines, "UID") == 0), err
}

func regenerated(ctx context.Context, s *surveyor) (Finding, error) {
	m := plain().multipart("multipart/mixed", textPart, textPart)
	// An order of fields in which no server would write them.
	m.fields = append([]string{"X-Exgate-Survey: first", m.fields[len(m.fields)-1]}, m.fields[:len(m.fields)-1]...)
	response, err := s.fetch(ctx, "", m, "BODY.PEEK[]")
	if err == nil && literal(response) == "" {
		return unknown("FETCH gave no text"), nil
	}
	return answer(literal(response) != m.text()), err
}

func sizeEstimate(ctx context.Context, s *surveyor) (Finding, error) {
	response, err := s.fetch(ctx, "", plain(), "RFC822.SIZE BODY.PEEK[]")
	if err == nil && literal(response) == "" {
		return unknown("FETCH gave no text"), nil
	}
	return answer(item([]string{response}, "RFC822.SIZE") != int64(len(literal(response)))), err
}

func storeWithoutUID(ctx context.Context, s *surveyor) (Finding, error) {
	response, err := s.fetch(ctx, "", plain(), "UID")
	if err != nil {
		return Finding{}, err
	}
	uid := item([]string{response}, "UID")
	r, err := s.command(ctx, "UID STORE", fmt.Sprintf(`%d +FLAGS (\Answered)`, uid))
	told := slices.DeleteFunc(r.lines, func(line string) bool { return !strings.Contains(line, "FLAGS (") })
	if err != nil || len(told) == 0 {
		return unknown("STORE told no flags: " + r.told()), err
	}
	return answer(item(told, "UID") == 0), nil
}

func wholePartial(ctx context.Context, s *surveyor) (Finding, error) {
	response, err := s.fetch(ctx, "", plain(), "BODY.PEEK[]<0.10>")
	if err == nil && literal(response) == "" {
		return unknown("FETCH gave no text"), nil
	}
	return answer(len(literal(response)) > 10), err
}

// fetchHoles asks for several texts, and for each that does not come once more alone.
func fetchHoles(ctx context.Context, s *surveyor) (Finding, error) {
	n, err := s.exists(ctx)
	for ; err == nil && n < severalMessages; n++ {
		_, err = s.store(ctx, "", plain().text())
	}
	if err == nil {
		_, err = s.fetchLast(ctx, "UID") // which waits until FETCH shows the last one
	}
	if err != nil {
		return Finding{}, err
	}
	texts := func(set string) (given []int64, r reply, err error) {
		r, err = s.command(ctx, "FETCH", set+" (BODY.PEEK[])")
		for _, line := range r.lines {
			if literal(line) != "" {
				given = append(given, numberOf(line, "FETCH"))
			}
		}
		return given, r, err
	}
	first := n - severalMessages + 1
	given, r, err := texts(fmt.Sprintf("%d:%d", first, n))
	if err != nil || !r.isOK() {
		return unknown("FETCH was refused: " + r.told()), err
	}
	for number := first; number <= n; number++ {
		if slices.Contains(given, number) {
			continue
		}
		if alone, _, err := texts(fmt.Sprint(number)); err != nil || len(alone) > 0 {
			return answer(true), err
		}
	}
	return answer(false), nil
}

var searched = regexp.MustCompile(`(?i)^\* SEARCH(?: \d+)* (\d+)\s*$`)

func highNumbers(ctx context.Context, s *surveyor) (Finding, error) {
	n, err := s.exists(ctx)
	if err != nil {
		return Finding{}, err
	}
	search, err := s.command(ctx, "SEARCH", "ALL")
	if err != nil {
		return Finding{}, err
	}
	fetch, err := s.command(ctx, "UID FETCH", "1:* (FLAGS)")
	high := false
	for _, line := range slices.Concat(search.lines, fetch.lines) {
		high = high || numberOf(line, "FETCH") > n
		if m := searched.FindStringSubmatch(line); m != nil {
			high = high || parsed(m[1]) > n
		}
	}
	return answer(high), err
}
