package backend

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"exgate/backend/exchangesim"
	"exgate/backend/testkit"
)

// Where the configured way of TLS fails, the probe reports whether the other way
// works.
func TestProbeTheOtherWay(t *testing.T) {
	for name, tt := range map[string]struct {
		serves  exchangesim.Mode
		set     TLSMode
		pin     string
		step    string // of the problem; "" is none
		problem string // part of the error
		other   TLSMode
		works   bool
	}{
		"STARTTLS on the TLS port":     {exchangesim.ImplicitTLS, TLSStartTLS, "", "connect", "the server sent no greeting", TLSImplicit, true},
		"TLS on the STARTTLS port":     {exchangesim.StartTLS, TLSImplicit, "", "tls", "set tls: starttls", TLSStartTLS, true},
		"plain text on the TLS port":   {exchangesim.ImplicitTLS, TLSInsecureNone, "", "connect", "the server sent no greeting", TLSImplicit, true},
		"another certificate":          {exchangesim.ImplicitTLS, "", strings.Repeat("00", 32), "tls", "not the pinned one", "", false},
		"it works":                     {exchangesim.ImplicitTLS, "", "", "", "", "", false},
		"plain text that works as set": {exchangesim.InsecurePlaintext, TLSInsecureNone, "", "", "", "", false},
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
			l := testkit.Listen(t)
			var serving sync.WaitGroup
			serving.Go(func() {
				if err := sim.Serve(l, tt.serves); err != nil {
					t.Error(err)
				}
			})
			t.Cleanup(func() { sim.Close(); serving.Wait() })
			u, err := NewUpstream(Options{Address: l.Addr().String(), TLS: tt.set, RootCAs: roots, Pin: tt.pin, Timeouts: Timeouts{Greeting: time.Second}},
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
			if p.Problem == nil || p.Problem.Step != tt.step || !strings.Contains(p.Problem.Error, tt.problem) {
				t.Errorf("problem %+v", p.Problem)
			}
			if tt.other == "" {
				if p.OtherTLS != nil || p.TLS == nil || p.TLS.Verified != "" || len(p.TLS.Chain) != 1 {
					t.Errorf("%+v, the other way %+v", p.TLS, p.OtherTLS)
				}
				return
			}
			if p.OtherTLS == nil || p.OtherTLS.Mode != tt.other || (p.OtherTLS.Error == "") != tt.works {
				t.Errorf("the other way: %+v", p.OtherTLS)
			}
		})
	}
}

func TestParseFolder(t *testing.T) {
	for resp, want := range map[string]ProbedFolder{
		"* LIST (\\HasNoChildren) \"/\" INBOX\r\n":               {"INBOX", "/", []string{`\HasNoChildren`}},
		"* list () NIL \"Sent \\\"Items\\\\\"\r\n":               {`Sent "Items\`, "", nil},
		"* LIST (\\Noselect \\Marked) \"\\\\\" {5}\r\na (b)\r\n": {"a (b)", `\`, []string{`\Noselect`, `\Marked`}},
		"* LIST () \"/\" With a\tTAB\r\n":                        {"With a\tTAB", "/", nil},
	} {
		if got, ok := ParseFolder(resp); !ok || got.Name != want.Name || got.Separator != want.Separator || !slices.Equal(got.Attributes, want.Attributes) {
			t.Errorf("%q: %+v, %v", resp, got, ok)
		}
	}
	for _, resp := range []string{"* LSUB () NIL a\r\n", "* LIST a\r\n", "* LIST () NIL \r\n"} {
		if got, ok := ParseFolder(resp); ok {
			t.Errorf("%q: %+v", resp, got)
		}
	}
}
