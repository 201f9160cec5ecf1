package main

import (
	"errors"
	"fmt"
	"net"
)

// listener is an address to listen on, with the protocol mode that the server
// uses there.
type listener[M any] struct {
	net.Listener // nil until it is open
	name         string
	address      string // "" is none
	mode         M
	passed       bool // by the service manager
}

// openAll opens all listeners that have an address, or takes the sockets that this process was given for them. If one
// fails, it closes the others, so that the server starts completely or not at all.
func openAll[M any](wanted []listener[M], given *sockets) (open []listener[M], err error) {
	for _, l := range wanted {
		all, listenErr := given.take(l.name, l.address)
		if listenErr == nil && len(all) == 0 && l.address != "" {
			l.Listener, listenErr = net.Listen("tcp", l.address)
			all = append(all, socket{Listener: l.Listener})
		}
		if listenErr != nil {
			return nil, errors.Join(fmt.Errorf("cannot listen for %s: %w", l.name, listenErr), closeAll(open))
		}
		for _, s := range all {
			l.Listener, l.passed = s.Listener, s.passed
			open = append(open, l)
		}
	}
	return open, nil
}

func closeAll[M any](open []listener[M]) (err error) {
	for _, l := range open {
		err = errors.Join(err, l.Close())
	}
	return err
}
