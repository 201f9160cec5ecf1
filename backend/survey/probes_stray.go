package survey

import (
	"context"

	"exgate/backend"
	"exgate/config/profile"
)

// strayProbes go by what all the others have heard, and so they are the last.
func strayProbes() []probe {
	repaired := func(p profile.Profile) bool { return p.Replies.Strays }
	return []probe{
		{
			id: "EX-72", name: "stray-lines", asks: "whether lines come that are no responses", prepared: repaired,
			run: strayLines,
		},
		{
			id: "EX-73", name: "bare-unavailable", asks: "whether Server Unavailable. 15 comes without a tag",
			prepared: repaired,
			run: func(_ context.Context, s *surveyor) (Finding, error) {
				if s.state.Unavailable == "" {
					return unknown("the server has not said Server Unavailable. 15 to this survey"), nil
				}
				return Finding{Answer: s.state.Unavailable}, nil
			},
		},
	}
}

// strayLines asks for what was seen to be followed by a line of its own (docs/exchange.md#ex-72).
func strayLines(ctx context.Context, s *surveyor) (Finding, error) {
	for _, name := range []string{"CAPABILITY", "NOOP", "NOOP"} {
		if _, err := s.command(ctx, name, ""); err != nil {
			return Finding{}, err
		}
	}
	for _, line := range s.words.received() {
		_, refusal := backend.BareRefusal([]byte(line))
		if backend.IsStray([]byte(line)) && !refusal && !isTagged(line) {
			return answer(true), nil
		}
	}
	return answer(false), nil
}
