package main

import (
	"errors"
	"fmt"
	"net"

	"github.com/coreos/go-systemd/v22/activation"

	"exgate/config"
	"exgate/proxy/handover"
)

// socket is a listening socket that this process was given.
type socket struct {
	net.Listener
	name    string // of the listener in the configuration
	address string // that the exgate before this one listened on by its configuration
	passed  bool   // by the service manager, also to an exgate before this one
}

// sockets are the listening sockets that this process was given by the service manager (sd_listen_fds(3)), or by the
// exgate before it. A nil sockets has none.
type sockets struct{ all []socket }

// givenSockets returns the sockets that this process was given.
func givenSockets(before *handover.Inheritance) (*sockets, error) {
	given := new(sockets)
	for _, f := range activation.Files(true) {
		name := f.Name()
		l, err := net.FileListener(f)
		if _, isTCP := l.(*net.TCPListener); err == nil && !isTCP {
			err = errors.Join(errors.New("it is no socket of TCP"), l.Close())
		}
		if err := errors.Join(err, f.Close()); err != nil {
			return nil, errors.Join(fmt.Errorf("the socket %s of the service manager cannot be used: %w", name, err),
				given.close())
		}
		given.all = append(given.all, socket{Listener: l, name: name, passed: true})
	}
	if before != nil {
		for _, s := range before.Sockets {
			given.all = append(given.all, socket{Listener: s.Listener, name: s.Name, address: s.Address,
				passed: s.Address == ""})
		}
	}
	return given, nil
}

// take takes the sockets for a listener that the configuration has at an address.
func (given *sockets) take(name, address string) (taken []socket, err error) {
	if given == nil {
		return nil, nil
	}
	var rest []socket
	for _, s := range given.all {
		switch {
		case s.name != name || !s.passed && s.address != address:
			rest = append(rest, s)
			continue
		case address == "":
			err = fmt.Errorf("the service manager passes a socket for it, and listen.%s is not set", name)
		case config.IsLoopback(address) && !isLoopbackSocket(s):
			err = fmt.Errorf("the service manager passes %s, which others can reach, and listen.%s is %s",
				s.Addr(), name, address)
		}
		taken = append(taken, s)
	}
	given.all = rest
	if err != nil {
		for _, s := range taken {
			s.Close()
		}
		return nil, err
	}
	return taken, nil
}

// end closes the sockets that nothing has taken. One of the service manager that has no listener is an error.
func (given *sockets) end() error {
	if given == nil {
		return nil
	}
	var unknown error
	for _, s := range given.all {
		if s.passed {
			unknown = errors.Join(unknown, fmt.Errorf("the service manager passes a socket with the name %s: set "+
				"FileDescriptorName= of its unit to starttls, implicit, insecure-plaintext or status", s.name))
		}
	}
	return errors.Join(unknown, given.close())
}

func (given *sockets) close() (err error) {
	for _, s := range given.all {
		err = errors.Join(err, s.Close())
	}
	given.all = nil
	return err
}

// isLoopbackSocket reports whether only this machine can reach a socket.
func isLoopbackSocket(l net.Listener) bool {
	return l.Addr().(*net.TCPAddr).IP.IsLoopback()
}
