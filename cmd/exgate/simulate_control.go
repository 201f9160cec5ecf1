package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"exgate/backend/exchangesim"
)

const controlHelp = "Orders (--control), one on each line of standard input:\n" +
	"  fault SPEC: order a fault\n" +
	"  faults off: remove all faults\n" +
	"  stats: print the statistics so far, as JSON\n"

// takeOrders follows the orders for a running simulation until in ends. It answers
// each order with a line, so that a script can wait for the answer.
func takeOrders(in io.Reader, out io.Writer, server *exchangesim.Server) {
	for lines := bufio.NewScanner(in); lines.Scan(); {
		order, argument, _ := strings.Cut(strings.TrimSpace(lines.Text()), " ")
		switch {
		case order == "":
		case order == "fault":
			if err := server.AddFault(argument); err != nil {
				fmt.Fprintln(out, "error:", err)
				continue
			}
			fmt.Fprintln(out, "ordered", argument)
		case order == "faults" && argument == "off":
			server.ClearFaults()
			fmt.Fprintln(out, "faults are off")
		case order == "stats" && argument == "":
			if b, err := json.Marshal(server.Stats()); err == nil { // it holds only numbers and names
				fmt.Fprintf(out, "stats %s\n", b)
			}
		default:
			fmt.Fprintln(out, "error: the orders are: fault SPEC, faults off, stats")
		}
	}
}
