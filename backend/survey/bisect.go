package survey

import "context"

// span is where a limit is looked for: low is taken to be accepted, and guess is the limit that is assumed.
type span struct{ low, guess, high int64 }

// bisect returns the largest number up to high that is accepted. limited is false if high itself is. It tries the
// assumed limit first, because each refused number costs an error, or even a connection.
func bisect(
	ctx context.Context, s span, accepts func(context.Context, int64) (bool, error),
) (n int64, limited bool, err error) {
	ok, err := accepts(ctx, s.high)
	if err != nil || ok {
		return s.high, false, err
	}
	low, high := s.low, s.high
	narrow := func(n int64) error {
		if n <= low || n >= high {
			return nil
		}
		ok, err := accepts(ctx, n)
		if err != nil {
			return err
		}
		if ok {
			low = n
		} else {
			high = n
		}
		return nil
	}
	if err := narrow(s.guess); err != nil {
		return 0, false, err
	}
	if err := narrow(s.guess + 1); err != nil {
		return 0, false, err
	}
	for high-low > 1 {
		if err := narrow(low + (high-low)/2); err != nil {
			return 0, false, err
		}
	}
	return low, true, nil
}
