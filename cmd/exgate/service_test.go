package main

import (
	"context"
	"errors"
	"slices"
	"testing"
)

// A service manager that sends no signals starts, reloads and stops exgate.
func TestSupervise(t *testing.T) {
	failed := errors.New("failed")
	for name, tt := range map[string]struct {
		orders []serviceOrder
		run    func(ctx context.Context, m *managed) error
		phases []servicePhase
		err    error
	}{
		"it does not start": {nil, func(context.Context, *managed) error { return failed }, nil, failed},
		"stop": {[]serviceOrder{orderStop}, func(ctx context.Context, m *managed) error {
			m.serves()
			<-ctx.Done()
			return nil
		}, []servicePhase{serviceServes, serviceStops}, nil},
		"stop twice": {[]serviceOrder{orderStop, orderStop}, func(ctx context.Context, m *managed) error {
			m.serves()
			<-ctx.Done()
			return failed
		}, []servicePhase{serviceServes, serviceStops}, failed},
		"reload": {[]serviceOrder{orderReload, orderReload, orderStop}, func(ctx context.Context, m *managed) error {
			m.serves()
			<-m.reload
			m.serves() // it says so after each reload
			<-ctx.Done()
			return nil
		}, []servicePhase{serviceServes, serviceStops}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			orders, ended := make(chan serviceOrder), make(chan struct{})
			var phases []servicePhase
			serves := make(chan struct{})
			go func() { // the service manager sends orders to what runs
				select {
				case <-serves:
				case <-ended:
					return
				}
				for _, order := range tt.orders {
					select {
					case orders <- order:
					case <-ended: // before the second stop
					}
				}
			}()
			err := supervise(func(ctx context.Context) error { return tt.run(ctx, managedBy(ctx)) }, orders,
				func(phase servicePhase) {
					if phases = append(phases, phase); phase == serviceServes {
						close(serves)
					}
				})
			close(ended)
			if !errors.Is(err, tt.err) || !slices.Equal(phases, tt.phases) {
				t.Errorf("%v, phases %v", err, phases)
			}
		})
	}
	managedBy(t.Context()).serves() // a program that no service manager runs
}
