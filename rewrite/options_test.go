package rewrite

import (
	"strings"
	"testing"
)

func TestOptionsValidate(t *testing.T) {
	for _, test := range []struct {
		options Options
		faults  []string
	}{
		{Options{}, nil},
		{Options{LongLines: "recode", LineLimit: 78, ReadReceipt: "seen"}, nil},
		{Options{LongLines: "wrap", LineLimit: 1_000_000, ReadReceipt: "all"}, nil},
		{Options{LongLines: "cut"}, []string{`long-lines: "cut"`}},
		{Options{LineLimit: 77}, []string{"line-limit: 77 is too small"}},
		{Options{LineLimit: 1_000_001}, []string{"line-limit: 1000001 is too large"}},
		{Options{LongLines: "On", LineLimit: -1, ReadReceipt: "none"},
			[]string{`long-lines: "On"`, "line-limit: -1 is too small", `read-receipt: "none"`}},
	} {
		err := test.options.Validate()
		if (err == nil) != (test.faults == nil) {
			t.Errorf("%+v: %v", test.options, err)
			continue
		}
		for _, f := range test.faults {
			if !strings.Contains(err.Error(), f) {
				t.Errorf("%+v: %v does not say %q", test.options, err, f)
			}
		}
		if _, planErr := NewPlan(t.Context(), strings.NewReader(""), 0, test.options); (planErr == nil) != (err == nil) {
			t.Errorf("%+v: NewPlan says %v", test.options, planErr)
		}
	}
}
