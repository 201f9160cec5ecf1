package cluster

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"exgate/proxy/quarantine"
)

// poisonsAtOnce is how many messages are told of in one step.
const poisonsAtOnce = 100

// SharePoisons has all gateways know the messages that are never sent again.
func (c *Cluster) SharePoisons(p *quarantine.Poisons) {
	if c == nil {
		return
	}
	p.Share(poisoned{c})
	c.poisons.add(p)
	c.chores.add(retellPoisons{c})
}

// poisoned implements quarantine.Peers. It waits for Redis: the client sends the message again at once, and maybe to
// another gateway.
type poisoned struct{ c *Cluster }

// Tell implements quarantine.Peers.
func (p poisoned) Tell(one quarantine.Known) { p.c.tellPoisons([]quarantine.Known{one}) }

func (c *Cluster) tellPoisons(all []quarantine.Known) {
	args := []any{quarantine.PoisonLifetime.Milliseconds(), quarantine.MaxPoisons, c.keys.news()}
	for _, one := range all {
		name := fmt.Sprintf("%d %x", one.Size, one.Sum)
		args = append(args, name, one.Age.Milliseconds(), c.newsOf(newsPoison, name, one.Age))
	}
	c.run(poisonScript, []string{c.keys.poisons()}, args...) // if Redis is lost, retellPoisons tells of them
}

// hearOfPoison takes news of a message.
func (c *Cluster) hearOfPoison(name string, age time.Duration) {
	one, ok := poisonNamed(name, age)
	if !ok {
		return
	}
	for _, p := range c.poisons.all() {
		c.learnPoisons(p, []quarantine.Known{one})
	}
}

// poisonNamed returns the message with a name of tellPoisons.
func poisonNamed(name string, age time.Duration) (one quarantine.Known, ok bool) {
	var sum []byte
	if n, err := fmt.Sscanf(name, "%d %x", &one.Size, &sum); n != 2 || err != nil || len(sum) != len(one.Sum) {
		return one, false
	}
	copy(one.Sum[:], sum)
	one.Age = age
	return one, true
}

func (c *Cluster) learnPoisons(p *quarantine.Poisons, all []quarantine.Known) {
	if err := p.Learn(all); err != nil {
		c.log.Error("a message that cost a connection of another gateway may be sent after a restart", "err", err)
	}
}

// retellPoisons is a chore: it tells of the messages of this gateway, and asks for those of the others.
type retellPoisons struct{ c *Cluster }

func (r retellPoisons) do() {
	c := r.c
	for _, p := range c.poisons.all() {
		for some := range slices.Chunk(p.All(), poisonsAtOnce) {
			c.tellPoisons(some)
		}
		cmd, ok := c.run(poisonsScript, []string{c.keys.poisons()})
		if !ok {
			return // and again when Redis is back
		}
		said, err := cmd.StringSlice()
		if err != nil {
			c.log.Error("exgate does not understand Redis's list of messages that are not sent again", "err", err)
		}
		var all []quarantine.Known
		for i := 0; i+1 < len(said); i += 2 {
			ms, err := strconv.ParseFloat(said[i+1], 64)
			if one, ok := poisonNamed(said[i], milliseconds(ms)); ok && err == nil {
				all = append(all, one)
			}
		}
		c.learnPoisons(p, all)
	}
}
