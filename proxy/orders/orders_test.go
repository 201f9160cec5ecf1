package orders

import (
	"strings"
	"testing"
	"time"
)

func TestHoldsHaveABound(t *testing.T) {
	var h Holds
	var traced Traced
	for i := range Max {
		name := strings.Repeat("x", i%100) + time.Duration(i).String()
		if err := h.Add(name); err != nil {
			t.Fatal(err)
		}
		if err := traced.Set(name, true); err != nil {
			t.Fatal(err)
		}
	}
	if h.Add("one more") == nil || traced.Set("one more", true) == nil {
		t.Error("one too many is taken")
	}
}
