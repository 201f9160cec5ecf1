package proxy

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"exgate/proxy/capability"
)

const commandsFile = "../docs/commands.md"

// TestCommandsAreDocumented compares docs/commands.md with the command table and the table of capabilities. It also
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
		"<!-- Written by go generate ./proxy; the tables are proxy/command_table.go and proxy/capability/capability.go. -->\n\n" +
		"Each command has a lane, the way in which exgate handles it:\n\n" +
		"- **direct**: exgate passes it on byte for byte.\n" +
		"- **amended**: exgate passes it on, but maps names of mailboxes, or repairs parts of the command or the reply that\n" +
		"  are known to fail. If all these repairs are switched off, exgate relays it byte for byte.\n" +
		"- **owned**: exgate answers it itself.\n\n" +
		"## Commands that are offered\n\n" +
		"| command | lane | state | if the upstream is lost before its reply | |\n| --- | --- | --- | --- | --- |\n")
	lanes := map[lane]string{direct: "direct", amended: "amended", owned: "owned"}
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
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", verbsDoc(r.verbs), lanes[r.lane], states[r.states], again, r.why)
		}
	}
	b.WriteString("\n## Commands that no mode relays\n\nexgate answers these with `BAD`. Exchange never receives them.\n\n| command | why |\n| --- | --- |\n")
	for _, r := range ruleTable {
		if r.lane == refused {
			fmt.Fprintf(&b, "| %s | %s |\n", verbsDoc(r.verbs), r.why)
		}
	}
	b.WriteString("\nAny other command is unknown. If the upstream is Exchange, exgate answers `BAD` itself, because Exchange counts\n" +
		"each unknown command towards the ten errors after which it closes the connection. Profile `plain` relays it. exgate\n" +
		"also refuses the second message of MULTIAPPEND, and CATENATE and UTF8 in APPEND, because it must repair each message\n" +
		"as a whole.\n\n" +
		"## Capabilities\n\n" +
		"exgate announces the upstream's capabilities, except those that this table marks as hidden. For Exchange, exgate\n" +
		"announces only those that the table marks as shown: Exchange's other capabilities are of no use to clients, and a\n" +
		"client that uses one that Exchange announces by mistake causes an error. `replies-off: [refusals]` shows them all.\n" +
		"exgate adds `SPECIAL-USE` if it marks folders, and `APPENDLIMIT` if it keeps a limit. `*` stands for any\n" +
		"continuation of the name.\n\n" +
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
