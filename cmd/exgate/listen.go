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
}

// openAll opens all listeners that have an address. If one fails, it closes the
// others, so that the server starts completely or not at all.
func openAll[M any](wanted []listener[M]) (open []listener[M], err error) {
	for _, l := range wanted {
		if l.address == "" {
			continue
		}
		var listenErr error
		if l.Listener, listenErr = net.Listen("tcp", l.address); listenErr != nil {
			return nil, errors.Join(fmt.Errorf("cannot listen for %s: %w", l.name, listenErr), closeAll(open))
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
