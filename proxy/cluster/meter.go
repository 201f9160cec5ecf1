package cluster

import (
	"strconv"
	"sync"
	"time"

	"exgate/backend"
)

const (
	// batchTime is how much of a pace a gateway takes at a time, so that it asks Redis about 20 times in a second.
	batchTime = 50 * time.Millisecond
	// batchLife is how long a gateway may use a batch.
	batchLife = time.Second
)

// meter implements backend.Meter: a pace of an account.
type meter struct {
	a    *account
	name string
	all  float64 // the rate of all accounts of the upstream together, per second; 0: no limit

	mu       sync.Mutex
	each     float64 // the account's rate; 0: no limit
	factor   float64 // the part of each that applied at since, by Redis's last answer
	since    time.Time
	restores bool  // Redis is to forget the throttles before
	passed   int   // those that Redis does not know of yet
	losses   int   // of Redis, before the last answer
	batch    batch // what was taken from Redis for later
	alone    local // while Redis is lost
}

// batch is what may pass without a question.
type batch struct {
	n     int
	ready time.Time // when it may pass
	until time.Time // when it may not be used any more
}

// HasLimit implements backend.Meter.
func (m *meter) HasLimit() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.each > 0 || m.all > 0
}

// SetRate implements backend.Meter.
func (m *meter) SetRate(perSecond float64) {
	if !(perSecond > 0) {
		perSecond = 0
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.each == perSecond {
		return
	}
	m.each, m.since, m.restores, m.batch = perSecond, time.Time{}, true, batch{}
	m.a.c.chores.add(m)
}

// Rate implements backend.Meter.
func (m *meter) Rate() float64 {
	link := m.a.c.now()
	m.mu.Lock()
	defer m.mu.Unlock()
	rate := m.each * m.part()
	if !link.lost.IsZero() {
		rate *= link.share()
	}
	return rate
}

// part returns the part of the rate that applies now. m.mu is held.
func (m *meter) part() float64 {
	if m.since.IsZero() {
		return 1
	}
	return min(1, m.factor+backend.PaceRegains*time.Since(m.since).Minutes())
}

// noteFactor notes the part of the rate that applies now. m.mu is held.
func (m *meter) noteFactor(factor float64) {
	if m.factor, m.since = factor, time.Now(); factor >= 1 {
		m.since = time.Time{}
	}
}

// Take implements backend.Meter.
func (m *meter) Take(n int) (wait time.Duration, undo func()) {
	undo = func() { m.ask(-n) }
	had, ready := m.fromBatch(n)
	if had == n {
		return max(0, time.Until(ready)), undo
	}
	lacks := n - had
	more := max(lacks, m.batchSize())
	if wait, ok := m.ask(more); ok {
		m.keep(more-lacks, wait)
		return wait, undo
	}
	return m.takeAlone(lacks), func() { m.takeAlone(-lacks) }
}

// batchSize returns how many are taken at a time.
func (m *meter) batchSize() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	rate := m.each
	if rate == 0 || m.all > 0 && m.all < rate {
		rate = m.all
	}
	return int(min(rate*batchTime.Seconds(), 1<<30))
}

// fromBatch takes n, or as many as there are, from what was taken before. They may pass at the time ready.
func (m *meter) fromBatch(n int) (had int, ready time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if time.Now().After(m.batch.until) {
		return 0, time.Time{}
	}
	had = min(n, m.batch.n)
	m.batch.n -= had
	return had, m.batch.ready
}

// keep keeps n for later, which may pass after wait.
func (m *meter) keep(n int, wait time.Duration) {
	if n == 0 {
		return
	}
	now := time.Now()
	ready := now.Add(wait)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.batch.until.After(now) { // another session has taken some, too
		n += m.batch.n
	}
	m.batch = batch{n: n, ready: ready, until: ready.Add(batchLife)}
}

// ask takes n at Redis, and tells it of those that have passed. ok is false if Redis is lost.
func (m *meter) ask(n int) (wait time.Duration, ok bool) {
	c, u := m.a.c, m.a.upstream
	losses := c.now().losses
	emptyAll := u.isBehind(m.name, losses)
	m.mu.Lock()
	each, passed, restores, isBehind, part := m.each, m.passed, m.restores, m.losses < losses, 1.0
	if isBehind {
		part = m.part() // a throttle may have come meanwhile
		n += m.owed(part, emptyAll)
	}
	m.passed = 0
	m.mu.Unlock()
	cmd, ok := c.run(takeScript,
		[]string{c.keys.account(m.a.name), c.keys.upstream(u.name), c.keys.gateways(), c.keys.born()},
		silentAfter.Milliseconds(), m.name, n, passed, each, m.all, flag(isBehind), flag(emptyAll), flag(restores),
		part, backend.PaceRegains, backend.MaxDebt.Seconds(), c.keys.news(), c.newsOf(newsPace, m.a.name, 0))
	if !ok {
		m.passAlone(passed)
		return 0, false
	}
	said, err := numbers(cmd.StringSlice())
	if err != nil || len(said) != 3 {
		c.log.Error("exgate does not understand Redis's answer about a pace", "err", err)
		return 0, false
	}
	if throttled := said[1]; throttled > 0 {
		m.a.throttle.Extend(milliseconds(throttled))
	}
	u.note(m.name, losses)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.noteFactor(said[2])
	m.losses = losses
	if restores && m.each == each {
		m.restores = false
	}
	return milliseconds(said[0]), true
}

