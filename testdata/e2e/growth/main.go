// Command growth measures how exgate bears more: appenders at the same time, sessions, and accounts over time. It
// builds exgate, starts it between clients and a server that answers at once, and prints what it measures. It needs
// Linux.
//
//	go run ./testdata/e2e/growth idle [-sessions N] [-profile NAME] [-plaintext] [-tls12] [-heap FILE]
//	go run ./testdata/e2e/growth appenders [-counts N,N…] [-sizes N,N…] [-rounds N] [-floor PROGRAM]
//	go run ./testdata/e2e/growth sessions [-counts N,N…] [-profile NAME] [-every TIME]
//	go run ./testdata/e2e/growth accounts [-counts N,N…] [-profile NAME] [-at-once N] [-heap FILE]
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
)

type options struct {
	sessions, users, atOnce int
	messages, headers       int
	append                  int
	profile                 string
	plaintext, tls12        bool
	idle                    bool
	wait                    time.Duration
	heap, exgate            string

	counts, sizes numbers
	rounds        int
	every         time.Duration
	floor         string
}

// numbers is a list of numbers, as a flag.
type numbers []int

func (n *numbers) String() string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(*n), " ", ","), "[]")
}

func (n *numbers) Set(text string) error {
	*n = nil
	for field := range strings.SplitSeq(text, ",") {
		one, err := strconv.Atoi(field)
		if err != nil {
			return err
		}
		*n = append(*n, one)
	}
	return nil
}

var verbs = map[string]func(*options) error{
	"idle": measureIdle, "appenders": measureAppenders, "sessions": measureSessions, "accounts": measureAccounts,
}

func main() {
	debug.SetGCPercent(400) // of this program, which is not what is measured
	verb := ""
	if len(os.Args) > 1 {
		verb = os.Args[1]
	}
	measure := verbs[verb]
	if measure == nil {
		fmt.Fprintln(os.Stderr, "growth: name what to measure: idle, appenders, sessions or accounts")
		os.Exit(2)
	}
	if err := measure(readFlags(verb, os.Args[2:])); err != nil {
		fmt.Fprintln(os.Stderr, "growth:", err)
		os.Exit(1)
	}
}

func readFlags(verb string, args []string) *options {
	o := &options{sizes: numbers{4096, 65536}}
	flags := flag.NewFlagSet(verb, flag.ExitOnError)
	profile := "exchange2016"
	switch verb {
	case "idle":
		profile = "plain"
	case "appenders":
		o.counts = numbers{1, 4, 16, 64, 256}
	case "sessions":
		o.counts = numbers{100, 500, 1000, 2000, 4000}
	case "accounts":
		o.counts, o.sizes = numbers{2000, 5000, 10000, 22000}, numbers{2048}
	}
	flags.Var(&o.counts, "counts", "appenders, sessions or accounts at which to measure")
	flags.Var(&o.sizes, "sizes", "sizes of messages")
	flags.IntVar(&o.rounds, "rounds", 3, "rounds of appenders")
	flags.DurationVar(&o.every, "every", 5*time.Second, "time between two commands of a session")
	flags.StringVar(&o.floor, "floor", "", "a relay to compare appenders with, which takes the flags of go-floor")
	flags.IntVar(&o.sessions, "sessions", 400, "sessions that idle")
	flags.IntVar(&o.users, "users", 0, "accounts of sessions that idle; 0: one for each session")
	flags.IntVar(&o.atOnce, "at-once", map[bool]int{true: 32, false: 8}[verb == "accounts"],
		"sessions that log in at the same time")
	flags.IntVar(&o.messages, "messages", 100, "messages of 1 to 500 kB that each session fetches before it idles")
	flags.IntVar(&o.headers, "headers", 300, "headers that each session fetches")
	flags.IntVar(&o.append, "append", -1,
		"size of the message that each session stores before it idles; 0: none; -1: 4096, but none with profile plain")
	flags.StringVar(&o.profile, "profile", profile, "profile of the upstream")
	flags.BoolVar(&o.plaintext, "plaintext", false, "no TLS on either side")
	flags.BoolVar(&o.tls12, "tls12", false, "the server has TLS 1.2 only, as Exchange 2016 on most systems")
	flags.BoolVar(&o.idle, "idle", false, "the sessions wait in IDLE")
	flags.DurationVar(&o.wait, "wait", 85*time.Second, "time after which exgate has given back memory")
	flags.StringVar(&o.heap, "heap", "", "file for a whole profile of the heap at the end, which takes memory itself")
	flags.StringVar(&o.exgate, "exgate", "", "a program that was built before, with -build-only")
	build := flags.String("build-only", "", "build exgate with its profiles to this file, and end")
	flags.Parse(args)
	if o.append < 0 {
		if o.append = 4096; o.profile == "plain" {
			o.append = 0
		}
	}
	if o.users == 0 {
		o.users = o.sessions
	}
	if *build != "" {
		if err := buildExgate(*build); err != nil {
			fmt.Fprintln(os.Stderr, "growth:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	return o
}
