package survey

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"exgate/backend"
	"exgate/config/profile"
)

// highestCommand is over the largest MaxCommandSize, 16,384 bytes (docs/exchange.md#settings).
const highestCommand = 20_000

// highestErrors is where the search for the budget of errors ends.
const highestErrors = 15

func limitProbes() []probe {
	return []probe{
		{
			id: "EX-04", name: "command-size", asks: "whether a long command is refused",
			cost: "an error for each command that is too long, 15 at most", run: commandSize, reaches: 10_240,
			prepared: func(p profile.Profile) bool { return p.Replies.LongSets },
		},
		{
			id: "EX-05", name: "literal-run-as-commands",
			asks: "whether a long line ends the message, and the rest is run as commands",
			cost: "a connection and up to ten errors for each line that is too long, 18 at most", run: lineLength,
			set: func(f Finding, p profile.Profile) []Setting {
				switch {
				case f.Answer == No && f.Open:
					return one(p.Message.LineLimit > 0, "fixes.long-lines", "off")
				case p.Message.LineLimit == 0:
					return []Setting{{"fixes.long-lines", "recode"}, {"fixes.line-limit", f.Number}}
				}
				return one(f.Number < int64(p.Message.LineLimit), "fixes.line-limit", f.Number)
			},
		},
		{
			id: "EX-02", name: "ten-bads", asks: "after how many errors the connection is closed",
			cost: fmt.Sprintf("a connection, and up to %d errors on it", highestErrors), run: errorBudget, reaches: 10,
			prepared: func(p profile.Profile) bool { return p.Replies.Refusals },
		},
	}
}

// commandSize sends a SEARCH with a longer and longer set, as clients do. The number is that of the whole line
// without CRLF.
func commandSize(ctx context.Context, s *surveyor) (Finding, error) {
	var last reply
	n, limited, err := bisect(ctx, span{low: 1000, guess: 10_240, high: highestCommand},
		func(ctx context.Context, n int64) (bool, error) {
			if _, err := s.command(ctx, "NOOP", ""); err != nil { // its tag tells the length of the next
				return false, err
			}
			r, err := s.answered(ctx, func() *backend.Request {
				rest := int(n) - s.words.nextTag() - len(" UID SEARCH UID ")
				return backend.NewRequest("UID SEARCH").Raw("UID " + set(rest))
			})
			if !r.isOK() {
				last = r
			}
			return r.isOK(), err
		})
	if err != nil {
		return Finding{}, err
	}
	f := answer(limited && last.isBAD()).refusedBy(last)
	f.Number, f.Open = n, !limited
	return f, nil
}

// set returns a set of n bytes.
func set(n int) string {
	if n%2 == 0 {
		return strings.Repeat("1,", n/2-1) + "11"
	}
	return strings.Repeat("1,", n/2) + "1"
}

// lineLength stores messages with one long line. What follows a line that is too long is run as commands, so every
// word of it is harmless: it is no command of IMAP.
func lineLength(ctx context.Context, s *surveyor) (Finding, error) {
	ran := false
	n, limited, err := bisect(ctx, span{low: 998, guess: 10_239, high: 100_000},
		func(ctx context.Context, n int64) (bool, error) {
			m := plain().saying("exgate-survey line\r\n" + strings.Repeat("x", int(n)) + "\r\nexgate-survey end\r\n")
			for range 2 { // a connection that was lost by chance is not lost twice
				r, err := s.ask(ctx, func() *backend.Request { return appendRequest(s.folder, "", m.text()) })
				if err != nil || r.isOK() {
					return err == nil, err
				}
				var outOfStep *backend.Violation
				if errors.As(r.err, &outOfStep) {
					ran = true
				}
				if ran || r.err == nil {
					return false, nil
				}
			}
			return false, nil
		})
	if err != nil {
		return Finding{}, err
	}
	f := answer(ran)
	f.Number, f.Open = n, !limited
	return f, nil
}

// errorBudget sends unknown commands on a connection of its own until the server closes it.
func errorBudget(ctx context.Context, s *surveyor) (Finding, error) {
	var own line
	defer own.close()
	if err := s.ready(ctx, &own); err != nil {
		return Finding{}, err
	}
	errors := int64(0)
	for errors < highestErrors {
		if err := s.pace.Wait(ctx, 1); err != nil {
			return Finding{}, err
		}
		r := s.once(ctx, &own, backend.NewRequest("XEXGATESURVEY"))
		if ctx.Err() != nil {
			return Finding{}, context.Cause(ctx)
		}
		if r.err != nil {
			break
		}
		errors++
	}
	f := answer(errors > 0 && errors < highestErrors)
	f.Number, f.Open = errors, errors == highestErrors
	return f, nil
}
