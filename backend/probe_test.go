package backend

import (
	"strings"
	"sync"
	"testing"
	"time"

	"exgate/backend/exchangesim"
)

// Where the configured way of TLS fails, the probe tells whether the other way
// works.
func TestProbeTheOtherWay(t *testing.T) {
	for name, tt := range map[string]struct {
		serves  exchangesim.Mode
		set     TLSMode
		pin     string
		problem string // part of the error; "" is none
		other   TLSMode
		works   bool
	}{
		"STARTTLS on the TLS port":     {exchangesim.ImplicitTLS, TLSStartTLS, "", "no greeting came", TLSImplicit, true},
		"TLS on the STARTTLS port":     {exchangesim.StartTLS, TLSImplicit, "", "set tls: starttls", TLSStartTLS, true},
		"plain text on the TLS port":   {exchangesim.ImplicitTLS, TLSInsecureNone, "", "no greeting came", TLSImplicit, true},
		"another certificate":          {exchangesim.ImplicitTLS, "", strings.Repeat("00", 32), "not the pinned one", TLSStartTLS, false},
		"it works":                     {exchangesim.ImplicitTLS, "", "", "", "", false},
		"plain text that works as set": {exchangesim.InsecurePlaintext, TLSInsecureNone, "", "", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			sim, err := exchangesim.New(exchangesim.Config{})
			if err != nil {
				t.Fatal(err)
			}
			roots, err := sim.RootCAs()
			if err != nil {
				t.Fatal(err)
			}
			l := newListener(t)
			var serving sync.WaitGroup
			serving.Go(func() {
				if err := sim.Serve(l, tt.serves); err != nil {
					t.Error(err)
				}
			})
			t.Cleanup(func() { sim.Close(); serving.Wait() })
			u, err := NewUpstream(Options{Address: l.Addr().String(), TLS: tt.set, RootCAs: roots, Pin: tt.pin, Timeouts: Timeouts{Greeting: 200 * time.Millisecond}},
				func(Evidence) Choice { return Choice{Verify: true} })
			if err != nil {
				t.Fatal(err)
			}
			p := u.Probe(t.Context(), bob, Credential{Password: NewSecret("bobpass")}, ProbeTest{}, nil)
			if tt.problem == "" {
				if p.Problem != nil || !p.Opened || len(p.Folders) == 0 || (p.TLS == nil) != (tt.set == TLSInsecureNone) || p.OtherTLS != nil {
					t.Errorf("%+v, problem %+v", p, p.Problem)
				}
				return
			}
			if p.Problem == nil || p.Problem.Step != "connect" || !strings.Contains(p.Problem.Error, tt.problem) {
				t.Errorf("problem %+v", p.Problem)
			}
			if p.OtherTLS == nil || p.OtherTLS.Mode != tt.other || (p.OtherTLS.Error == "") != tt.works {
				t.Errorf("the other way: %+v", p.OtherTLS)
			}
		})
	}
}
