package status

import "time"

// Drain is what a gateway that drains tells the one that takes its place.
type Drain struct {
	Draining  bool        `json:"draining"` // it begins no new command
	Open      []Owner     `json:"open"`     // the accounts that have sessions
	Throttled []Throttled `json:"throttled"`
	Orders    Orders      `json:"orders"`
}

// Owner is an account of an upstream.
type Owner struct {
	Upstream string `json:"upstream"`
	User     string `json:"user"`
}

// Throttled is an account that Exchange throttles, or has throttled.
type Throttled struct {
	Owner
	Until time.Time `json:"until"`
	Part  float64   `json:"part"` // of its pace that messages have since; 0: not known
}

// Orders are those of the operator that are in force.
type Orders struct {
	Paused []string           `json:"paused"` // users; "all" are all of them
	Traced []string           `json:"traced"` // users
	Paces  map[string]float64 `json:"paces"`  // messages per second, by user
}