// owed returns how many were taken while Redis was lost that may pass only now. Redis counts them with the first ones
// that it is asked for. m.mu is held.
func (m *meter) owed(part float64, isFirstOfAll bool) int {
	link := m.a.c.now()
	switch {
	case m.each > 0:
		return m.alone.owes(m.each * part * link.share())
	case isFirstOfAll:
		return m.a.upstream.local(m.name).owes(m.all * link.share())
	}
	return 0
}

// flag is a truth for a script.
func flag(is bool) int {
	if is {
		return 1
	}
	return 0
}

func milliseconds(ms float64) time.Duration { return time.Duration(ms * float64(time.Millisecond)) }

// numbers reads the numbers of an answer.
func numbers(words []string, err error) ([]float64, error) {
	all := make([]float64, 0, len(words))
	for _, word := range words {
		n, err := strconv.ParseFloat(word, 64)
		if err != nil {
			return nil, err
		}
		all = append(all, n)
	}
	return all, err
}

// Passed implements backend.Meter.
func (m *meter) Passed() {
	if !m.a.c.hasRedis() {
		m.passAlone(1)
		return
	}
	m.mu.Lock()
	m.passed++
	m.mu.Unlock()
	m.a.c.chores.add(m)
}

// do implements chore: it tells Redis what has passed, and asks what applies.
func (m *meter) do() { m.ask(0) }

// Slow implements backend.Meter.
func (m *meter) Slow() {
	m.mu.Lock()
	limits := m.each > 0
	m.batch = batch{}
	m.mu.Unlock()
	if !limits {
		return
	}
	factor := -1.0
	c := m.a.c
	if cmd, ok := c.run(slowScript, []string{c.keys.account(m.a.name)}, m.name, backend.PaceSlower, backend.PaceFloor,
		backend.PaceRegains, c.keys.news(), c.newsOf(newsPace, m.a.name, 0)); ok {
		factor, _ = cmd.Float64() // the script returns a number
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if factor < 0 {
		factor = max(m.part()*backend.PaceSlower, backend.PaceFloor)
	}
	m.noteFactor(factor)
}

// IsIdle implements backend.Meter. While Redis answers, it knows all.
func (m *meter) IsIdle() bool {
	link := m.a.c.now()
	m.mu.Lock()
	defer m.mu.Unlock()
	if link.lost.IsZero() {
		return m.passed == 0
	}
	each, all := m.each*m.part()*link.share(), m.all*link.share()
	return (each == 0 || m.since.IsZero() && m.alone.isFull(each, burst(m.each, &link), link.alone())) &&
		(all == 0 || m.a.upstream.local(m.name).isFull(all, burst(m.all, &link), link.alone()))
}

// burst returns the part of the burst of a pace that a gateway without Redis has.
func burst(perSecond float64, l *link) float64 { return float64(backend.Burst(perSecond)) * l.share() }

// takeAlone takes n while Redis is lost.
func (m *meter) takeAlone(n int) (wait time.Duration) {
	link := m.a.c.now()
	m.mu.Lock()
	each, part := m.each, m.part()
	m.mu.Unlock()
	if each > 0 {
		wait = m.alone.take(n, each*part*link.share(), burst(each, &link), link.alone())
	}
	if m.all > 0 {
		wait = max(wait, m.a.upstream.local(m.name).take(n, m.all*link.share(), burst(m.all, &link), link.alone()))
	}
	return wait
}

// passAlone counts n that have passed while Redis is lost.
func (m *meter) passAlone(n int) {
	if n == 0 {
		return
	}
	link := m.a.c.now()
	m.mu.Lock()
	each, part := m.each, m.part()
	m.mu.Unlock()
	if each > 0 {
		m.alone.pass(n, each*part*link.share(), burst(each, &link), link.alone(), backend.MaxDebt)
	}
	if m.all > 0 {
		m.a.upstream.local(m.name).pass(n, m.all*link.share(), burst(m.all, &link), link.alone(), backend.MaxDebt)
	}
}
