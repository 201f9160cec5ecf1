package handover

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"

	"exgate/proxy/status"
)

// Socket is a listening socket that changes its process.
type Socket struct {
	Name         string `json:"name"`    // of the listener in the configuration, such as starttls
	Address      string `json:"address"` // of the listener in the configuration; "": the service manager has made the socket
	net.Listener `json:"-"`
}

// offer is the first message of the old process.
type offer struct {
	Sockets []Socket `json:"sockets"` // in the order of their file descriptors
}

// reply is the message of the new process.
type reply struct {
	Ready bool   `json:"ready"`
	Error string `json:"error,omitempty"` // why the new process does not start
}

// command is the second message of the old process.
type command struct {
	Control string       `json:"control"` // path of the control socket of the old process; "": it has none
	Drain   status.Drain `json:"drain"`   // what the control socket says of it now
}

// channel is one end of the socket pair. The messages are JSON, so that each version takes what it knows of them.
type channel struct {
	net.Conn
	decoder *json.Decoder
}

func newChannel(nc net.Conn) *channel { return &channel{nc, json.NewDecoder(nc)} }

func (c *channel) send(message any) error { return json.NewEncoder(c).Encode(message) }

func (c *channel) receive(message any) error { return c.decoder.Decode(message) }

// Program is what Start runs: the program, its arguments and its directory when this process began. An upgrade replaces
// the file at the same path.
type Program struct {
	Path string
	Args []string // without the name of the program
	Dir  string
}

// ErrContainer is the error of Start where this process is the first one of its container, which ends with it.
var ErrContainer = errors.New("exgate is the first process of a container, which ends with it: start another container")

// Inheritance is what a new process has from the old one. Take makes one.
type Inheritance struct {
	Sockets []Socket
	channel *channel
	ended   chan struct{}
}

// Fail tells the old process why this one does not start.
func (i *Inheritance) Fail(err error) {
	if i == nil {
		return
	}
	i.channel.send(reply{Error: err.Error()}) // if the old process has ended, nobody asks
	i.channel.Close()
}

// Ready tells the old process that this one can serve, and waits until the old one accepts no more clients. It returns
// the path of its control socket, "" if there is none, and what the old process knows then: it may have ended before it
// is asked. If the old process is gone, this one serves alone.
func (i *Inheritance) Ready(done <-chan struct{}) (control string, drain status.Drain, err error) {
	if err := i.channel.send(reply{Ready: true}); err != nil {
		return "", drain, fmt.Errorf("take over: the old exgate has ended: %w", err)
	}
	var c command
	received := make(chan error, 1)
	go func() { received <- i.channel.receive(&c) }() // ends with the channel at the latest
	select {
	case err := <-received:
		go i.awaitEnd()
		if err != nil { // the old process was killed
			return "", drain, nil
		}
		return c.Control, c.Drain, nil
	case <-done:
		i.channel.Close()
		return "", drain, errors.New("exgate was stopped before it had taken over")
	}
}

// awaitEnd ends with the old process: that sends nothing more, and the system closes its end of the channel.
func (i *Inheritance) awaitEnd() {
	i.channel.Read(make([]byte, 1))
	i.channel.Close()
	close(i.ended)
}

// Ended returns a channel that is closed when the old process has ended. It is used after Ready.
func (i *Inheritance) Ended() <-chan struct{} { return i.ended }
