package exchangesim

import (
	"errors"
	"strings"
	"sync"
	"time"
)

// idle reports changes until the client sends a line (RFC 2177). Any line except DONE is a
// command in the wrong state (Webklex/php-imap#258).
//
// While this goroutine reads, pushChanges owns the writer and the view; it has
// ended before this one uses them again.
func (c *conn) idle(a *args) (status, error) {
	if err := a.end(); err != nil {
		return status{}, err
	}
	c.intrude(true)
	if c.srv.quirks[quirkIdleOrder] {
		c.sync(true)
	}
	began, stop := c.srv.now(), make(chan struct{}) // before the "+", after which a test may turn the clock
	c.printf("+ IDLE accepted, awaiting DONE command.\r\n")
	if err := c.w.Flush(); err != nil {
		return status{}, err
	}
	var pusher sync.WaitGroup
	if c.view != nil {
		pusher.Go(func() { c.pushChanges(began, stop) })
	}
	var line []byte
	f, struck, err := c.await(time.Now().Add(authenticatedTimeout))
	if !struck && err == nil {
		line, err = readLine(c.r, int(c.maxCommand()))
	}
	close(stop)
	pusher.Wait()
	switch {
	case c.failed != nil:
		return status{}, c.failed
	case struck && err == nil:
		return status{}, c.strikeWaiting(f)
	case err != nil && !errors.Is(err, errLineTooLong):
		return status{}, err
	}
	if !strings.EqualFold(strings.TrimSpace(string(line)), "DONE") {
		return badState("IDLE was not ended by DONE"), nil
	}
	c.sync(true)
	return completed("IDLE"), nil
}

// idleSilence is the time after which IDLE sends no more news (quirk EX-28).
const idleSilence = 10 * time.Minute

// pushChanges ends when it is stopped, or with the connection.
func (c *conn) pushChanges(began time.Time, stop <-chan struct{}) {
	for {
		c.srv.store.mu.Lock()
		changed := c.view.mailbox.changed
		c.srv.store.mu.Unlock()
		if c.isSelectedGone() {
			c.fail(endCut)
			return
		}
		if c.srv.quirks[quirkIdleSilent] && c.srv.now().Sub(began) >= idleSilence {
			return
		}
		c.sync(true)
		if err := c.w.Flush(); err != nil {
			c.fail(err)
			return
		}
		select {
		case <-changed:
		case <-stop:
			return
		}
	}
}
