package backend

// Rates are what may pass per second; 0 is no limit.
type Rates struct {
	Messages float64 // each way
	Commands float64 // of clients
	Bytes    float64 // each way
}

// Pacing is the pace of an upstream.
type Pacing struct {
	Each Rates // of its accounts
	All  Rates // of them, together
}

// Messages tells whether messages have a pace.
func (p Pacing) Messages() bool { return p.Each.Messages > 0 || p.All.Messages > 0 }

// Paces keep to Rates. The directions are apart: a client that has fetched a
// mailbox can save a draft at once.
type Paces struct {
	Appends, Fetches *Pace // messages
	Commands         *Pace
	In, Out          *Pace // bytes from and to the upstream
}

// newPaces returns full buckets, which are parts of those of whole.
func newPaces(r Rates, whole *Paces) *Paces {
	return &Paces{
		Appends: NewPace(r.Messages, whole.Appends), Fetches: NewPace(r.Messages, whole.Fetches),
		Commands: NewPace(r.Commands, whole.Commands),
		In:       NewPace(r.Bytes, whole.In), Out: NewPace(r.Bytes, whole.Out),
	}
}

// slow makes the pace slower, for a throttle. That of the bytes stays: it is
// for a link's sake, not for Exchange's.
func (p *Paces) slow() {
	p.Appends.Slow()
	p.Fetches.Slow()
	p.Commands.Slow()
}

// idle tells whether nothing would be lost with p.
func (p *Paces) idle() bool {
	return p.Appends.idle() && p.Fetches.idle() && p.Commands.idle() && p.In.idle() && p.Out.idle()
}
