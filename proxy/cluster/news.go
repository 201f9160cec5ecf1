package cluster

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"exgate/proxy/guard"
)

// listen hears what other gateways tell, until the cluster is closed. The library connects again after a loss, and says
// so: what was told meanwhile is asked for.
func (c *Cluster) listen(news *redis.PubSub) {
	heard := news.ChannelWithSubscriptions()
	for {
		select {
		case <-c.ctx.Done():
			if err := news.Close(); err != nil {
				c.log.Debug("the news of the cluster were not closed", "err", err)
			}
			for range heard { // until the library's goroutine has ended, which may be waiting to hand over another one
			}
			return
		case one, ok := <-heard:
			if !ok {
				return
			}
			switch one := one.(type) {
			case *redis.Subscription:
				c.catchUp()
			case *redis.Message:
				c.hear(one.Payload)
			}
		}
	}
}

// hear takes one piece of news: its kind, the gateway that tells it, a time in ms, and what it is about. A gateway
// hears its own news of a pace: an answer that was under way could have the pace from before. It hears its own news of
// forgiven failures, too: news of these failures could come after the login that forgives them.
func (c *Cluster) hear(news string) {
	words := strings.SplitN(news, " ", 4)
	if len(words) < 4 || words[1] == c.id && words[0] != newsPace && words[0] != newsForgiven {
		return
	}
	ms, err := strconv.ParseInt(words[2], 10, 64)
	if err != nil || ms < 0 {
		return
	}
	switch words[0] {
	case newsSlots:
		c.lookForSlots()
		return
	case newsLogins, newsFailed, newsForgiven:
		for _, g := range c.guesses.all() {
			hearOfLogins(g, words[0], int(ms), words[3])
		}
		return
	case newsSettled:
		c.hearOfMessage(words[3])
		return
	case newsEqual:
		c.appends.wake()
		return
	case newsPoison:
		c.hearOfPoison(words[3], time.Duration(ms)*time.Millisecond)
		return
	}
	for _, a := range c.accounts() {
		switch {
		case a.name != words[3]:
		case words[0] == newsThrottle:
			a.throttle.Extend(time.Duration(ms) * time.Millisecond)
		case words[0] == newsPace:
			c.chores.add(a)
		}
	}
}

// hearOfLogins takes news of logins. about has the keys of counts, n the failures of each.
func hearOfLogins(g *guard.Guesses, kind string, n int, about string) {
	switch kind {
	case newsLogins:
		g.Wake()
	case newsFailed:
		for _, key := range strings.Fields(about) {
			g.Heard(key, n)
		}
	case newsForgiven:
		g.Forgive(about)
	}
}

// The kinds of news.
const (
	newsThrottle = "throttle" // an account is held back for a time
	newsPace     = "pace"     // an account has a slower pace
	newsSlots    = "slots"    // an upstream may have free slots
	newsLogins   = "logins"   // a login that waits may pass
	newsFailed   = "failed"   // logins have failed; the number is in place of the time
	newsPoison   = "poison"   // a message is never to be sent again; the time is its age
	newsSettled  = "settled"  // it is known what became of a message that came again
	newsEqual    = "equal"    // an APPEND has ended, and an equal message may begin
	newsForgiven = "forgiven" // an account has logged in at an address
)

// newsOf writes a piece of news.
func (c *Cluster) newsOf(kind, about string, d time.Duration) string {
	return fmt.Sprintf("%s %s %d %s", kind, c.id, d.Milliseconds(), about)
}

// catchUp asks what has changed while Redis was lost, and tells what has changed here.
func (c *Cluster) catchUp() {
	for _, a := range c.accounts() {
		c.chores.add(retell{a})
	}
	c.retellSlots()
	c.retellAppends()
	c.chores.add(retellLogins{c})
	c.chores.add(retellPoisons{c})
	c.chores.add(settleBooks{c})
	for _, l := range c.ledgers.all() {
		l.Retell()
	}
}
