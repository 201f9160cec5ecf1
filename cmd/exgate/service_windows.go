package main

import (
	"context"
	"io"
	"strings"
	"sync"

	"golang.org/x/sys/windows/svc"
	"golang.org/x/sys/windows/svc/eventlog"
)

// serviceName is the name of exgate's service, and of its source of events.
const serviceName = "exgate"

// runAsService runs exgate for the service manager of Windows, if that has started this process. Without log.file, the
// log goes to the event log.
func runAsService(run func(ctx context.Context, log io.Writer) error) (isService bool, code int) {
	if isService, err := svc.IsWindowsService(); err != nil || !isService {
		return false, 0
	}
	events, err := eventlog.Open(serviceName)
	if err != nil {
		return true, exitInternal
	}
	defer events.Close()
	h := &serviceHandler{run: run, events: eventWriter{events}}
	if err := svc.Run(serviceName, h); err != nil {
		h.events.put(eventError, "the service manager does not answer: "+err.Error())
		return true, exitInternal
	}
	return true, exitCode(h.err)
}

// serviceHandler is what the service manager talks to.
type serviceHandler struct {
	run    func(context.Context, io.Writer) error
	events eventWriter
	err    error // of run
}

// Execute implements svc.Handler.
func (h *serviceHandler) Execute(
	_ []string, requests <-chan svc.ChangeRequest, changes chan<- svc.Status,
) (isOurs bool, code uint32) {
	changes <- svc.Status{State: svc.StartPending, WaitHint: uint32(startTime.Milliseconds())}
	orders, ended := make(chan serviceOrder), make(chan struct{})
	var forwarding sync.WaitGroup
	forwarding.Go(func() { forward(requests, changes, orders, ended) })
	run := func(ctx context.Context) error { return h.run(ctx, h.events) }
	h.err = supervise(run, orders, func(phase servicePhase) {
		switch phase {
		case serviceServes:
			accepts := svc.AcceptStop | svc.AcceptShutdown | svc.AcceptParamChange
			changes <- svc.Status{State: svc.Running, Accepts: svc.Accepted(accepts)}
		case serviceStops:
			changes <- svc.Status{State: svc.StopPending}
		}
	})
	close(ended)
	forwarding.Wait()
	if h.err != nil {
		h.events.put(eventError, "exgate ends: "+h.err.Error())
	}
	return h.err != nil, uint32(exitCode(h.err))
}

// forward makes orders of the requests of the service manager, until ended is closed.
func forward(
	requests <-chan svc.ChangeRequest, changes chan<- svc.Status, orders chan<- serviceOrder, ended <-chan struct{},
) {
	for {
		var order serviceOrder
		select {
		case <-ended:
			return
		case r := <-requests:
			switch r.Cmd {
			case svc.Stop, svc.Shutdown:
				order = orderStop
			case svc.ParamChange:
				order = orderReload
			default: // svc.Interrogate
				changes <- r.CurrentStatus
				continue
			}
		}
		select {
		case orders <- order:
		case <-ended:
			return
		}
	}
}

// eventID is the number of every event: exgate's events differ by their text.
const eventID = 1

// maxEvent is the longest text of an event, in bytes. Windows takes 31,839 characters.
const maxEvent = 30_000

type eventKind int

const (
	eventInfo eventKind = iota
	eventWarning
	eventError
)

// eventWriter writes lines of the log to the event log.
type eventWriter struct{ log *eventlog.Log }

// Write implements io.Writer.
func (w eventWriter) Write(p []byte) (int, error) {
	for line := range strings.Lines(string(p)) {
		kind := eventInfo
		switch head := line[:min(len(line), 200)]; {
		case strings.Contains(head, `"level":"ERROR"`), strings.Contains(head, "level=ERROR"):
			kind = eventError
		case strings.Contains(head, `"level":"WARN"`), strings.Contains(head, "level=WARN"):
			kind = eventWarning
		}
		if err := w.put(kind, line); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

func (w eventWriter) put(kind eventKind, text string) error {
	text = printable(strings.TrimSpace(text[:min(len(text), maxEvent)]))
	switch kind {
	case eventError:
		return w.log.Error(eventID, text)
	case eventWarning:
		return w.log.Warning(eventID, text)
	}
	return w.log.Info(eventID, text)
}
