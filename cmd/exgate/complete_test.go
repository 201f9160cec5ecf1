package main

import (
	"strings"
	"testing"

	"exgate/config"
	"exgate/config/profile"
)

// What a shell is told to complete, by cobra's own command for it.
func TestCompletion(t *testing.T) {
	for _, test := range []struct {
		typed []string
		want  []string // among the answers
		not   string
	}{
		{[]string{"serve", "--set", "upstream.pro"}, []string{"upstream.profile="}, "upstream.address="},
		{[]string{"check", "--set", "mode="}, []string{"mode=enforce", "mode=observe"}, "upstream"},
		{[]string{"check", "--set", "upstream.profile="}, []string{"upstream.profile=exchange2016"}, "mode"},
		{[]string{"check", "--set", "upstream.resume="}, []string{"upstream.resume=true", "upstream.resume=false"}, "auto"},
		{[]string{"simulate", "--profile", ""}, []string{"exchange2003", "exchange-online"}, "plain"},
		{[]string{"fix", "--profile", ""}, []string{"exchange2003", "plain", "auto"}, "upstream"},
		{[]string{"report", "--format", ""}, []string{"csv", "html"}, "exchange"},
		{[]string{"explain", "thrott"}, []string{"throttled\t"}, "too-big"},
		{[]string{"explain", "throttled", "thrott"}, nil, "throttled\t"},
	} {
		out, err := exgate(t, append([]string{"__complete"}, test.typed...)...)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range test.want {
			if !strings.Contains("\n"+out, "\n"+want) {
				t.Errorf("%q: no %q in %q", test.typed, want, out)
			}
		}
		if strings.Contains(out, test.not) {
			t.Errorf("%q: %q is in %q", test.typed, test.not, out)
		}
	}
}

// Each value that is offered is taken.
func TestOfferedValuesAreValid(t *testing.T) {
	offered := 0
	for _, key := range config.Keys() {
		for _, value := range config.Values(key) {
			offered++
			_, err := config.Load("", []string{"listen.starttls=127.0.0.1:1", "upstream.address=localhost:1", key + "=" + value})
			if err != nil && strings.Contains(err.Error(), "is not one of") {
				t.Errorf("%s=%s: %v", key, value, err)
			}
		}
	}
	if offered < len(profile.Names())+2 {
		t.Errorf("only %d values are offered", offered)
	}
}
