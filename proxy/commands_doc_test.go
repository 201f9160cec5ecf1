package proxy

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"exgate/proxy/capability"
)

const commandsFile = "../docs/commands.md"

// TestCommandsAreDocumented compares docs/commands.md with the routing table and the table of capabilities. It also
// checks that each row gives a reason.
func TestCommandsAreDocumented(t *testing.T) {
	for _, r := range ruleTable {
		if r.why == "" {
			t.Errorf("%s: no reason", r.verbs)
		}
	}
	for _, c := range capability.Table {
		if c.Why == "" {
			t.Errorf("%s: no reason", c.Name)
		}
	}
	want := commandsDoc()
	if *update {
		if err := os.WriteFile(commandsFile, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(commandsFile)
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != want {
		t.Errorf("%s is not what the tables say: go generate ./proxy", commandsFile)
	}
}

func commandsDoc() string {
	var b strings.Builder
	b.WriteString("# Commands and capabilities\n\n" +
		"<!-- Written by go generate ./proxy; the tables are proxy/router.go and proxy/capability.go. -->\n\n" +
		"A command takes one of three ways: **relayed** byte for byte; **edited**, which is relayed too, but with names of mailboxes mapped, " +
		"or what is known to fail mended, in the command or in the answer (where nothing of that is switched on, its bytes are relayed); " +
		"**own**, which exgate answers itself.\n\n" +
		"## Commands that are offered\n\n| command | way | state | when the upstream is lost before its reply | |\n| --- | --- | --- | --- | --- |\n")
	ways := map[lane]string{direct: "relayed", amended: "edited", owned: "own"}
	states := map[state]string{always: "any", beforeLogin: "before login", afterLogin: "after login"}
	for _, r := range ruleTable {
		if r.lane != refused {
			again := "not sent again"
			switch {
			case r.lane == owned:
				again = "see [connections.md](connections.md)"
			case r.repeats:
				again = "sent again"
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", verbsDoc(r.verbs), ways[r.lane], states[r.states], again, r.why)
		}
	}
	b.WriteString("\n## Commands that no mode relays\n\nThey get `BAD`, and Exchange never hears of them.\n\n| command | why |\n| --- | --- |\n")
	for _, r := range ruleTable {
		if r.lane == refused {
			fmt.Fprintf(&b, "| %s | %s |\n", verbsDoc(r.verbs), r.why)
		}
	}
	b.WriteString("\nAny other command is unknown: it gets `BAD` here where the upstream is Exchange, which counts each towards the ten errors after " +
		"which it closes the connection, and is relayed in profile `plain`. Of what is relayed, MULTIAPPEND's second message, CATENATE and UTF8 " +
		"in APPEND are refused, since a message passes whole and repaired here.\n\n" +
		"## Capabilities\n\nClients are told what the upstream has, less what stands here as hidden. Of Exchange nothing else is shown: its own " +
		"additions are no client's business, and what it announces by mistake costs an error (`replies-off: [refusals]` shows them). " +
		"`SPECIAL-USE` is added where exgate marks folders, `APPENDLIMIT` where it keeps a limit. A `*` is any continuation.\n\n" +
		"| capability | | of | why |\n| --- | --- | --- | --- |\n")
	for _, c := range capability.Table {
		shown, of := "hidden", "any server"
		if c.Shown {
			shown = "shown"
		}
		if c.Toward == capability.ExchangeOnly {
			of = "Exchange"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", c.Name, shown, of, c.Why)
	}
	return b.String()
}

func verbsDoc(verbs string) string { return "`" + strings.ReplaceAll(verbs, ",", "`, `") + "`" }
