package proxy

import (
	"testing"

	"exgate/backend/exchangesim"
)

// A client that creates a parent which Exchange has created unasked learns that by the
// response code, whether exgate maps names or relays the command.
func TestRefusalsHaveCodes(t *testing.T) {
	mapped := repairing(true)
	mapped.Names = apartNames
	for name, prof := range map[string]func(*Options, *limits){
		"relayed": withProfile(repairing(true)), "mapped": withProfile(mapped),
	} {
		t.Run(name, func(t *testing.T) {
			g, _ := newSimulated(t, exchangesim.Config{Profile: "exchange2016"}, prof)
			c := g.loginSimulated()
			c.do("CREATE A", "OK CREATE completed.")
			c.do("CREATE A", "NO [ALREADYEXISTS] …")
			c.do("SELECT Missing", "NO [NONEXISTENT] …")
		})
	}
}
