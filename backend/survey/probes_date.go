package survey

import (
	"context"
	"strings"

	"exgate/config/profile"
)

func dateProbes() []probe {
	return []probe{
		{
			id: "EX-46", name: "date-dropped", asks: "whether the date of an APPEND is dropped", run: dateDropped,
			prepared: func(profile.Profile) bool { return false }, // nothing helps
		},
		{
			id: "EX-83", name: "strict-dates", asks: "whether a date before 1970 is refused", cost: "one error",
			prepared: func(p profile.Profile) bool { return p.InternalDate }, run: strictDates,
		},
	}
}

func dateDropped(ctx context.Context, s *surveyor) (Finding, error) {
	response, err := s.fetch(ctx, `"05-Feb-2001 04:05:06 +0000"`, plain(), "INTERNALDATE")
	return answer(!strings.Contains(response, "-Feb-2001")), err
}

// strictDates goes by a date that RFC 9051 section 9 allows; a day of one digit is an error of the client's.
func strictDates(ctx context.Context, s *surveyor) (Finding, error) {
	r, err := s.store(ctx, `"05-Feb-1969 04:05:06 +0000"`, plain().text())
	return answer(!r.isOK()).refusedBy(r), err
}
