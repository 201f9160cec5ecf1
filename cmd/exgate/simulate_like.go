package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"exgate/backend/exchangesim"
	"exgate/backend/survey"
	"exgate/backend/wire"
)

// like sets a simulation to what a survey has measured. What the survey does not know stays that of the profile.
func like(c *exchangesim.Config, e survey.Evidence) {
	switch name := e.Server.Profile; {
	case slices.Contains(exchangesim.Profiles(), name):
		c.Profile = name
	case name == "exchange-se":
		c.Profile = "exchange2019"
	}
	c.Like = exchangesim.Like{
		Greeting: e.Server.Greeting, BeforeLogin: strings.Join(e.Server.Before, " "),
		AfterLogin: strings.Join(e.Server.After, " "), ID: idList(e.Server.ID), Limits: map[string]int64{},
		Refusals: map[string]string{},
	}
	var quirks []string
	for _, f := range e.Findings {
		if slices.ContainsFunc(exchangesim.Quirks(), func(q exchangesim.Quirk) bool { return q.Name == f.Name }) {
			switch f.Answer {
			case survey.Yes:
				quirks = append(quirks, f.Name)
			case survey.No:
				quirks = append(quirks, "no-"+f.Name)
			}
		}
		if f.Number > 0 && !f.Open && slices.Contains(exchangesim.Numbered(), f.Name) {
			c.Like.Limits[f.Name] = f.Number
		}
		if f.Said != "" {
			c.Like.Refusals[f.ID] = f.Said
		}
		if f.ID == "M-01" && f.Answer == survey.Yes {
			c.Faults = append(c.Faults, fmt.Sprintf("connection-limit:%d:refused", f.Number))
		}
	}
	// What the flags say comes last, and overrides what was measured.
	c.Quirks = append(quirks, c.Quirks...)
}

// idList writes what ID has told, as the reply to ID does.
func idList(id map[string]string) string {
	if len(id) == 0 {
		return ""
	}
	var words []string
	for _, key := range slices.Sorted(maps.Keys(id)) {
		words = append(words, wire.Quote(key)+" "+wire.Quote(id[key]))
	}
	return "(" + strings.Join(words, " ") + ")"
}
