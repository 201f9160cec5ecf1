package main

import (
	"errors"
	"fmt"
	"net"
)

// listener is an address to listen on, and what is spoken there: M is the
// mode of the server that it is for.
type listener[M any] struct {
	net.Listener // nil until it is open
	name         string
	address      string // "" is none
	mode         M
}

// openAll opens the listeners that have an address, or none of them, so that
// nothing is served before all of it can be.
func openAll[M any](wanted []listener[M]) (open []listener[M], err error) {
	for _, l := range wanted {
		if l.address == "" {
			continue
		}
		var listenErr error
		if l.Listener, listenErr = net.Listen("tcp", l.address); listenErr != nil {
			return nil, errors.Join(fmt.Errorf("listening for %s: %w", l.name, listenErr), closeAll(open))
		}
		open = append(open, l)
	}
	return open, nil
}

func closeAll[M any](open []listener[M]) (err error) {
	for _, l := range open {
		err = errors.Join(err, l.Close())
	}
	return err
}
