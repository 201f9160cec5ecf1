package backend

// Rates limit what passes per second; 0 is no limit.
type Rates struct {
	Messages float64 // in each direction
	Commands float64 // of clients
	Bytes    float64 // in each direction
}

// Pacing is the pace of an upstream.
type Pacing struct {
	Each Rates // for each account
	All  Rates // for all accounts together
}

// HasMessages reports whether messages have a pace.
func (p Pacing) HasMessages() bool { return p.Each.Messages > 0 || p.All.Messages > 0 }

// Paces enforce Rates. Each direction has its own pace, so that a client that has
// fetched a mailbox can save a draft at once.
type Paces struct {
	Appends, Fetches *Pace // messages
	Commands         *Pace
	In, Out          *Pace // bytes from and to the upstream
}

// newPaces returns paces with full buckets. Each also counts against the pace of
// whole.
func newPaces(r Rates, whole *Paces) *Paces {
	return &Paces{
		Appends: NewPace(r.Messages, whole.Appends), Fetches: NewPace(r.Messages, whole.Fetches),
		Commands: NewPace(r.Commands, whole.Commands),
		In:       NewPace(r.Bytes, whole.In), Out: NewPace(r.Bytes, whole.Out),
	}
}

// SetMessages replaces the rate of messages, in both directions.
func (p *Paces) SetMessages(perSecond float64) {
	p.Appends.SetRate(perSecond)
	p.Fetches.SetRate(perSecond)
}

// slow reduces the pace after a throttle. The byte rate protects the network link
// and is not slowed.
func (p *Paces) slow() {
	p.Appends.Slow()
	p.Fetches.Slow()
	p.Commands.Slow()
}

// isIdle reports whether p can be dropped: new Paces would behave the same.
func (p *Paces) isIdle() bool {
	return p.Appends.isIdle() && p.Fetches.isIdle() && p.Commands.isIdle() && p.In.isIdle() && p.Out.isIdle()
}
