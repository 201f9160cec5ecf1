package proxy

import (
	"slices"
	"time"
)

// scaledLooks has a test look as long as onceScale lets it.
func scaledLooks(l *limits) {
	l.Looks, l.LooksPending = shorter(defaultLimits.Looks), shorter(defaultLimits.LooksPending)
}

func shorter(pauses []time.Duration) []time.Duration {
	pauses = slices.Clone(pauses)
	for i := range pauses {
		pauses[i] /= onceScale
	}
	return pauses
}
