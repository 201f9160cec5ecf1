package words

import "testing"

func TestSize(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 bytes", 1: "1 byte", 999: "999 bytes", 1000: "1.0 kB", 1_234_567: "1.2 MB", 5_000_000_000: "5.0 GB",
		7_000_000_000_000: "7.0 TB", 9_999_000_000_000_000: "9999.0 TB",
	} {
		if got := Size(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

func TestCount(t *testing.T) {
	for n, want := range map[int64]string{0: "0 messages", 1: "1 message", 2: "2 messages"} {
		if got := Count(n, "message"); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}
